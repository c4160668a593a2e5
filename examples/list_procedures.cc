// Loads IDL files and lists their procedures.
//
//     list_procedures FILE.idl...
//
// What is wrong with a file goes to standard error; the status is 1 when something is missing from
// the list because of it.
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "idl/parser.h"
#include "idl/printer.h"

int main(int argc, char** argv) {
  using namespace rpcmarshal;
  if (argc < 2) {
    std::fputs("usage: list_procedures FILE.idl...\n", stderr);
    return 2;
  }
  const std::vector<std::filesystem::path> files(argv + 1, argv + argc);
  const idl::ParseResult parsed = idl::parse_files(files);
  for (const idl::Diagnostic& finding : parsed.diagnostics) {
    std::fprintf(stderr, "%s\n", finding.to_string().c_str());
  }
  for (const Interface& iface : parsed.module.interfaces) {
    std::printf("%s %s version %u.%u\n", iface.name.c_str(), iface.id.uuid.to_string().c_str(),
                iface.id.major, iface.id.minor);
    for (const Procedure& procedure : iface.procedures) {
      std::printf("  %3u %s\n", procedure.opnum,
                  procedure.typed ? idl::print_signature(procedure).c_str()
                                  : (procedure.name + ": " + procedure.untyped_why).c_str());
    }
  }
  return parsed.ok() ? 0 : 1;
}
