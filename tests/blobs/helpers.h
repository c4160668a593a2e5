// Shortcuts for the tests of src/blobs.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/unicode.h"
#include "blobs/item.h"

namespace rpcmarshal::blobs::test {

inline std::string from_hex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return out;
}

/// A tree as text: {a=1 b=[x,y] c={d=e}}.
inline std::string shown(const Item& item) {
  switch (item.kind) {
    case Item::Kind::kText:
      return item.text;
    case Item::Kind::kNumber:
      return std::to_string(item.number);
    case Item::Kind::kBool:
      return item.number ? "true" : "false";
    case Item::Kind::kList:
    case Item::Kind::kObject: {
      const bool list = item.kind == Item::Kind::kList;
      std::string out(1, list ? '[' : '{');
      for (const Item& inner : item.items) {
        if (out.size() > 1) out += list ? ", " : " ";
        if (!list) out += inner.name + '=';
        out += shown(inner);
      }
      return out + (list ? ']' : '}');
    }
  }
  return "?";
}

}  // namespace rpcmarshal::blobs::test
