// rpcmarshal idl check|show: interface definitions.
#include <cstdio>
#include <memory>

#include "builtin/builtin.h"
#include "cli/commands.h"
#include "idl/printer.h"
#include "interface/names.h"

namespace rpcmarshal::cli {
namespace {

int check(const std::vector<std::string>& files, const std::vector<std::string>& imports) {
  idl::ParseOptions options;
  for (const std::string& folder : imports) options.import_path.emplace_back(folder);
  int status = kOk;
  for (const std::string& file : files) {
    const idl::ParseResult parsed = idl::parse_file(file, options);
    for (const idl::Diagnostic& d : parsed.diagnostics) std::printf("%s\n", d.to_string().c_str());
    const idl::Counts& c = parsed.counts;
    std::printf(
        "%s: %zu interfaces, %zu procedures (%zu reserved, %zu without types), %zu types; %zu "
        "errors, %zu warnings, %zu notes\n",
        file.c_str(), c.interfaces, c.procedures, c.reserved, c.untyped, c.types, c.errors,
        c.warnings, c.notes);
    if (!parsed.ok()) status = kDamagedInput;
  }
  return status;
}

int show(const std::string& name, const std::vector<std::string>& definitions) {
  const LoadedCatalogue loaded = load_catalogue(definitions);
  const auto dot = name.find('.');
  const std::string interface_name = name.substr(0, dot);
  const auto uuid = Guid::parse(interface_name);
  const Interface* interface =
      uuid ? loaded.catalogue.find(*uuid) : loaded.catalogue.find_by_name(interface_name);
  if (!interface) {
    std::fprintf(stderr,
                 "rpcmarshal: no interface is called %s; `rpcmarshal idl list` names them all\n",
                 interface_name.c_str());
    return kUsage;
  }
  if (dot == std::string::npos) {
    std::fputs(idl::print_interface(*interface).c_str(), stdout);
    return kOk;
  }
  const std::string operation = name.substr(dot + 1);
  for (const Procedure& procedure : interface->procedures) {
    if (procedure.name == operation || std::to_string(procedure.opnum) == operation ||
        is_called(procedure, operation)) {
      std::fputs(idl::print_procedure(*interface, procedure).c_str(), stdout);
      return kOk;
    }
  }
  std::fprintf(stderr, "rpcmarshal: %s has no operation %s\n", interface->name.c_str(),
               operation.c_str());
  return kUsage;
}

int list(const std::vector<std::string>& definitions) {
  const LoadedCatalogue loaded = load_catalogue(definitions);
  for (const Interface* interface : loaded.catalogue.all()) {
    std::printf("%-28s %s v%u.%u  %3zu operations  %s\n", interface->name.c_str(),
                interface->id.uuid.to_string().c_str(), interface->id.major, interface->id.minor,
                interface->procedures.size(), interface->document.c_str());
  }
  return kOk;
}

}  // namespace

void add_idl(CLI::App& app, Run& run) {
  struct Options {
    std::vector<std::string> files, imports, definitions;
    std::string name;
  };
  const auto o = std::make_shared<Options>();
  CLI::App* idl = app.add_subcommand("idl", "Check and show interface definitions");
  idl->require_subcommand(1);

  CLI::App* check_command =
      idl->add_subcommand("check", "Report what is wrong in IDL files, with line and column");
  check_command->add_option("FILE", o->files, "IDL files")->required();
  check_command->add_option("-I,--import", o->imports,
                            "Folder to look in for imported files; may be repeated");
  check_command->callback([o, &run] { run = [o] { return check(o->files, o->imports); }; });

  CLI::App* show_command =
      idl->add_subcommand("show", "Print an interface or one operation as normalised IDL");
  show_command
      ->add_option("NAME", o->name,
                   "Interface name or UUID, optionally with .operation (name, alias or opnum)")
      ->required();
  show_command
      ->add_option("--interfaces", o->definitions,
                   "Folder of .idl files (or a file) besides the built-in ones")
      ->check(CLI::ExistingPath);
  show_command->callback([o, &run] { run = [o] { return show(o->name, o->definitions); }; });

  CLI::App* list_command = idl->add_subcommand("list", "Name every known interface");
  list_command
      ->add_option("--interfaces", o->definitions,
                   "Folder of .idl files (or a file) besides the built-in ones")
      ->check(CLI::ExistingPath);
  list_command->callback([o, &run] { run = [o] { return list(o->definitions); }; });
}

}  // namespace rpcmarshal::cli
