#include "live/metrics.h"

#include <cstdio>
#include <string_view>

#include "sensor/statistics.h"

namespace rpcmarshal {
namespace {

void add(std::string& out, const std::string& name, const char* what, bool gauge,
         std::uint64_t value, std::string_view labels = {}, bool describe = true) {
  if (describe) {
    out += "# HELP " + name + ' ' + what + "\n# TYPE " + name + (gauge ? " gauge\n" : " counter\n");
  }
  out += name;
  out += labels;
  out += ' ' + std::to_string(value) + '\n';
}

}  // namespace

std::string metrics_text(const SensorStatistics& statistics, const Summary& summary,
                         const MetricsExtras& extras) {
  std::string out;
  for_each_counter(
      statistics, [&](const char* group, const char* name, std::uint64_t value, const char* what) {
        const bool gauge =
            std::string_view(group) == "state" && std::string_view(name) != "other_connections";
        std::string full = std::string("rpcmarshal_") + group + '_' + name;
        if (!gauge) full += "_total";
        add(out, full, what, gauge, value);
      });
  bool first = true;
  for (const auto& [status, value] : summary.by_decode()) {
    add(out, "rpcmarshal_calls_total", "calls by how far their arguments could be read", false,
        value, "{decode=\"" + std::string(status) + "\"}", first);
    first = false;
  }
  add(out, "rpcmarshal_connections_not_whole_total",
      "connections that lost packets, reached limits or were malformed", false,
      summary.connections_with_losses());
  add(out, "rpcmarshal_output_lost_bytes_total", "bytes of events that could not be written", false,
      extras.output_lost_bytes);
  add(out, "rpcmarshal_output_rotations_total", "event files that were begun anew", false,
      extras.output_rotations);
  add(out, "rpcmarshal_start_time_seconds", "when the sensor started, since 1970", true,
      static_cast<std::uint64_t>(extras.start_time));
  return out;
}

bool replace_file(const std::string& path, const std::string& text) {
  const std::string part = path + ".part";
  std::FILE* file = std::fopen(part.c_str(), "wb");
  if (!file) return false;
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = std::fclose(file) == 0;
  return written && closed && std::rename(part.c_str(), path.c_str()) == 0;
}

}  // namespace rpcmarshal
