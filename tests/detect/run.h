// Captures of tests/captures, the rules of rules/, and rules of a test's own.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "builtin/builtin.h"
#include "capture/capture_file.h"
#include "detect/live_rules.h"
#include "sensor/sensor.h"

namespace rpcmarshal::detect {

inline const Catalogue& catalogue() {
  static const LoadedCatalogue loaded = load_catalogue({});
  return loaded.catalogue;
}

/// Those of the folder, sorted.
inline std::vector<std::string> captures() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(RPCM_SOURCE_DIR "/tests/captures")) {
    if (entry.path().string().find(".pcap") != std::string::npos) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

inline RuleOptions own_rules() {
  RuleOptions options;
  options.rules = {RPCM_SOURCE_DIR "/rules"};
  options.values = {RPCM_SOURCE_DIR "/tests/rules/values.yml"};
  return options;
}

/// A rule file that goes with the test.
class RuleFile {
 public:
  explicit RuleFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() /
              ("rules-" + std::to_string(getpid()) + "-" + std::to_string(++count()) + ".yml")) {
    write(text);
  }
  ~RuleFile() { std::filesystem::remove(path_); }
  void write(const std::string& text) const { std::ofstream(path_) << text; }
  RuleOptions options() const {
    RuleOptions out;
    out.rules = {path_.string()};
    return out;
  }

 private:
  static int& count() {
    static int n = 0;
    return n;
  }
  std::filesystem::path path_;
};

inline void for_each_event(const std::string& capture, const EventHandler& handler) {
  auto opened = CaptureFile::open(capture);
  if (!opened.file) return;
  Sensor sensor(catalogue(), {}, handler);
  RawPacket packet;
  while (opened.file->next(packet)) sensor.packet(packet);
  sensor.finish();
}

}  // namespace rpcmarshal::detect
