// IDL text in, interface model out. Reads Microsoft's dialect as it is published (docs/idl.md):
// names may be used before they are declared, and a mistake costs the declaration it stands in, not
// the file. Everything is delivered that could be understood; the rest is said in the diagnostics.
//
//   idl::ParseResult parsed = idl::parse_file("ms-scmr.idl", {});
//   for (const idl::Diagnostic& d : parsed.diagnostics) std::puts(d.to_string().c_str());
//   catalogue.add(std::move(parsed.module));
//
// Input is not trusted: time and memory are bounded by kLimits below, nothing here throws on what a
// file says. (std::bad_alloc aside, the functions do not throw.)
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "idl/diagnostic.h"
#include "interface/model.h"

namespace rpcmarshal::idl {

/// Gives the text of an imported file by the name written in the import ("ms-dtyp.idl"), or
/// nullopt.
using SourceProvider = std::function<std::optional<std::string>(std::string_view name)>;

struct ParseOptions {
  /// Folders searched for imports, after the importing file's own.
  std::vector<std::filesystem::path> import_path;
  /// Asked for imports that no folder has: IDL embedded in a program can import its neighbours.
  SourceProvider provider;
  /// Predefined object-like macros: name -> replacement text.
  std::map<std::string, std::string> defines;
};

struct Counts {
  std::size_t files = 0;       ///< read, including imported ones
  std::size_t interfaces = 0;  ///< delivered
  std::size_t procedures = 0;  ///< in them, inherited and reserved ones included
  std::size_t reserved = 0;
  std::size_t untyped = 0;  ///< kept by name and opnum only
  std::size_t types = 0;    ///< named types delivered
  std::size_t errors = 0, warnings = 0, notes = 0;
};

struct ParseResult {
  /// Interfaces and named types of the files asked for, in order; imported files give types and
  /// base interfaces only. An interface without uuid() cannot be found on the wire and is left out.
  Module module;
  /// In the order of files and lines.
  std::vector<Diagnostic> diagnostics;
  Counts counts;
  /// No errors (warnings and notes are allowed).
  bool ok() const { return counts.errors == 0; }
};

/// One IDL text and the name to call it in diagnostics.
struct Source {
  std::string name;
  std::string text;
};

/// Parses one file. A file that cannot be read is an error diagnostic and an empty module.
ParseResult parse_file(const std::filesystem::path& path, const ParseOptions& options = {});
/// Parses several into one module; the types of each are visible to the others, a file's own first.
ParseResult parse_files(const std::vector<std::filesystem::path>& paths,
                        const ParseOptions& options = {});
ParseResult parse_text(std::string text, std::string file_name = "<text>",
                       const ParseOptions& options = {});
ParseResult parse_texts(std::vector<Source> sources, const ParseOptions& options = {});

/// Bounds that no published IDL comes near; exceeding one is an error diagnostic.
struct Limits {
  std::size_t file_bytes = 16u << 20;
  std::size_t files = 2000;
  std::size_t tokens = 4u << 20;      ///< in all files together, after macro expansion
  std::size_t attributes = 64;        ///< of one declaration
  std::size_t nesting = 48;           ///< of structs in structs, parentheses, expressions
  std::size_t type_layers = 24;       ///< pointers and dimensions of one type, typedefs included
  std::size_t procedures = 1u << 18;  ///< in all, inherited ones included
  std::size_t type_nodes = 2u << 20;  ///< and enum values, each
  std::size_t diagnostics = 1000;     ///< more are counted, not kept
};
inline constexpr Limits kLimits{};

}  // namespace rpcmarshal::idl
