#include "agent/service/status_board.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "sink/json_writer.h"

namespace rpcmarshal::agent {
namespace {

constexpr std::uint64_t kSecond = 10'000'000;  // of FILETIME
constexpr std::uint64_t kStaleSeconds = 10;

const char* state_name(HookState state) {
  switch (state) {
    case HookState::kHooked:
      return "hooked";
    case HookState::kReleased:
      return "released";
    case HookState::kStarting:
      break;
  }
  return "starting";
}

bool stale(const StatusInput& input) {
  return input.board && input.now > input.board->agent.heartbeat &&
         (input.now - input.board->agent.heartbeat) / kSecond > kStaleSeconds;
}

const HookStatus* hook_of(const StatusInput& input, std::uint32_t pid) {
  if (!input.board) return nullptr;
  for (const HookStatus& hook : input.board->hooks) {
    if (hook.pid == pid) return &hook;
  }
  return nullptr;
}

std::string name_of(const StatusInput& input, std::uint32_t pid) {
  for (const auto& [known, name] : input.names) {
    if (known == pid) return name;
  }
  return {};
}

}  // namespace

void make_board(StatusBoard& board) {
  std::memset(static_cast<void*>(&board), 0, sizeof board);
  board.size = sizeof board;
  board.version = kBoardVersion;
  board.magic = kBoardMagic;
}

void write_board(StatusBoard& board, const AgentStatus& agent,
                 const std::vector<HookStatus>& hooks) {
  const std::atomic_ref<std::uint32_t> sequence(board.sequence);
  sequence.store(sequence.load(std::memory_order_relaxed) | 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  board.agent = agent;
  board.agent.hook_count = static_cast<std::uint32_t>(std::min(hooks.size(), kMaxTargets));
  std::copy_n(hooks.begin(), board.agent.hook_count, board.hooks);
  sequence.store((sequence.load(std::memory_order_relaxed) | 1) + 1, std::memory_order_release);
}

std::optional<BoardView> read_board(const StatusBoard* board, std::size_t mapped) {
  if (!board || mapped < sizeof *board || board->magic != kBoardMagic ||
      board->version != kBoardVersion || board->size != sizeof *board)
    return std::nullopt;
  const std::atomic_ref<std::uint32_t> sequence(const_cast<std::uint32_t&>(board->sequence));
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::uint32_t before = sequence.load(std::memory_order_acquire);
    if (before & 1) continue;
    BoardView view;
    view.agent = board->agent;
    view.agent.last_problem[sizeof view.agent.last_problem - 1] = '\0';
    const std::size_t count = std::min<std::size_t>(view.agent.hook_count, kMaxTargets);
    view.hooks.assign(board->hooks, board->hooks + count);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (sequence.load(std::memory_order_relaxed) == before) return view;
  }
  return std::nullopt;
}

std::string status_text(const StatusInput& input) {
  std::string out;
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  if (!input.board) {
    out += "agent: not running; events of protected processes are dropped\n";
  } else {
    const AgentStatus& agent = input.board->agent;
    out += "agent: pid " + number(agent.pid);
    out += stale(input)
               ? ", no sign of life for " + number((input.now - agent.heartbeat) / kSecond) + " s\n"
               : ", running\n";
    out += "events: " + number(agent.events) + " received, " + number(agent.lines_written) +
           " written, " + number(agent.lines_lost) + " lost by the disk, " + number(agent.logged) +
           " in the event log (" + number(agent.log_failures) + " failed)\n";
    out += "connections: " + number(agent.connections) + " open, " + number(agent.refused) +
           " refused, " + number(agent.broken) + " broken, " + number(agent.malformed) +
           " malformed messages\n";
    if (agent.last_problem[0] != '\0')
      out += std::string("last problem: ") + agent.last_problem + "\n";
  }
  if (!input.has_control) {
    out += "protected: nothing\n";
    return out;
  }
  out += input.policy_size > 0 ? "policy: revision " + number(input.policy_revision) + ", " +
                                     number(input.policy_size) + " bytes\n"
                               : "policy: none, every call is allowed\n";
  out += std::string("local calls: ") + (input.control_flags & kLocalCalls ? "on" : "off") +
         "; when a hook fails: " +
         (input.control_flags & kFailClosed ? "the call is refused" : "the call goes through") +
         "\n";
  if (input.targets.empty()) out += "protected: nothing\n";
  for (const ControlTarget& target : input.targets) {
    out += "pid " + number(target.pid);
    const std::string name = name_of(input, target.pid);
    if (!name.empty()) out += "  " + name;
    const HookStatus* hook = hook_of(input, target.pid);
    if (!hook) {
      out += "  no word from the hook\n";
      continue;
    }
    out += std::string("  ") + state_name(hook->state) + ": " + number(hook->interfaces) +
           " interfaces, " + number(hook->entries) + " operations; " + number(hook->calls) +
           " calls, " + number(hook->events) + " events, " + number(hook->dropped) + " dropped, " +
           number(hook->blocked) + " blocked, " + number(hook->unknown) + " undecided, " +
           number(hook->failures) + " failures\n";
    // A hook without a policy says 0.
    if (hook->policy_revision != (input.policy_size > 0 ? input.policy_revision : 0))
      out += "    its policy is revision " + number(hook->policy_revision) + "\n";
  }
  return out;
}

std::string status_json(const StatusInput& input) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.member_bool("running", input.board && !stale(input));
  if (input.board) {
    const AgentStatus& agent = input.board->agent;
    json.key("agent");
    json.begin_object();
    json.member_number("pid", agent.pid);
    json.member_number("events", agent.events);
    json.member_number("lines_written", agent.lines_written);
    json.member_number("lines_lost", agent.lines_lost);
    json.member_number("rotations", agent.rotations);
    json.member_number("event_log", agent.logged);
    json.member_number("event_log_failures", agent.log_failures);
    json.member_number("connections", agent.connections);
    json.member_number("refused", agent.refused);
    json.member_number("broken", agent.broken);
    json.member_number("malformed", agent.malformed);
    if (agent.last_problem[0] != '\0') json.member("last_problem", agent.last_problem);
    json.end_object();
  }
  json.key("policy");
  json.begin_object();
  json.member_number("revision", input.policy_revision);
  json.member_number("bytes", input.policy_size);
  json.end_object();
  json.member_bool("local_calls", (input.control_flags & kLocalCalls) != 0);
  json.member_bool("fail_closed", (input.control_flags & kFailClosed) != 0);
  json.key("targets");
  json.begin_array();
  for (const ControlTarget& target : input.targets) {
    json.begin_object();
    json.member_number("pid", target.pid);
    const std::string name = name_of(input, target.pid);
    if (!name.empty()) json.member("name", name);
    if (const HookStatus* hook = hook_of(input, target.pid)) {
      json.member("state", state_name(hook->state));
      json.member_number("policy_revision", hook->policy_revision);
      json.member_number("interfaces", hook->interfaces);
      json.member_number("operations", hook->entries);
      json.member_number("active", hook->active);
      json.member_number("calls", hook->calls);
      json.member_number("events", hook->events);
      json.member_number("dropped", hook->dropped);
      json.member_number("blocked", hook->blocked);
      json.member_number("audited", hook->audited);
      json.member_number("unknown", hook->unknown);
      json.member_number("failures", hook->failures);
      json.member_number("exceptions", hook->exceptions);
    }
    json.end_object();
  }
  json.end_array();
  json.end_object();
  out += '\n';
  return out;
}

}  // namespace rpcmarshal::agent
