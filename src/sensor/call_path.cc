#include "sensor/call_path.h"

#include <utility>

namespace rpcmarshal {

CallPath::CallPath(const Catalogue& catalogue, const Limits& limits, EventHandler handler,
                   DceStatistics& dce, std::atomic<std::uint64_t>& numbers)
    : limits_(limits),
      handler_(std::move(handler)),
      dce_(dce),
      numbers_(numbers),
      builder_(catalogue),
      datagrams_(make_dce_datagrams(
          limits.datagrams,
          [this](const Endpoint& client, const Endpoint& server, const Call& call) {
            CallContext context;
            context.protocol = EventTransport::Protocol::kUdp;
            context.client = client;
            context.server = server;
            emit(call, context);
          },
          dce, numbers)) {}

std::unique_ptr<StreamConsumer> CallPath::connection(std::shared_ptr<const CallContext> context) {
  DceTransport transport;
  transport.pipe = context->pipe;
  transport.number = numbers_.fetch_add(1, std::memory_order_relaxed);
  return make_dce_connection(
      std::move(transport), limits_.connections,
      [this, context = std::move(context)](const Call& call) { emit(call, *context); }, dce_);
}

void CallPath::datagram(const Endpoint& source, const Endpoint& destination, Timestamp time,
                        Bytes data) {
  if (datagrams_->on_datagram(source, destination, time, data)) ++statistics_.dce_datagrams;
}

void CallPath::finish() { datagrams_->on_end(); }

void CallPath::emit(const Call& call, const CallContext& context) {
  ++statistics_.calls;
  handler_(builder_.build(call, context));
}

}  // namespace rpcmarshal
