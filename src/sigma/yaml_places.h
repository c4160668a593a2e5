// libyaml's places to ours: it counts characters, and lines of Unicode's kinds; a Location counts
// bytes in lines that end with '\n', as those who edit the file by it need.
#pragma once

#include <yaml.h>

#include <algorithm>
#include <string_view>

#include "sigma/diagnostic.h"

namespace rpcmarshal::sigma {

class YamlPlaces {
 public:
  /// `text` is one document and outlives this; `lines_before` of the file stand before it.
  YamlPlaces(std::string_view text, std::uint32_t lines_before)
      : text_(text),
        lines_before_(lines_before),
        ascii_(std::all_of(text.begin(), text.end(),
                           [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {}

  /// Marks come in the order of the text, so that all of them together cost one walk through it.
  Location of(const yaml_mark_t& mark) {
    std::size_t line = mark.line, column = mark.column;
    if (!ascii_ && mark.index >= characters_) {
      offset_of(mark);
      line = line_;
      column = at_ - line_start_;
    }
    return {lines_before_ + static_cast<std::uint32_t>(line) + 1,
            static_cast<std::uint32_t>(column) + 1};
  }
  /// The byte a mark stands at; not before the last one asked for.
  std::size_t offset_of(const yaml_mark_t& mark) {
    while (characters_ < mark.index && at_ < text_.size()) {
      if (text_[at_] == '\n') {
        ++line_;
        line_start_ = at_ + 1;
      }
      ++at_;
      while (at_ < text_.size() && (static_cast<unsigned char>(text_[at_]) & 0xC0) == 0x80) ++at_;
      ++characters_;
    }
    return at_;
  }

 private:
  std::string_view text_;
  std::uint32_t lines_before_;
  bool ascii_;
  std::size_t characters_ = 0;  // before at_
  std::size_t at_ = 0, line_ = 0, line_start_ = 0;
};

}  // namespace rpcmarshal::sigma
