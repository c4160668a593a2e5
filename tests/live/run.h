// Runs a capture of tests/captures (or packets made here) through a sensor.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "builtin/builtin.h"
#include "capture/capture_file.h"
#include "sensor/sensor.h"

namespace rpcmarshal::test {

inline const Catalogue& builtin_catalogue() {
  static const LoadedCatalogue loaded = load_catalogue();
  return loaded.catalogue;
}

inline std::string capture_path(const std::string& name) {
  return std::string(RPCM_SOURCE_DIR) + "/tests/captures/" + name;
}

inline void for_each_packet(const std::string& path,
                            const std::function<void(const RawPacket&)>& f) {
  auto opened = CaptureFile::open(path);
  ASSERT_TRUE(opened.file) << opened.error;
  RawPacket packet;
  while (opened.file->next(packet)) f(packet);
}

/// The statistics after the whole capture.
inline SensorStatistics run(const std::string& path, EventHandler events,
                            SensorOptions options = {}) {
  Sensor sensor(builtin_catalogue(), std::move(options), std::move(events));
  for_each_packet(path, [&](const RawPacket& packet) { sensor.packet(packet); });
  sensor.finish();
  return sensor.statistics();
}

}  // namespace rpcmarshal::test
