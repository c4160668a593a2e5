// The closing summary of `read`: how many calls, and how far each could be read.
#pragma once

#include <cstdint>
#include <cstdio>
#include <set>

#include "event/event.h"
#include "sensor/sensor.h"

namespace rpcmarshal::cli {

class Summary {
 public:
  void count(const Event& event);
  void print(std::FILE* to, const SensorStatistics& statistics) const;

 private:
  std::uint64_t calls_ = 0, complete_ = 0, partial_ = 0, sealed_ = 0, unknown_ = 0, faults_ = 0,
                unanswered_ = 0, rejected_ = 0, unbound_ = 0;
  std::set<Guid> interfaces_;
};

}  // namespace rpcmarshal::cli
