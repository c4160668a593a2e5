#include "builtin/builtin.h"

#include <algorithm>
#include <filesystem>

#include "base/unicode.h"
#include "builtin/embedded.h"
#include "builtin/name_table.h"

namespace rpcmarshal {
namespace {

std::optional<std::string> embedded_text(std::string_view name) {
  for (const EmbeddedFile& file : embedded_interfaces()) {
    if (file.name == name) return std::string(file.text);
  }
  return std::nullopt;
}

/// Whether `words` (each between blanks) has `word`.
bool has_word(std::string_view words, std::string_view word) {
  for (std::size_t at = 0; (at = words.find(word, at)) != std::string_view::npos; ++at) {
    const std::size_t end = at + word.size();
    if (at > 0 && words[at - 1] == ' ' && end < words.size() && words[end] == ' ') return true;
  }
  return false;
}

/// Parses an embedded file when it is first asked for. What a file imports is read along with it
/// for its types, so each can be parsed alone (a test compares with parsing all together).
class EmbeddedSource final : public DefinitionSource {
 public:
  EmbeddedSource() : parsed_(embedded_interfaces().size()), names_(embedded_names()) {
    given_.resize(names_.entries().size());
    for (std::size_t i = 0; i < parsed_.size(); ++i) {
      std::string_view uuids = embedded_interfaces()[i].uuids;
      for (std::size_t blank; (blank = uuids.find(' ')) != std::string_view::npos;
           uuids.remove_prefix(blank + 1)) {
        if (const auto uuid = Guid::parse(uuids.substr(0, blank))) by_uuid_.push_back({*uuid, i});
      }
    }
    std::ranges::sort(by_uuid_);
  }

  std::vector<Definitions> by_uuid(const Guid& uuid) override {
    std::vector<Definitions> out;
    add_uuid(uuid, out);
    return out;
  }

  std::vector<Definitions> by_name(std::string_view name) override {
    std::vector<Definitions> out;
    for (std::size_t i = 0; i < parsed_.size(); ++i) {
      if (parsed_[i]) continue;
      const std::string lower = to_lower(embedded_interfaces()[i].interfaces);
      if (!has_word(lower, to_lower(name))) continue;
      add_file(i, out);
      // Another document may describe the same interface under another name.
      for (const Uuid& entry : by_uuid_) {
        if (entry.file == i) add_uuid(entry.uuid, out);
      }
    }
    for (const NameTable::Entry* entry : names_.find_by_name(name)) add_uuid(entry->uuid, out);
    return out;
  }

  std::vector<Definitions> by_values(std::string_view name) override {
    std::vector<Definitions> out;
    for (std::size_t i = 0; i < parsed_.size(); ++i) {
      if (!parsed_[i] && has_word(embedded_interfaces()[i].values, name)) add_file(i, out);
    }
    return out;
  }

  std::vector<Definitions> everything(bool names) override {
    std::vector<Definitions> out;
    for (std::size_t i = 0; i < parsed_.size(); ++i) add_file(i, out);
    for (const Uuid& entry : by_uuid_) add_names(entry.uuid, out);
    if (names) {
      for (const NameTable::Entry& entry : names_.entries()) add_names(entry.uuid, out);
    }
    return out;
  }

 private:
  struct Uuid {
    Guid uuid;
    std::size_t file;
    auto operator<=>(const Uuid&) const = default;
  };

  void add_uuid(const Guid& uuid, std::vector<Definitions>& out) {
    for (auto it = std::ranges::lower_bound(by_uuid_, uuid, {}, &Uuid::uuid);
         it != by_uuid_.end() && it->uuid == uuid; ++it) {
      add_file(it->file, out);
    }
    add_names(uuid, out);
  }

  void add_file(std::size_t file, std::vector<Definitions>& out) {
    if (parsed_[file]) return;
    parsed_[file] = true;
    const EmbeddedFile& embedded = embedded_interfaces()[file];
    idl::ParseOptions options;
    options.provider = embedded_text;
    idl::ParseResult result =
        idl::parse_text(std::string(embedded.text), std::string(embedded.name), options);
    out.push_back({std::move(result.module), Layer::kBuiltIn});
  }

  void add_names(const Guid& uuid, std::vector<Definitions>& out) {
    const NameTable::Entry* entry = names_.find(uuid);
    if (!entry) return;
    const auto i = static_cast<std::size_t>(entry - names_.entries().data());
    if (given_[i]) return;
    given_[i] = true;
    Module module;
    module.interfaces.push_back(names_.read(*entry));
    out.push_back({std::move(module), Layer::kNames});
  }

  std::vector<bool> parsed_;   // by file
  std::vector<Uuid> by_uuid_;  // sorted
  NameTable names_;
  std::vector<bool> given_;  // by entry of names_
};

}  // namespace

LoadedCatalogue load_catalogue(const std::vector<std::string>& user_paths) {
  LoadedCatalogue loaded;
  loaded.catalogue.set_source(std::make_unique<EmbeddedSource>());
  for (const std::string& path : user_paths) {
    idl::ParseOptions options;
    options.provider = embedded_text;
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
    idl::ParseResult parsed = idl::parse_files(files, options);
    loaded.catalogue.add(std::move(parsed.module), Layer::kUser);
    loaded.diagnostics.insert(loaded.diagnostics.end(), parsed.diagnostics.begin(),
                              parsed.diagnostics.end());
  }
  return loaded;
}

}  // namespace rpcmarshal
