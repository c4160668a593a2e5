#include "sensor/statistics.h"

#include <vector>

namespace rpcmarshal {

SensorStatistics& SensorStatistics::operator+=(const SensorStatistics& other) {
  std::vector<std::uint64_t> values;
  for_each_counter(other, [&](auto, auto, std::uint64_t value, auto) { values.push_back(value); });
  std::size_t at = 0;
  for_each_counter(*this, [&](auto, auto, std::uint64_t& value, auto) { value += values[at++]; });
  return *this;
}

}  // namespace rpcmarshal
