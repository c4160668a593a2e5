// The calls of a recorded capture, for benchmarks that make conversations of their own of them.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "capture/capture_file.h"
#include "capture/tcp.h"
#include "dcerpc/call.h"

namespace rpcmarshal {

/// One call of a capture.
struct Recorded {
  SyntaxId interface;
  std::uint16_t opnum = 0;
  std::string request, response;
};

/// Those that returned, of the file of this name in tests/captures; none when it cannot be read.
inline std::vector<Recorded> recorded_calls(const char* name) {
  std::vector<Recorded> calls;
  DceStatistics statistics;
  PacketPipeline pipeline(
      [&](const ConnectionInfo&) {
        return make_dce_connection(
            {}, {},
            [&](const Call& call) {
              if (call.outcome != Outcome::kReturned || !call.interface) return;
              calls.push_back({*call.interface, call.opnum, std::string(as_text(call.request.stub)),
                               std::string(as_text(call.response.stub))});
            },
            statistics);
      },
      {}, {});
  auto opened = CaptureFile::open(std::string(RPCM_SOURCE_DIR "/tests/captures/") + name);
  RawPacket packet;
  while (opened.file && opened.file->next(packet)) pipeline.packet(packet);
  pipeline.finish();
  return calls;
}

}  // namespace rpcmarshal
