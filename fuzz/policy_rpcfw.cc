// An RpcFw.conf: whatever it holds, both translations are policies that parse.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "policy/compiler/parser.h"
#include "policy/compiler/rpcfw.h"

using namespace rpcmarshal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Catalogue kCatalogue;
  static const lint::Operations kOperations(kCatalogue);
  sigma::Diagnostics diagnostics;
  const policy::RpcFwPolicy read = policy::read_rpcfw({reinterpret_cast<const char*>(data), size},
                                                      "RpcFw.conf", kOperations, diagnostics);
  for (const std::string& yaml : {read.firewall, read.filters}) {
    policy::PolicyModel model;
    sigma::Diagnostics own;
    if (policy::parse_policy(yaml, "fuzz.yml", model, own)) continue;
    for (const sigma::Diagnostic& d : own) std::fprintf(stderr, "%s\n", d.to_string().c_str());
    std::abort();
  }
  return 0;
}
