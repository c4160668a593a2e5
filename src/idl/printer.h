// Normalised IDL out of the model: one declaration style, typedefs of pointers and strings written
// out. A pointer's kind is said where it is not the default (ref for a parameter, unique
// elsewhere). What `rpcmarshal idl show` prints. Parsing the text again gives the same wire form,
// with two exceptions that IDL has no words for, shown as comments: an inner pointer that is not
// unique, and a type that was unknown.
#pragma once

#include <string>

#include "interface/model.h"

namespace rpcmarshal::idl {

struct PrintOptions {
  bool types = true;        ///< precede procedures with the types they need
  bool annotations = true;  ///< include /*@...*/ blocks
};

std::string print_interface(const Interface& interface, const PrintOptions& options = {});
/// One procedure of `interface`, with the types it needs.
std::string print_procedure(const Interface& interface, const Procedure& procedure,
                            const PrintOptions& options = {});
/// One line: `uint32 RCreateServiceW(...)`'s prototype without attributes, for lists.
std::string print_signature(const Procedure& procedure);
/// The declaration of a named type (struct, union, enum), followed by nothing else.
std::string print_type(const Type& type, const PrintOptions& options = {});

}  // namespace rpcmarshal::idl
