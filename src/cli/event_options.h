// What `read` and `sensor` share on the command line: which events, and how they are written.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/secret_options.h"
#include "event/event.h"
#include "sensor/sensor.h"
#include "sink/sink.h"

namespace rpcmarshal::cli {

struct EventOptions {
  std::string format = "auto";
  std::vector<std::string> interfaces, operations, clients, servers;
  std::vector<std::string> definitions;
  std::string colour = "auto";
  std::size_t max_bytes = 1024;
  bool show_secrets = false;
  SecretOptions secrets;
  double answer_timeout = 0;  ///< seconds; 0: at the connection's end

  /// Whether the filters let the event through. May be called from several threads.
  bool wanted(const Event& event) const;
  /// `terminal`: the output is one.
  SinkOptions sink(bool terminal) const;
  SensorOptions sensor() const;
};

void add_event_options(CLI::App& command, EventOptions& options);

}  // namespace rpcmarshal::cli
