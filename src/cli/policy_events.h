// Calls for `policy simulate` and `policy learn`, from whatever `detect` reads: captures and our
// own events as they are, Zeek's dce_rpc.log and the RPC Firewall's events as far as they go. Every
// call becomes the JSON of docs/event.md; what a log does not say is missing in it, and a policy
// takes it as unknown.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "capture/input_file.h"
#include "event/event.h"
#include "lint/operations.h"
#include "logs/derived.h"
#include "logs/json.h"
#include "sensor/sensor.h"
#include "sigma/fields.h"

namespace rpcmarshal::cli {

struct PolicyCall {
  std::string_view json;         ///< the event, without a line end
  const Event* event = nullptr;  ///< of captures only
};

class PolicyEvents {
 public:
  explicit PolicyEvents(const Catalogue& catalogue);

  /// Every call of a file ("-": standard input), in order. False when something could not be read;
  /// that was said.
  bool read(const std::string& path, const SensorOptions& options,
            const std::function<void(const PolicyCall&)>& call);
  const lint::Operations& operations() const { return operations_; }
  /// Events that are no calls (refused binds, logs of something else), or whose request is missing.
  std::uint64_t others() const { return others_; }

 private:
  bool read_capture(const std::string& path, std::unique_ptr<InputFile> file,
                    const SensorOptions& options,
                    const std::function<void(const PolicyCall&)>& call);
  /// A foreign log's event as ours; empty when it is none of a call.
  void translate(const sigma::EventFields& fields);
  std::string_view text(const sigma::EventFields& fields, sigma::FieldId field);

  const Catalogue& catalogue_;
  lint::Operations operations_;
  sigma::FieldIndex index_;
  logs::KnownFields known_;
  logs::DerivedFields derived_;
  sigma::FieldId kind_, outcome_, endpoint_, operation_, pipe_, orig_host_, orig_port_, resp_host_,
      resp_port_, event_log_, uuid_, opnum_, protocol_, rpc_endpoint_, client_, client_port_,
      server_, server_port_, principal_, sid_, level_;
  std::string json_, buffer_;
  std::uint64_t others_ = 0;
};

}  // namespace rpcmarshal::cli
