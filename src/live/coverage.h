// How much of what was called can be read: per interface and operation the calls whose arguments
// were decoded completely, partly (and the first reason), sealed, or not known. `rpcmarshal
// coverage` prints it, so that a team sees what a sensor at their place would give them.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <string>

#include "event/event.h"

namespace rpcmarshal {

class Coverage {
 public:
  /// Different operations that are told apart; calls of further ones are counted in `others`.
  static constexpr std::size_t kMaxOperations = 65536;

  void count(const Event& event);

  /// A table for people. `incomplete_only` leaves out operations that were decoded completely.
  void print(std::FILE* to, bool incomplete_only) const;
  /// One JSON object, without a line end: `totals`, `interfaces` with their `operations`.
  void append_json(std::string& out, bool incomplete_only) const;

 private:
  /// Requests or responses.
  struct Halves {
    std::uint64_t complete = 0, partial = 0, sealed = 0, unknown = 0;
    void count(DecodeStatus status);
    std::uint64_t all() const { return complete + partial + sealed + unknown; }
    void operator+=(const Halves& other);
  };
  struct Counts {
    std::uint64_t calls = 0, complete = 0, partial = 0, sealed = 0, unknown = 0;
    Halves requests, responses;
    void operator+=(const Counts& other);
    bool all_complete() const { return complete == calls; }
  };
  struct Operation {
    std::string name;
    Counts counts;
    std::string reason;  ///< of the first half that was read partly: "response at 24: ..."
  };
  struct Key {
    std::optional<Guid> interface;  ///< nullopt: no bind seen, and not inferred
    std::uint16_t major = 0;
    std::int32_t opnum = -1;  ///< -1: only responses were captured
    auto operator<=>(const Key&) const = default;
  };
  struct Named {
    std::string name, document;
  };
  void totals(Counts& counts, std::uint64_t& operations, std::uint64_t& interfaces) const;

  std::map<Key, Operation> operations_;
  std::map<std::pair<Guid, std::uint16_t>, Named> names_;  // of interfaces with a definition
  Counts others_;
};

}  // namespace rpcmarshal
