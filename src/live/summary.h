// What a run amounted to: how many calls and how far each could be read, every counter of the
// sensor, and the connections that are not whole. As a closing line for people, as a table
// (--stats), and as JSON (--summary). Workers keep one each; merge() joins them.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "event/event.h"
#include "sensor/sensor.h"

namespace rpcmarshal {

class Summary {
 public:
  /// Connections with losses that are kept one by one; of further ones only the number is.
  static constexpr std::size_t kMaxConnections = 1000;

  void count(const Event& event);
  void add(const ConnectionLosses& losses);
  void merge(const Summary& other);

  /// One or two lines.
  void print(std::FILE* to, const SensorStatistics& statistics) const;
  /// Every counter that is not zero, then the connections that are not whole.
  void print_statistics(std::FILE* to, const SensorStatistics& statistics) const;
  /// One object, without a line end: `calls`, one member per group of counters, `connections`.
  /// docs/sensor.md describes it.
  void append_json(std::string& out, const SensorStatistics& statistics) const;

  std::uint64_t calls() const { return calls_; }
  std::uint64_t connections_with_losses() const { return connections_with_losses_; }
  /// Calls by how far they could be read; together all of them.
  std::array<std::pair<const char*, std::uint64_t>, 4> by_decode() const {
    return {{{"complete", complete_},
             {"partial", partial_},
             {"sealed", sealed_},
             {"unknown", unknown_}}};
  }

 private:
  std::uint64_t calls_ = 0, complete_ = 0, partial_ = 0, sealed_ = 0, unknown_ = 0, faults_ = 0,
                unanswered_ = 0, rejected_ = 0, unbound_ = 0;
  std::set<Guid> interfaces_;  // bounded: kMaxInterfaces
  static constexpr std::size_t kMaxInterfaces = 65536;
  std::vector<ConnectionLosses> losses_;
  std::uint64_t connections_with_losses_ = 0;
};

}  // namespace rpcmarshal
