#include "agent/service/event_record.h"

#include <algorithm>

#include "base/unicode.h"

namespace rpcmarshal::agent {
namespace {

constexpr std::u16string_view kCut = u" (cut)";

}  // namespace

std::vector<std::u16string> log_values(const std::vector<std::string_view>& values) {
  std::vector<std::u16string> out;
  out.reserve(values.size());
  std::size_t total = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t left = total < kMaxLogTotal ? kMaxLogTotal - total : 0;
    const std::size_t limit = i + 1 == values.size() ? left : std::min(left, kMaxLogValue);
    // No character of UTF-8 is shorter than its UTF-16, so more need not be looked at.
    std::u16string text = utf8_to_utf16(values[i].substr(0, 4 * kMaxLogTotal));
    std::ranges::replace(text, u'\0', u'?');
    if (text.size() > limit) {
      std::size_t keep = limit > kCut.size() ? limit - kCut.size() : 0;
      if (keep > 0 && text[keep - 1] >= 0xD800 && text[keep - 1] < 0xDC00) --keep;
      text.resize(keep);
      if (limit >= kCut.size()) text += kCut;
    }
    total += text.size();
    out.push_back(std::move(text));
  }
  return out;
}

}  // namespace rpcmarshal::agent
