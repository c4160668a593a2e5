// Statistics for monitoring, in Prometheus' text format: a file, replaced whole, that
// node_exporter's textfile collector (or anything that reads files) picks up. The sensor reads what
// attackers send; it does not listen on a port of its own.
#pragma once

#include <cstdint>
#include <string>

#include "live/summary.h"
#include "sensor/sensor.h"

namespace rpcmarshal {

struct MetricsExtras {
  std::uint64_t output_lost_bytes = 0;  ///< events that could not be written
  std::uint64_t output_rotations = 0;
  std::int64_t start_time = 0;  ///< seconds since 1970
};

std::string metrics_text(const SensorStatistics& statistics, const Summary& summary,
                         const MetricsExtras& extras);

/// Replaces `path` by `text` in one step. False, with errno set, when that fails.
bool replace_file(const std::string& path, const std::string& text);

}  // namespace rpcmarshal
