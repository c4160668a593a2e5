#include "sensor/sensor.h"

#include <utility>

#include "sensor/recognizer.h"

namespace rpcmarshal {

struct Sensor::Impl {
  Impl(const Catalogue& catalogue, SensorOptions the_options, EventHandler the_handler)
      : options(the_options),
        handler(std::move(the_handler)),
        builder(catalogue),
        pipeline([this](const ConnectionInfo& info) { return accept(info); }, nullptr,
                 options.tcp) {}

  std::unique_ptr<StreamConsumer> accept(const ConnectionInfo& info) {
    return std::make_unique<Recognizer>(info,
                                        [this](StreamKind kind, const ConnectionInfo& connection) {
                                          return open(kind, connection);
                                        });
  }

  std::unique_ptr<StreamConsumer> open(StreamKind kind, const ConnectionInfo& connection) {
    switch (kind) {
      case StreamKind::kSmb:
        ++counters.smb_connections;
        return make_smb_parser(
            connection,
            [this, connection](const PipeInfo& pipe) { return open_pipe(connection, pipe); },
            nullptr, counters.smb);
      case StreamKind::kDce: {
        ++counters.dce_connections;
        auto context = std::make_shared<CallContext>();
        context->client = connection.initiator;
        context->server = connection.responder;
        return make_dce_connection({}, options.dce, call_handler(std::move(context)), counters.dce);
      }
      default:
        ++counters.other_connections;
        return nullptr;
    }
  }

  std::unique_ptr<StreamConsumer> open_pipe(const ConnectionInfo& connection,
                                            const PipeInfo& pipe) {
    auto context = std::make_shared<CallContext>();
    context->protocol = EventTransport::Protocol::kNamedPipe;
    context->client = connection.initiator;
    context->server = connection.responder;
    context->pipe = pipe.name;
    context->tree = pipe.tree;
    context->session = pipe.session;
    return make_dce_connection({.pipe = pipe.name, .endpoint = {}}, options.dce,
                               call_handler(std::move(context)), counters.dce);
  }

  CallHandler call_handler(std::shared_ptr<const CallContext> context) {
    return [this, context = std::move(context)](const Call& call) {
      ++counters.calls;
      handler(builder.build(call, *context));
    };
  }

  SensorOptions options;
  EventHandler handler;
  EventBuilder builder;
  SensorStatistics counters;
  PacketPipeline pipeline;
};

Sensor::Sensor(const Catalogue& catalogue, SensorOptions options, EventHandler handler)
    : impl_(std::make_unique<Impl>(catalogue, options, std::move(handler))) {}
Sensor::~Sensor() = default;

void Sensor::packet(const RawPacket& packet) { impl_->pipeline.packet(packet); }
void Sensor::tick(Timestamp now) { impl_->pipeline.tick(now); }
void Sensor::finish() { impl_->pipeline.finish(); }

SensorStatistics Sensor::statistics() const {
  SensorStatistics all = impl_->counters;
  all.decap = impl_->pipeline.decap_statistics();
  all.tcp = impl_->pipeline.statistics();
  return all;
}

}  // namespace rpcmarshal
