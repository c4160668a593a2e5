#include "idl/parser.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "base/unicode.h"
#include "idl/builder.h"
#include "idl/grammar.h"
#include "idl/prelude.h"
#include "idl/preprocessor.h"

namespace rpcmarshal::idl {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> read_file(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return std::nullopt;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error || size > kLimits.file_bytes) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(size), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

/// The prelude, read once: it is the same for every run.
const File& shared_prelude() {
  static const File& file = [&]() -> const File& {
    static File prelude;
    static Macros macros;
    Reporter reporter;  // the prelude is ours and gives no findings (a test says so)
    std::size_t budget = kLimits.tokens;
    const std::uint32_t number = reporter.add_file("<built-in>");
    prelude.unit =
        parse_unit(preprocess(prelude_text(), number, macros, budget, reporter), number, reporter);
    prelude.index();
    return prelude;
  }();
  return file;
}

/// One run over a set of files: texts, their syntax, and then the model.
class Session {
 public:
  explicit Session(const ParseOptions& options)
      : options_(options), symbols_(reporter_, shared_prelude()) {
    reporter_.add_file("<built-in>");  // the prelude's places say file 0
  }

  void add_file(const fs::path& path) {
    std::optional<std::string> text = read_file(path);
    if (!text) {
      const std::uint32_t file = reporter_.add_file(path.string());
      reporter_.error({file, 0, 0}, "the file cannot be read", "nothing of it is known",
                      "check the name; a file has at most 16 MiB");
      return;
    }
    std::error_code ignored;
    loaded_.emplace(fs::weakly_canonical(path, ignored).string(), 0);
    waiting_.push_back({path.string(), path.parent_path(), std::move(*text), true});
  }
  void add_text(Source source) {
    loaded_.emplace(source.name, 0);
    waiting_.push_back({std::move(source.name), {}, std::move(source.text), true});
  }

  ParseResult run() {
    for (std::size_t i = 0; i < waiting_.size(); ++i) {  // grows by imports
      Text text = std::move(waiting_[i]);
      read(std::move(text));
    }
    link_imports();
    symbols_.index();
    ParseResult result;
    Builder builder(symbols_, result.module, reporter_);
    for (std::size_t i = 0; i < symbols_.files().size(); ++i) {
      if (wanted_[i]) builder.build_types(symbols_.files()[i]);
    }
    for (std::size_t i = 0; i < symbols_.files().size(); ++i) {
      const File& file = symbols_.files()[i];
      if (!wanted_[i]) continue;
      for (const InterfaceSyntax& syntax : file.unit.interfaces) {
        Interface interface = builder.build(syntax, file);
        if (interface.id.uuid.is_nil()) {
          if (!syntax.procedures.empty() && !syntax.attributes.has("uuid") &&
              !syntax.attributes.has("local")) {
            reporter_.warn(syntax.place, "interface " + interface.name + " has no uuid",
                           "it cannot be found on the wire and is left out", "add [uuid(...)]");
          }
          continue;
        }
        result.module.interfaces.push_back(std::move(interface));
      }
    }
    builder.finish();
    count(result);
    return result;
  }

 private:
  struct Text {
    std::string name;
    fs::path folder;
    std::string text;
    bool wanted;
  };

  void read(Text source) {
    const std::uint32_t number = reporter_.add_file(source.name);
    if (source.text.size() > kLimits.file_bytes) {
      reporter_.error({number, 0, 0}, "the file is too large", "nothing of it is known",
                      "split it");
      source.text.clear();
    }
    if (source.text.starts_with("\xFF\xFE")) {  // UTF-16, as some editors on Windows save
      source.text = utf16_to_utf8(as_bytes(std::string_view(source.text).substr(2)));
    }
    const std::string& text = texts_.emplace_back(std::move(source.text));
    Macros& macros = macros_.emplace_back();  // kept: tokens may be views into what ## made
    const auto predefine = [&](const std::string& name, const std::string& value) {
      const std::string& kept_name = texts_.emplace_back(name);
      const std::string& kept = texts_.emplace_back(value);
      Macro macro;
      Lexer lexer(kept, number);
      for (Token token = lexer.next(); !token.is_end(); token = lexer.next())
        macro.body.push_back(token);
      macros.insert_or_assign(kept_name, std::move(macro));
    };
    predefine("__midl", "501");
    predefine("MIDL_PASS", "1");
    predefine("_WIN32", "1");
    for (const auto& [name, value] : options_.defines) predefine(name, value);

    // What a file may grow to by macros is in proportion to its size.
    std::size_t budget = std::min(tokens_left_, 20000 + text.size() * 4);
    const std::size_t before = budget;
    std::vector<Token> tokens = preprocess(text, number, macros, budget, reporter_);
    tokens_left_ -= std::min(tokens_left_, before - budget);
    File& file = symbols_.add(parse_unit(std::move(tokens), number, reporter_));
    wanted_.push_back(source.wanted);
    names_.push_back(source.name);
    collect_macro_constants(file, macros);
    request_imports(file, source);
  }

  static void collect_macro_constants(File& file, const Macros& macros) {
    for (const auto& [name, macro] : macros) {
      if (macro.function_like || macro.body.empty() || macro.body.size() > 32) continue;
      std::optional<ExpressionError> error;
      const Expression value = parse_expression(macro.body, {}, error);
      if (const auto constant = value.constant(); constant && !error)
        file.macro_constants.emplace_back(name, *constant);
    }
  }

  /// Puts the files that `file` imports on the waiting list, or says that they are missing.
  void request_imports(const File& file, const Text& source) {
    imports_.resize(symbols_.files().size());
    for (const ImportSyntax& import : file.unit.imports) {
      const fs::path wanted_path(import.name);
      std::vector<fs::path> folders{source.folder};
      folders.insert(folders.end(), options_.import_path.begin(), options_.import_path.end());
      bool found = loaded_.contains(import.name);
      std::string key = import.name;
      for (const fs::path& folder : folders) {
        if (found ||
            (source.folder.empty() && &folder == &folders.front() && source.name.starts_with('<')))
          continue;
        for (const fs::path& candidate : {folder / wanted_path, folder / to_lower(import.name)}) {
          std::error_code error;
          if (found || !fs::is_regular_file(candidate, error)) continue;
          key = fs::weakly_canonical(candidate, error).string();
          found = true;
          if (!loaded_.emplace(key, 0).second) break;
          if (!room_for_more(import)) break;
          std::optional<std::string> text = read_file(candidate);
          if (!text) continue;
          waiting_.push_back(
              {candidate.string(), candidate.parent_path(), std::move(*text), false});
        }
      }
      if (!found && options_.provider) {
        if (std::optional<std::string> text = options_.provider(import.name);
            text && room_for_more(import)) {
          found = true;
          loaded_.emplace(import.name, 0);
          waiting_.push_back({import.name, {}, std::move(*text), false});
        }
      }
      if (found) {
        imports_.back().push_back(key);
      } else if (!prelude_covers(import.name)) {
        reporter_.warn(import.place, "import \"" + import.name + "\" is not found",
                       "types that only it declares are unknown",
                       "add its folder to the import path");
      }
    }
  }

  bool room_for_more(const ImportSyntax& import) {
    if (waiting_.size() < kLimits.files) return true;
    reporter_.error(import.place, "too many files", "the import is not read",
                    "load fewer files at once");
    return false;
  }

  void link_imports() {
    std::map<std::string, std::size_t> by_key;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      std::error_code error;
      by_key.try_emplace(names_[i], i);
      if (!names_[i].starts_with('<'))
        by_key.try_emplace(fs::weakly_canonical(names_[i], error).string(), i);
    }
    imports_.resize(symbols_.files().size());
    for (std::size_t i = 0; i < imports_.size(); ++i) {
      for (const std::string& key : imports_[i]) {
        if (const auto it = by_key.find(key); it != by_key.end())
          symbols_.files()[i].imports.push_back(it->second);
      }
    }
  }

  void count(ParseResult& result) {
    Counts& counts = result.counts;
    counts.files = symbols_.files().size();
    counts.interfaces = result.module.interfaces.size();
    for (const Interface& interface : result.module.interfaces) {
      counts.procedures += interface.procedures.size();
      for (const Procedure& procedure : interface.procedures) {
        counts.reserved += procedure.reserved;
        counts.untyped += !procedure.typed;
      }
    }
    counts.types = result.module.named_types.size();
    counts.errors = reporter_.count(Diagnostic::Severity::kError);
    counts.warnings = reporter_.count(Diagnostic::Severity::kWarning);
    counts.notes = reporter_.count(Diagnostic::Severity::kNote);
    result.diagnostics = reporter_.take();
  }

  const ParseOptions& options_;
  Reporter reporter_;
  Symbols symbols_;
  std::deque<std::string> texts_;  // tokens are views into these
  std::deque<Macros> macros_;
  std::deque<Text> waiting_;
  std::vector<bool> wanted_;                       // by file
  std::vector<std::string> names_;                 // by file
  std::vector<std::vector<std::string>> imports_;  // by file: keys of loaded_
  std::map<std::string, int> loaded_;
  std::size_t tokens_left_ = kLimits.tokens;
};

}  // namespace

ParseResult parse_files(const std::vector<std::filesystem::path>& paths,
                        const ParseOptions& options) {
  Session session(options);
  for (const fs::path& path : paths) session.add_file(path);
  return session.run();
}

ParseResult parse_file(const std::filesystem::path& path, const ParseOptions& options) {
  return parse_files({path}, options);
}

ParseResult parse_texts(std::vector<Source> sources, const ParseOptions& options) {
  Session session(options);
  for (Source& source : sources) session.add_text(std::move(source));
  return session.run();
}

ParseResult parse_text(std::string text, std::string file_name, const ParseOptions& options) {
  std::vector<Source> sources;
  sources.push_back({std::move(file_name), std::move(text)});
  return parse_texts(std::move(sources), options);
}

}  // namespace rpcmarshal::idl
