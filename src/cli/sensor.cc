// rpcmarshal sensor -i INTERFACE: the events of live traffic, for as long as it is told to.
// docs/sensor.md is written for those who run it.
#include "sensor/sensor.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <memory>
#include <stdexcept>

#include "cli/commands.h"
#include "cli/event_options.h"
#include "cli/output.h"
#include "cli/rule_options.h"
#include "live/live_capture.h"
#include "live/metrics.h"
#include "live/privileges.h"
#include "live/rotating_file.h"
#include "live/workers.h"

namespace rpcmarshal::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct LiveCommand {
  std::vector<std::string> interfaces;
  EventOptions events;
  std::string output, user, metrics, summary, ports;
  std::string filter = "default";
  LiveOptions capture;
  RotationOptions rotation;
  int workers = 1;
  int buffer_megabytes = 64, queue_megabytes = 64, memory_megabytes = 256;
  std::size_t max_flows = 262'144;
  std::uint64_t rotate_megabytes = 0;
  int metrics_interval = 10;
  double duration = 0;
  bool stats = false, no_promiscuous = false, no_gzip = false;
  RuleArguments rules;
};

/// Tells the service manager what happens ("READY=1"), when there is one (sd_notify(3)).
void notify(const char* state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (!path || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';
  const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return;
  sendto(descriptor, state, std::strlen(state), MSG_NOSIGNAL,
         reinterpret_cast<const sockaddr*>(&address),
         static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
  close(descriptor);
}

/// The signals that end, and that reopen, as something to poll.
class Signals {
 public:
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
    // Blocked before any thread starts, so that all of them have it so.
    sigprocmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
    descriptor_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (descriptor_ < 0) throw std::runtime_error(std::string("signals: ") + std::strerror(errno));
  }
  ~Signals() { close(descriptor_); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  int descriptor() const { return descriptor_; }
  /// The next signal, or 0.
  int take() {
    signalfd_siginfo info{};
    return read(descriptor_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo)
                                                                : 0;
  }

 private:
  int descriptor_ = -1;
};

class LiveRun {
 public:
  explicit LiveRun(const LiveCommand& o) : o_(o) {}

  int run() {
    open_captures();
    secrets_ = load_secrets(o_.events.secrets);  // perhaps only the first user may read them
    drop_privileges(o_.user);
    if (geteuid() == 0)
      std::fputs("rpcmarshal: runs as root, without its capabilities; --user NAME is better\n",
                 stderr);
    const LoadedCatalogue loaded = load_definitions(o_.events.definitions);
    WorkerOptions options = worker_options();
    if (!load_rules(loaded.catalogue, options)) return kUsage;
    const auto edges =
        std::shared_ptr<EventFormat>(make_format(options.format, options.sink).release());
    RotatingFile file(
        o_.output, rotation(), [edges] { return edges->header(host_time()); },
        [edges] { return edges->trailer(host_time()); });
    Workers workers(loaded.catalogue, std::move(options),
                    [&](std::string_view lines) { file.write(lines); });
    file_ = &file;
    workers_ = &workers;
    catalogue_ = &loaded.catalogue;
    write_metrics();
    notify("READY=1");
    std::fprintf(stderr, "rpcmarshal: listening on %s\n", names().c_str());
    const int status = loop();
    notify("STOPPING=1");
    drain();
    if (reloading_.valid()) reloading_.wait();
    workers.finish();
    file.close();
    if (alerts_) alerts_->close();
    write_metrics();
    return report(workers, file) ? status : kUsage;
  }

 private:
  void open_captures() {
    LiveOptions options = o_.capture;
    options.promiscuous = !o_.no_promiscuous;
    options.buffer_bytes = o_.buffer_megabytes << 20;
    options.filter = o_.filter == "default" ? capture_filter(o_.ports) : o_.filter;
    for (const std::string& name : o_.interfaces) {
      auto opened = LiveCapture::open(name, options);
      if (!opened.capture) throw std::runtime_error(opened.error);
      captures_.push_back(std::move(opened.capture));
    }
  }

  WorkerOptions worker_options() const {
    const bool terminal = (o_.output.empty() || o_.output == "-") && isatty(STDOUT_FILENO);
    WorkerOptions options;
    options.workers = o_.workers;
    options.queue_bytes = static_cast<std::size_t>(o_.queue_megabytes) << 20;
    options.clock = true;
    options.sensor = o_.events.sensor();
    options.sensor.secrets = secrets_;
    options.sensor.tcp.max_memory = (static_cast<std::size_t>(o_.memory_megabytes) << 20) /
                                    static_cast<std::size_t>(o_.workers);
    options.sensor.tcp.max_flows =
        std::max<std::size_t>(16, o_.max_flows / static_cast<std::size_t>(o_.workers));
    options.format =
        o_.events.format != "auto" ? o_.events.format : std::string(terminal ? "text" : "json");
    options.sink = o_.events.sink(terminal);
    options.wanted = [this](const Event& event) { return o_.events.wanted(event); };
    return options;
  }

  /// False, with a message, when they cannot run.
  bool load_rules(const Catalogue& catalogue, WorkerOptions& options) {
    if (o_.rules.rules.empty()) return true;
    if (!o_.rules.place_for_alerts(options.format)) return false;
    auto first = o_.rules.load(catalogue, o_.workers);
    if (!first) return false;
    rules_ = std::make_unique<detect::LiveRules>(std::move(first));
    options.rules = rules_.get();
    options.sink.rules = true;
    if (!o_.rules.alerts.empty()) {
      const auto nothing = [] { return std::string(); };
      alerts_ = std::make_unique<RotatingFile>(o_.rules.alerts, rotation(), nothing, nothing);
      options.alerts = [this](std::string_view records) { alerts_->write(records); };
    }
    return true;
  }

  // Rules are read and compiled beside the capture, which goes on with the old ones meanwhile.
  void reload_rules() {
    if (!rules_) return;
    using std::chrono_literals::operator""s;
    if (reloading_.valid() && reloading_.wait_for(0s) != std::future_status::ready) {
      reload_again_ = true;
      return;
    }
    reload_again_ = false;
    reloading_ = std::async(std::launch::async, [this] {
      const auto old = rules_->current();
      if (auto next = o_.rules.reload(*catalogue_, o_.workers, *old))
        rules_->replace(std::move(next));
    });
  }

  RotationOptions rotation() const {
    RotationOptions options = o_.rotation;
    options.max_bytes = o_.rotate_megabytes << 20;
    options.gzip = !o_.no_gzip;
    return options;
  }

  std::string names() const {
    std::string all;
    for (const std::string& name : o_.interfaces) all += (all.empty() ? "" : ", ") + name;
    return all;
  }

  // Until a signal says to end, the time is over, or no interface can be read any more.
  int loop() {
    const auto start = Clock::now();
    auto second = start, metrics = start;
    const std::function<void(const RawPacket&)> take = [this](const RawPacket& packet) {
      workers_->packet(packet);
    };
    for (;;) {
      std::vector<pollfd> waits{{.fd = signals_.descriptor(), .events = POLLIN, .revents = 0}};
      for (const auto& capture : captures_)
        waits.push_back({.fd = capture->descriptor(), .events = POLLIN, .revents = 0});
      poll(waits.data(), waits.size(), kPollMilliseconds);
      for (int signal = signals_.take(); signal != 0; signal = signals_.take()) {
        if (signal != SIGHUP) return kOk;
        file_->reopen();
        if (alerts_) alerts_->reopen();
        reload_rules();
      }
      for (std::size_t i = 0; i < captures_.size();) {
        if (captures_[i]->read(kBurst, take) >= 0) {
          ++i;
          continue;
        }
        std::fprintf(stderr, "rpcmarshal: %s\n", captures_[i]->error().c_str());
        gone_ += captures_[i]->drops();
        captures_.erase(captures_.begin() + static_cast<std::ptrdiff_t>(i));
        if (captures_.empty()) return kDamagedInput;
      }
      const auto now = Clock::now();
      if (now - flushed_ >= std::chrono::milliseconds(kPollMilliseconds)) {
        workers_->flush();
        flushed_ = now;
      }
      if (now - second >= std::chrono::seconds(1)) {
        second = now;
        file_->tick();
        if (alerts_) alerts_->tick();
        if (reload_again_) reload_rules();
        tell_of_output();
      }
      if (now - metrics >= std::chrono::seconds(o_.metrics_interval)) {
        metrics = now;
        write_metrics();
      }
      if (o_.duration > 0 && now - start >= std::chrono::duration<double>(o_.duration)) return kOk;
    }
  }

  // What the kernel had taken when we were told to end is ours to read.
  void drain() {
    const Timestamp end = host_time();
    const auto limit =
        Clock::now() + std::chrono::milliseconds(2 * o_.capture.timeout_milliseconds + 500);
    // A ring's last block comes when its timeout is over; until then reading gives nothing.
    const auto least =
        Clock::now() + std::chrono::milliseconds(o_.capture.timeout_milliseconds + 50);
    for (const auto& capture : captures_) {
      bool later = false;
      const std::function<void(const RawPacket&)> take = [&](const RawPacket& packet) {
        later = later || packet.time > end;
        if (packet.time > end) return;
        workers_->packet(packet, true);
      };
      while (!later && Clock::now() < limit) {
        const int got = capture->read(kBurst, take);
        if (got < 0 || (got == 0 && Clock::now() >= least)) break;
        if (got == 0) usleep(5000);
      }
    }
  }

  SensorStatistics statistics() {
    SensorStatistics all = workers_->statistics();
    DropStatistics drops = gone_;
    for (const auto& capture : captures_) drops += capture->drops();
    drops.queue = all.drops.queue;
    all.drops = drops;
    return all;
  }

  void write_metrics() {
    if (o_.metrics.empty()) return;
    const MetricsExtras extras{.output_lost_bytes = file_->lost_bytes(),
                               .output_rotations = file_->rotations(),
                               .start_time = start_};
    const bool good =
        replace_file(o_.metrics, metrics_text(statistics(), workers_->summary(), extras));
    if (!good && !metrics_failed_) {
      std::fprintf(stderr, "rpcmarshal: cannot write %s: %s\n", o_.metrics.c_str(),
                   std::strerror(errno));
    }
    metrics_failed_ = !good;
  }

  // Once per trouble, not once per second.
  void tell_of_output() {
    const std::string error = file_->error();
    if (!error.empty() && !output_failed_)
      std::fprintf(stderr, "rpcmarshal: events are being lost: %s: %s\n", o_.output.c_str(),
                   error.c_str());
    output_failed_ = !error.empty();
  }

  bool report(const Workers& workers, const RotatingFile& file) {
    const SensorStatistics all = statistics();
    const Summary summary = workers.summary();
    summary.print(stderr, all);
    if (rules_)
      std::fprintf(stderr, "%s\n", detect::alert_summary(rules_->alerts_by_level()).c_str());
    if (o_.stats) summary.print_statistics(stderr, all);
    if (!o_.summary.empty()) {
      std::string json;
      summary.append_json(json, all);
      if (!replace_file(o_.summary, json + '\n')) {
        std::fprintf(stderr, "rpcmarshal: cannot write %s: %s\n", o_.summary.c_str(),
                     std::strerror(errno));
        return false;
      }
    }
    const std::uint64_t lost = file.lost_bytes() + (alerts_ ? alerts_->lost_bytes() : 0);
    if (lost == 0) return true;
    std::fprintf(stderr, "rpcmarshal: %llu bytes of events could not be written\n",
                 static_cast<unsigned long long>(lost));
    return false;
  }

  static constexpr int kPollMilliseconds = 50;
  static constexpr int kBurst = 8192;  // packets of one interface before the next has its turn

  const LiveCommand& o_;
  std::shared_ptr<const Secrets> secrets_;
  Signals signals_;
  std::vector<std::unique_ptr<LiveCapture>> captures_;
  const Catalogue* catalogue_ = nullptr;
  std::unique_ptr<detect::LiveRules> rules_;  // null: none
  std::unique_ptr<RotatingFile> alerts_;      // null: not wanted
  std::future<void> reloading_;
  bool reload_again_ = false;
  DropStatistics gone_;  // of interfaces that went away
  RotatingFile* file_ = nullptr;
  Workers* workers_ = nullptr;
  const std::int64_t start_ = host_time() / 1'000'000'000;
  Clock::time_point flushed_ = Clock::now();
  bool metrics_failed_ = false, output_failed_ = false;
};

}  // namespace

void add_sensor(CLI::App& app, Run& run) {
  const auto o = std::make_shared<LiveCommand>();
  CLI::App* sensor = app.add_subcommand("sensor", "Show the RPC calls on network interfaces, live");
  sensor->footer(
      "Examples:\n"
      "  rpcmarshal sensor -i eth1                                     text on the terminal\n"
      "  rpcmarshal sensor -i eth1 --user rpcmarshal -o /var/log/rpcmarshal/events.jsonl \\\n"
      "      --rotate-every 3600 --keep 168 --workers 4 --metrics /run/rpcmarshal/metrics.prom\n"
      "SIGTERM and SIGINT end it: everything captured until then is written. SIGHUP reopens the "
      "output\nand reads the rules anew.\n"
      "Exit status: 0 ended by a signal or --duration; 1 no interface is left; 2 the command line, "
      "an\ninterface or an output could not be used.");
  sensor
      ->add_option("-i,--listen", o->interfaces, "Network interface; may be repeated ('any': all)")
      ->required();
  sensor->add_option("-o,--output", o->output,
                     "Write events to this file instead of standard output (appends)");
  add_event_options(*sensor, o->events);
  add_rule_options(*sensor, o->rules);
  sensor->add_option("--user", o->user,
                     "Become this user when the interfaces are open (needs root)");
  sensor->add_option("--workers", o->workers, "Threads that decode")->check(CLI::Range(1, 256));
  sensor->add_option("--ports", o->ports,
                     "Only these ports, like 135,139,445,593,49152-65535 (default: all)");
  sensor->add_option("--filter", o->filter,
                     "Capture filter in tcpdump's language instead of the one that is made");
  sensor->add_option("--snaplen", o->capture.snap_length, "Bytes taken of each packet")
      ->check(CLI::Range(256, 262'144));
  sensor
      ->add_option("--buffer", o->buffer_megabytes, "Megabytes the kernel keeps for each interface")
      ->check(CLI::Range(1, 2047));
  sensor
      ->add_option("--timeout", o->capture.timeout_milliseconds,
                   "Milliseconds the kernel may collect packets before it hands them over")
      ->check(CLI::Range(1, 10'000));
  sensor->add_flag("--immediate", o->capture.immediate,
                   "Hand over each packet at once; costs processor time");
  sensor->add_flag("--no-promiscuous", o->no_promiscuous,
                   "Only packets that are meant for this host");
  sensor->add_option("--queue", o->queue_megabytes, "Megabytes of packets waiting for each worker")
      ->check(CLI::Range(1, 65'536));
  sensor
      ->add_option("--memory", o->memory_megabytes,
                   "Megabytes for the state of connections, all workers together")
      ->check(CLI::Range(8, 1'048'576));
  sensor->add_option("--max-connections", o->max_flows, "Connections known at the same time")
      ->check(CLI::Range(1024, 100'000'000));
  sensor->add_option("--rotate-size", o->rotate_megabytes,
                     "Begin a new file when the output has so many megabytes");
  sensor
      ->add_option("--rotate-every", o->rotation.every_seconds,
                   "Begin a new file every so many seconds (3600: on the hour, UTC)")
      ->check(CLI::Range(0, 31'536'000));
  sensor->add_option("--keep", o->rotation.keep, "Keep so many finished files (default: all)");
  sensor->add_flag("--no-gzip", o->no_gzip, "Do not pack finished files");
  sensor->add_option("--metrics", o->metrics,
                     "Keep statistics in this file, in Prometheus' text format");
  sensor->add_option("--metrics-interval", o->metrics_interval, "Seconds between them")
      ->check(CLI::Range(1, 3600));
  sensor->add_option("--duration", o->duration, "End after so many seconds");
  sensor->add_flag("--stats", o->stats, "Every counter on standard error at the end");
  sensor->add_option("--summary", o->summary,
                     "Write the closing summary with every counter to this file, as JSON");
  sensor->callback([o, &run] { run = [o] { return LiveRun(*o).run(); }; });
}

}  // namespace rpcmarshal::cli
