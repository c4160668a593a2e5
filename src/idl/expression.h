// C integer expressions of IDL (size_is, switch_is, const, enum values, #if), from tokens to the
// model's postfix form. Precedence is C's; casts and sizeof are understood; calls are not.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "idl/lexer.h"
#include "interface/model.h"

namespace rpcmarshal::idl {

/// The size in bytes of the type spelled by `type` (the tokens between sizeof's parentheses).
using SizeOf = std::function<std::optional<std::int64_t>(std::span<const Token> type)>;

struct ExpressionError {
  Place place;
  std::string message;
};

/// Parses all of `tokens`. Names stay names. An error says what was not understood and where; the
/// expression is then empty.
Expression parse_expression(std::span<const Token> tokens, const SizeOf& size_of,
                            std::optional<ExpressionError>& error);

/// The value of a number token (decimal, octal, hexadecimal, any U/L/i64 suffix) or character
/// token.
std::optional<std::int64_t> parse_integer(const Token& token);

/// The tokens with one blank between those that need one.
std::string spell(std::span<const Token> tokens);

/// Splits at commas outside parentheses. An empty list gives no parts; `,n` gives an empty one and
/// n.
std::vector<std::span<const Token>> split_at_commas(std::span<const Token> tokens);

}  // namespace rpcmarshal::idl
