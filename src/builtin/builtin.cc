#include "builtin/builtin.h"

#include <algorithm>
#include <filesystem>

#include "builtin/embedded.h"

namespace rpcmarshal {
namespace {

std::optional<std::string> embedded_text(std::string_view name) {
  for (const EmbeddedFile& file : embedded_interfaces()) {
    if (file.name == name) return std::string(file.text);
  }
  return std::nullopt;
}

void add_module(LoadedCatalogue& loaded, idl::ParseResult parsed) {
  struct Alias {
    SyntaxId alias, id;
  };
  std::vector<Alias> aliases;
  for (const Interface& interface : parsed.module.interfaces) {
    if (const auto other = Guid::parse(interface.annotations.value("alias_uuid"))) {
      aliases.push_back({{*other, interface.id.major, interface.id.minor}, interface.id});
    }
  }
  loaded.catalogue.add(std::move(parsed.module));
  for (const Alias& alias : aliases) loaded.catalogue.add_alias(alias.alias, alias.id);
  loaded.diagnostics.insert(loaded.diagnostics.end(), parsed.diagnostics.begin(),
                            parsed.diagnostics.end());
}

}  // namespace

LoadedCatalogue load_catalogue(const std::vector<std::string>& user_paths) {
  LoadedCatalogue loaded;
  std::vector<idl::Source> sources;
  for (const EmbeddedFile& file : embedded_interfaces()) {
    sources.push_back({std::string(file.name), std::string(file.text)});
  }
  idl::ParseOptions options;
  options.provider = embedded_text;
  add_module(loaded, idl::parse_texts(std::move(sources), options));

  for (const std::string& path : user_paths) {
    std::vector<std::filesystem::path> files;
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
      for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
        if (entry.path().extension() == ".idl") files.push_back(entry.path());
      }
      std::ranges::sort(files);
      options.import_path.push_back(path);
    } else {
      files.emplace_back(path);
    }
    add_module(loaded, idl::parse_files(files, options));
  }
  return loaded;
}

}  // namespace rpcmarshal
