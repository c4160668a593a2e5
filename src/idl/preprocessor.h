// IDL text to the tokens that remain after #if, #define and the like. `#include "x.idl"` becomes an
// import. Macro expansion is C's without #: a macro is not expanded inside itself, arguments are
// not expanded beforehand, and the number of tokens is bounded.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "idl/lexer.h"

namespace rpcmarshal::idl {

struct Macro {
  bool function_like = false;
  std::vector<std::string_view> parameters;
  std::vector<Token> body;
};
struct Macros : std::map<std::string_view, Macro> {
  std::deque<std::string> pasted;  ///< texts that ## made; tokens are views into them
};

/// Tokens of `text`, ending with one kEnd token. `macros` is read and added to; its views must
/// outlive it, as `text` must. `budget` is what is left of Limits::tokens and is counted down.
std::vector<Token> preprocess(std::string_view text, std::uint32_t file, Macros& macros,
                              std::size_t& budget, Reporter& reporter);

}  // namespace rpcmarshal::idl
