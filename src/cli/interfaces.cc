// rpcmarshal interfaces: what is known of which interface.
#include <cstdio>
#include <memory>

#include "builtin/builtin.h"
#include "builtin/describe.h"
#include "cli/commands.h"

namespace rpcmarshal::cli {
namespace {

struct Options {
  std::vector<std::string> words, definitions, names;
  std::string format = "text";
  bool all = false;
};

void say_diagnostics(const LoadedCatalogue& loaded) {
  for (const idl::Diagnostic& d : loaded.diagnostics) {
    if (d.severity != idl::Diagnostic::Severity::kNote)
      std::fprintf(stderr, "%s\n", d.to_string().c_str());
  }
}

int list(const Options& o) {
  const LoadedCatalogue loaded = load_catalogue(o.definitions);
  say_diagnostics(loaded);
  if (o.format == "markdown") {
    std::fputs(list_markdown(loaded.catalogue).c_str(), stdout);
    return kOk;
  }
  const auto interfaces = select_interfaces(loaded.catalogue.all(o.all), o.words);
  std::fputs((o.format == "json" ? list_json(interfaces) : list_text(interfaces)).c_str(), stdout);
  if (interfaces.empty() && !o.all)
    std::fputs("rpcmarshal: nothing defined fits; --all also searches what only has names\n",
               stderr);
  return interfaces.empty() ? kDamagedInput : kOk;
}

int show(const Options& o) {
  const LoadedCatalogue loaded = load_catalogue(o.definitions);
  say_diagnostics(loaded);
  int status = kOk;
  for (const std::string& name : o.names) {
    const auto uuid = Guid::parse(name);
    const Interface* interface =
        uuid ? loaded.catalogue.find(*uuid) : loaded.catalogue.find_by_name(name);
    if (!interface) {
      std::fprintf(stderr,
                   "rpcmarshal: no interface is called %s; `rpcmarshal interfaces --all` names "
                   "them all\n",
                   name.c_str());
      status = kUsage;
      continue;
    }
    std::fputs((o.format == "json" ? show_json(*interface) : show_text(*interface)).c_str(),
               stdout);
  }
  return status;
}

}  // namespace

void add_interfaces(CLI::App& app, Run& run) {
  const auto o = std::make_shared<Options>();
  CLI::App* interfaces =
      app.add_subcommand("interfaces", "List the known interfaces, or show what is known of one");
  interfaces->footer(
      "Examples:\n"
      "  rpcmarshal interfaces                       all that are defined, with counts\n"
      "  rpcmarshal interfaces T1187                 those with an operation of this technique\n"
      "  rpcmarshal interfaces --all spool           also those of which only names are known\n"
      "  rpcmarshal interfaces show svcctl           what it is, its operations, why they matter\n"
      "Exit status: 0; 1 nothing fits; 2 the command line or a name could not be used.");
  interfaces->fallthrough();
  interfaces->add_option("WORD", o->words,
                         "Only interfaces that mention all of these: name, UUID, document, "
                         "operation, technique, ...");
  interfaces->add_option("-f,--format", o->format, "text, json, markdown (docs/interfaces.md)")
      ->check(CLI::IsMember({"text", "json", "markdown"}));
  interfaces->add_flag("--all", o->all, "Also interfaces of which only names are known");
  interfaces
      ->add_option("--interfaces", o->definitions,
                   "Folder of .idl files (or a file) besides the built-in ones")
      ->check(CLI::ExistingPath);
  interfaces->callback([o, interfaces, &run] {
    if (interfaces->get_subcommands().empty()) run = [o] { return list(*o); };
  });

  CLI::App* show_command =
      interfaces->add_subcommand("show", "What an interface is, and all its operations");
  show_command->add_option("NAME", o->names, "Interface name, Zeek's name for it, or UUID")
      ->required();
  show_command->callback([o, &run] { run = [o] { return show(*o); }; });
}

}  // namespace rpcmarshal::cli
