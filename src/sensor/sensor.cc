#include "sensor/sensor.h"

#include <utility>

#include "dcerpc/http_tunnel.h"
#include "sensor/call_path.h"
#include "sensor/kerberos_stream.h"
#include "sensor/loss_account.h"
#include "sensor/recognizer.h"
#include "smb/channels.h"

namespace rpcmarshal {
namespace {

std::shared_ptr<std::atomic<std::uint64_t>> process_numbers() {
  static const auto numbers = std::make_shared<std::atomic<std::uint64_t>>(1);
  return numbers;
}

}  // namespace

struct Sensor::Impl {
  Impl(const Catalogue& catalogue, SensorOptions the_options, EventHandler the_handler)
      : options(std::move(the_options)),
        numbers(options.connection_numbers ? options.connection_numbers : process_numbers()),
        path(catalogue,
             {.connections = options.dce,
              .datagrams = options.datagrams,
              .tickets = options.tickets,
              .secrets = options.secrets},
             std::move(the_handler), counters.dce, *numbers, options.ids),
        pipeline([this](const ConnectionInfo& info) { return accept(info); },
                 [this](const Endpoint& source, const Endpoint& destination, Timestamp time,
                        Bytes data) { path.datagram(source, destination, time, data); },
                 options.tcp) {}

  std::unique_ptr<StreamConsumer> accept(const ConnectionInfo& info) {
    return std::make_unique<Recognizer>(
        info,
        [this](StreamKind kind,
               const ConnectionInfo& connection) -> std::unique_ptr<StreamConsumer> {
          auto parser = open(kind, connection);
          if (!parser || kind == StreamKind::kKerberos) return parser;
          return with_loss_account(std::move(parser), kind, connection, counters.smb, counters.dce,
                                   options.losses);
        });
  }

  std::unique_ptr<StreamConsumer> open(StreamKind kind, const ConnectionInfo& connection) {
    switch (kind) {
      case StreamKind::kSmb:
        ++counters.smb_connections;
        return make_smb_parser(
            connection,
            [this, connection](const PipeInfo& pipe) { return open_pipe(connection, pipe); },
            share_handler(connection), counters.smb, channels, options.secrets.get());
      case StreamKind::kHttp:
        return tunnels.channel(connection);
      case StreamKind::kDce:
      case StreamKind::kDceHttp: {
        ++counters.dce_connections;
        auto context = std::make_shared<CallContext>();
        if (kind == StreamKind::kDceHttp) context->protocol = EventTransport::Protocol::kHttp;
        context->client = connection.initiator;
        context->server = connection.responder;
        context->connection_start = connection.start;
        return path.connection(std::move(context));
      }
      case StreamKind::kKerberos:
        return std::make_unique<KerberosStream>(
            [this](Bytes message, KdcTalk& talk) { path.kerberos_message(message, talk); });
      default:
        ++counters.other_connections;
        return nullptr;
    }
  }

  SmbFileHandler share_handler(const ConnectionInfo& connection) const {
    if (!options.shares) return {};
    using Action = SmbFileEvent::Action;
    static constexpr SmbFileActions kActions = SmbFileActions()
                                                   .with(Action::kTreeConnect)
                                                   .with(Action::kOpen)
                                                   .with(Action::kWrite, false)
                                                   .with(Action::kDelete)
                                                   .with(Action::kRename);
    return {[this, client = connection.initiator, server = connection.responder,
             written = std::pair<std::string, std::string>()](const SmbFileEvent& event) mutable {
              if (event.action == Action::kWrite) {
                if (event.tree == written.first && event.path == written.second) return;
                written.first = event.tree;
                written.second = event.path;
              }
              options.shares(client, server, event);
            },
            kActions};
  }

  std::unique_ptr<StreamConsumer> open_tunnel(const HttpTunnelInfo& tunnel) {
    ++counters.dce_connections;
    auto context = std::make_shared<CallContext>();
    context->protocol = EventTransport::Protocol::kHttp;
    context->client = tunnel.channel.initiator;
    context->server = tunnel.channel.responder;
    context->connection_start = tunnel.channel.start;
    context->target = tunnel.target;
    context->http_auth = tunnel.auth;
    return path.connection(std::move(context));
  }

  std::unique_ptr<StreamConsumer> open_pipe(const ConnectionInfo& connection,
                                            const PipeInfo& pipe) {
    auto context = std::make_shared<CallContext>();
    context->protocol = EventTransport::Protocol::kNamedPipe;
    context->client = connection.initiator;
    context->server = connection.responder;
    context->connection_start = connection.start;
    context->pipe = pipe.name;
    context->tree = pipe.tree;
    context->session = pipe.session;
    context->routes = pipe.routes;
    return path.connection(std::move(context));
  }

  SensorOptions options;
  std::shared_ptr<std::atomic<std::uint64_t>> numbers;
  SensorStatistics counters;
  CallPath path;
  std::shared_ptr<SmbChannels> channels = std::make_shared<SmbChannels>();
  HttpTunnels tunnels{[this](const HttpTunnelInfo& tunnel) { return open_tunnel(tunnel); }};
  PacketPipeline pipeline;
};

Sensor::Sensor(const Catalogue& catalogue, SensorOptions options, EventHandler handler)
    : impl_(std::make_unique<Impl>(catalogue, std::move(options), std::move(handler))) {}
Sensor::~Sensor() = default;

void Sensor::packet(const RawPacket& packet) {
  impl_->pipeline.packet(packet);
  impl_->path.advance(packet.time);
}
void Sensor::tick(Timestamp now) {
  impl_->pipeline.tick(now);
  impl_->path.advance(now);
}
void Sensor::finish() {
  impl_->pipeline.finish();
  impl_->path.finish();
}

SensorStatistics Sensor::statistics() const {
  SensorStatistics all = impl_->counters;
  all.decap = impl_->pipeline.decap_statistics();
  all.tcp = impl_->pipeline.statistics();
  all.flows = impl_->pipeline.tcp().flows();
  all.memory = impl_->pipeline.tcp().memory();
  all.http = impl_->tunnels.statistics();
  all.calls = impl_->path.statistics().calls;
  all.dce_datagrams = impl_->path.statistics().dce_datagrams;
  all.refused_binds = impl_->path.statistics().refused_binds;
  all.inferred = impl_->path.statistics().inferred;
  all.guesses_skipped = impl_->path.guesses_skipped();
  return all;
}

}  // namespace rpcmarshal
