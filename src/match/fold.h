// Letters without case, for Sigma's case-insensitive comparison. Rules and event text are folded
// once, with the same function, and compared byte by byte. Simple folding (one character to one):
// ASCII, Latin, Greek, Cyrillic, Armenian and full-width letters; other scripts keep their bytes.
#pragma once

#include <string>
#include <string_view>

namespace rpcmarshal::match {

/// Folds the ASCII letters of `text` into the text.size() bytes from `to`. Whether all of it is
/// ASCII, and so folded.
bool fold_ascii(std::string_view text, char* to);
/// Appends `utf8` folded. Bytes that are no UTF-8 are kept as they are; the length may change.
void append_folded(std::string& out, std::string_view utf8);
std::string folded(std::string_view utf8);

}  // namespace rpcmarshal::match
