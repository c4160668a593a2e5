#include "dcerpc/framer.h"

#include <algorithm>
#include <cstring>

namespace rpcmarshal {
namespace {

/// Capacity worth keeping between PDUs; more is given back.
constexpr std::size_t kKeepCapacity = 8192;

/// What a server of ncacn_http sends before its first PDU ([MS-RPCH] 2.1.1.1).
constexpr std::string_view kHttpBanner = "ncacn_http/1.0";

}  // namespace

void PduFramer::drop_partial() {
  partial_.clear();
  has_header_ = false;
  if (partial_.capacity() > kKeepCapacity) std::vector<std::byte>().swap(partial_);
}

void PduFramer::data(Timestamp time, Bytes data, Sink& sink, DceStatistics& statistics) {
  if (!started_ && !data.empty()) {
    started_ = true;
    if (as_text(data).starts_with(kHttpBanner)) data = data.subspan(kHttpBanner.size());
  }
  // A header alone can be a whole PDU: then it is handed on although no byte follows.
  while (!data.empty() || (has_header_ && partial_.size() == header_.length)) {
    if (skip_ > 0) {
      std::size_t count = std::min<std::size_t>(skip_, data.size());
      skip_ -= static_cast<std::uint32_t>(count);
      data = data.subspan(count);
      continue;
    }
    if (searching_) {
      data = partial_.empty() ? search(time, data, statistics)
                              : search_partial(time, data, statistics);
      continue;
    }
    if (partial_.empty()) {
      partial_time_ = time;
      if (data.size() >= kPduHeaderSize) {
        auto header = read_pdu_header(data.first(kPduHeaderSize), false);
        if (!header) {
          statistics.malformed += framed_;
          searching_ = true;
          sink.on_lost();
          continue;
        }
        framed_ = true;
        if (header->length <= data.size()) {
          sink.on_pdu(*header, time, data.first(header->length));
          data = data.subspan(header->length);
          continue;
        }
        header_ = *header;
        has_header_ = true;
      }
      partial_.assign(data.begin(), data.end());
      return;
    }
    std::size_t whole = has_header_ ? header_.length : kPduHeaderSize;
    std::size_t count = std::min(whole - partial_.size(), data.size());
    partial_.insert(partial_.end(), data.begin(),
                    data.begin() + static_cast<std::ptrdiff_t>(count));
    data = data.subspan(count);
    if (partial_.size() < whole) return;
    if (!has_header_) {
      auto header = read_pdu_header(partial_, false);
      if (!header) {
        statistics.malformed += framed_;
        searching_ = true;
        sink.on_lost();
        continue;
      }
      header_ = *header;
      has_header_ = framed_ = true;
      continue;
    }
    sink.on_pdu(header_, partial_time_, partial_);
    drop_partial();
  }
}

void PduFramer::gap(std::uint64_t missing, Sink& sink) {
  started_ = true;
  if (skip_ > 0 && missing <= skip_) {
    skip_ -= static_cast<std::uint32_t>(missing);
    return;
  }
  bool aligned = false;
  if (skip_ == 0 && !searching_ && has_header_) {
    std::size_t rest = header_.length - partial_.size();
    aligned = missing <= rest;
    if (aligned) skip_ = static_cast<std::uint32_t>(rest - missing);
    sink.on_pdu(header_, partial_time_, partial_);
  }
  drop_partial();
  if (aligned) return;
  skip_ = 0;
  searching_ = true;
  sink.on_lost();
}

/// Looks for a header in `data`. Returns what remains from it on; leaves a possible start at the
/// end in partial_.
Bytes PduFramer::search(Timestamp time, Bytes data, DceStatistics& statistics) {
  std::size_t i = 0;
  while (i < data.size()) {
    const void* hit = std::memchr(data.data() + i, 5, data.size() - i);
    if (!hit) return {};
    i = static_cast<std::size_t>(static_cast<const std::byte*>(hit) - data.data());
    Bytes rest = data.subspan(i);
    if (rest.size() < kPduHeaderSize) {
      if (may_open_pdu(rest)) {
        partial_.assign(rest.begin(), rest.end());
        partial_time_ = time;
        return {};
      }
    } else if (read_pdu_header(rest.first(kPduHeaderSize), true)) {
      searching_ = false;
      ++statistics.resynchronised;
      return rest;
    }
    ++i;
  }
  return {};
}

/// As search(), while partial_ holds a possible start: fills it to a header's size, and moves on to
/// the next possible start in it when it is none.
Bytes PduFramer::search_partial(Timestamp time, Bytes data, DceStatistics& statistics) {
  while (true) {
    std::size_t count = std::min(kPduHeaderSize - partial_.size(), data.size());
    partial_.insert(partial_.end(), data.begin(),
                    data.begin() + static_cast<std::ptrdiff_t>(count));
    data = data.subspan(count);
    bool full = partial_.size() == kPduHeaderSize;
    if (full) {
      if (auto header = read_pdu_header(partial_, true)) {
        searching_ = false;
        framed_ = true;
        ++statistics.resynchronised;
        header_ = *header;
        has_header_ = true;
        return data;
      }
    }
    std::size_t start = full ? 1 : 0;
    while (start < partial_.size() && !may_open_pdu(Bytes(partial_).subspan(start))) ++start;
    partial_.erase(partial_.begin(), partial_.begin() + static_cast<std::ptrdiff_t>(start));
    if (start > 0) partial_time_ = time;
    if (partial_.empty() || data.empty()) return data;
  }
}

}  // namespace rpcmarshal
