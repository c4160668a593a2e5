// Tokens to syntax. Recovers at the smallest unit that can be told apart: an attribute, a field, a
// parameter, a declaration. What is broken stays in the tree, marked, so that opnums stay right.
#pragma once

#include <span>

#include "idl/syntax.h"

namespace rpcmarshal::idl {

/// Reads `tokens` (as preprocess() gives them) of file `file`.
Unit parse_unit(std::vector<Token> tokens, std::uint32_t file, Reporter& reporter);

/// A type name inside an attribute's parentheses: switch_type(unsigned long). kBroken if it is
/// none.
TypeSyntax parse_type_name(std::span<const Token> tokens);

}  // namespace rpcmarshal::idl
