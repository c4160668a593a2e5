// What the agent (rpcmarshal-agent.exe) and the hook DLL inside each protected process say to each
// other. Two channels:
//
//  * Agent to hooks: one section, kSectionName, made by the agent before it injects anything, that
//    hooks map read-only and look at every kPollMilliseconds. It says which processes are to be
//    protected, how, and holds the compiled policy. Only SYSTEM and administrators can write it.
//  * Hooks to agent: one named pipe, kPipeName, on which each hook writes framed messages: a hello,
//    events (the JSON of docs/event.md), its counters. Whoever may write to the pipe may lie in it,
//    so the agent believes only the process that GetNamedPipeClientProcessId names, and only when
//    that process is a target of its section.
//
// Everything is little-endian and of fixed layout (static_asserts below); a version that one side
// does not know makes a hook stay out of the process, and the agent refuse the connection. Standard
// library only: tests of this run on Linux.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/bytes.h"

namespace rpcmarshal::agent {

inline constexpr std::uint16_t kProtocolVersion = 1;
inline constexpr char kHookFile[] = "rpcmarshal-hook.dll";  ///< beside the agent's program

// -- names and who may do what ----------------------------------------------------------------

inline constexpr wchar_t kSectionName[] = L"Global\\RpcMarshalControl";
/// SYSTEM and administrators: everything. Authenticated users: map for reading, for a hooked
/// service may run as anybody (SECTION_QUERY | SECTION_MAP_READ | READ_CONTROL). Label: high, no
/// write up.
inline constexpr wchar_t kSectionSddl[] =
    L"D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x20005;;;AU)S:(ML;;NW;;;HI)";

inline constexpr wchar_t kPipeName[] = L"\\\\.\\pipe\\rpcmarshal-events";
/// SYSTEM and administrators: everything. Authenticated users: FILE_WRITE_DATA, attributes,
/// READ_CONTROL, SYNCHRONIZE; not FILE_CREATE_PIPE_INSTANCE (4), which would let them be the agent.
inline constexpr wchar_t kPipeSddl[] = L"D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x120182;;;AU)";

inline constexpr std::uint32_t kPollMilliseconds = 250;     ///< hooks look at the section so often
inline constexpr std::uint32_t kStatusMilliseconds = 5000;  ///< and tell their counters so often

// -- the section ------------------------------------------------------------------------------

inline constexpr std::uint32_t kControlMagic = 0x434D5052;  ///< "RPMC"
inline constexpr std::size_t kMaxTargets = 1024;
inline constexpr std::size_t kMaxPolicy = std::size_t{1} << 20;

enum ControlFlags : std::uint32_t {
  kLocalCalls = 1,   ///< ncalrpc calls make events too (the policy sees only calls that do)
  kFailClosed = 2,   ///< when the hook itself fails (memory, a policy it cannot read), refuse the
                     ///< call; otherwise let it through. Counted either way.
  kReleaseAlone = 4  ///< when the agent has been gone for `stale_seconds`, unhook by oneself
};

/// A process that is (to be) protected. Pids are reused, so the start time belongs to it.
struct ControlTarget {
  std::uint32_t pid = 0;
  std::uint32_t flags = 0;    ///< none defined
  std::uint64_t started = 0;  ///< creation time, FILETIME as one number; 0: not compared
};
static_assert(sizeof(ControlTarget) == 16);

/// The whole section. The agent is the only writer: ControlWriter::begin() and end() around each
/// change; readers use read_control(). A process that is not among the targets unhooks.
struct ControlBlock {
  std::uint32_t magic = kControlMagic;
  std::uint16_t version = kProtocolVersion;
  std::uint16_t reserved0 = 0;
  std::uint32_t size = 0;       ///< sizeof(ControlBlock)
  std::uint32_t sequence = 0;   ///< odd while the agent writes; changes with every change
  std::uint32_t agent_pid = 0;  ///< who serves the pipe; 0: nobody now
  std::uint32_t flags = 0;      ///< ControlFlags
  std::uint64_t heartbeat = 0;  ///< FILETIME, set about once a second, outside the sequence
  std::uint32_t stale_seconds = 60;
  std::uint32_t max_stub = 256 * 1024;           ///< bytes kept of a request or reply
  std::uint32_t queue_bytes = 16 * 1024 * 1024;  ///< of calls waiting to be written, per process
  std::uint32_t target_count = 0;
  std::uint32_t policy_size = 0;      ///< 0: no policy, everything is allowed
  std::uint32_t policy_revision = 0;  ///< counts the policies loaded
  std::uint32_t reserved[2] = {};
  ControlTarget targets[kMaxTargets];
  std::byte policy[kMaxPolicy];  ///< as `rpcmarshal policy compile` writes it
};
static_assert(std::is_trivially_copyable_v<ControlBlock>);
static_assert(offsetof(ControlBlock, sequence) == 12 && offsetof(ControlBlock, heartbeat) == 24);
static_assert(offsetof(ControlBlock, targets) == 64);
static_assert(sizeof(ControlBlock) == 64 + 16 * kMaxTargets + kMaxPolicy);

/// Makes a change of the block visible as one.
class ControlWriter {
 public:
  explicit ControlWriter(ControlBlock& block) : sequence_(block.sequence) {
    sequence_.store(sequence_.load(std::memory_order_relaxed) | 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
  }
  ~ControlWriter() {
    sequence_.store((sequence_.load(std::memory_order_relaxed) | 1) + 1, std::memory_order_release);
  }
  ControlWriter(const ControlWriter&) = delete;
  ControlWriter& operator=(const ControlWriter&) = delete;

 private:
  std::atomic_ref<std::uint32_t> sequence_;
};

/// What a hook takes from the section: a copy, checked.
struct ControlView {
  std::uint32_t sequence = 0, agent_pid = 0, flags = 0, stale_seconds = 0, max_stub = 0,
                queue_bytes = 0, policy_revision = 0;
  bool target = false;  ///< this process is to be protected
  std::vector<std::byte> policy;
};

/// `mapped` bytes of the section at `block`, for process `pid` that started at `started`. nullopt:
/// not a section of this version, or the agent was writing all the time. Numbers out of bounds are
/// brought into bounds.
std::optional<ControlView> read_control(const ControlBlock* block, std::size_t mapped,
                                        std::uint32_t pid, std::uint64_t started);

/// The sequence alone, to see cheaply whether anything changed.
inline std::uint32_t control_sequence(const ControlBlock& block) {
  return std::atomic_ref<std::uint32_t>(const_cast<std::uint32_t&>(block.sequence))
      .load(std::memory_order_acquire);
}

// -- messages on the pipe ---------------------------------------------------------------------

inline constexpr std::uint32_t kMessageMagic = 0x454D5052;  ///< "RPME"
inline constexpr std::size_t kMaxMessage = std::size_t{2} << 20;

enum class MessageType : std::uint16_t {
  kHello = 1,   ///< HookStatus, first of a connection
  kEvent = 2,   ///< one event: a JSON object in UTF-8, without a line end
  kStatus = 3,  ///< HookStatus, every kStatusMilliseconds and before the connection ends
  kNote = 4     ///< UTF-8: something an administrator should know ("policy refused: ...")
};

/// Before each payload. Pipe in byte mode: messages may be split and joined by reads.
struct MessageHeader {
  std::uint32_t magic = kMessageMagic;
  std::uint16_t version = kProtocolVersion;
  MessageType type = MessageType::kEvent;
  std::uint32_t size = 0;  ///< of the payload, at most kMaxMessage
  std::uint32_t reserved = 0;
};
static_assert(sizeof(MessageHeader) == 16 && std::is_trivially_copyable_v<MessageHeader>);

enum class HookState : std::uint32_t {
  kStarting = 0,
  kHooked = 1,
  kReleased = 2,  ///< entries are restored; the code stays mapped (docs/windows.md says why)
};

/// Counters since the DLL was loaded.
struct HookStatus {
  std::uint32_t pid = 0;
  HookState state = HookState::kStarting;
  std::uint64_t started = 0;               ///< of the process, FILETIME
  std::uint32_t policy_revision = 0;       ///< in force; 0: none
  std::uint32_t interfaces = 0;            ///< hooked now
  std::uint32_t entries = 0;               ///< dispatch-table entries replaced now
  std::uint32_t active = 0;                ///< calls inside the hook now
  std::uint64_t calls = 0;                 ///< seen, local ones that make no events included
  std::uint64_t events = 0;                ///< given to the pipe
  std::uint64_t dropped = 0;               ///< not given: queue full, no agent, too large
  std::uint64_t blocked = 0, audited = 0;  ///< by the policy
  std::uint64_t unknown = 0;               ///< decisions in which an argument could not be decoded
  std::uint64_t failures = 0;              ///< of the hook itself; what then happens: kFailClosed
  std::uint64_t exceptions = 0;  ///< calls that ended with an RPC exception of the server's
};
static_assert(sizeof(HookStatus) == 96 && std::is_trivially_copyable_v<HookStatus>);

/// Appends header and payload. False, and nothing appended, when the payload is too large.
bool append_message(std::string& out, MessageType type, std::string_view payload);
bool append_message(std::string& out, MessageType type, const HookStatus& status);

/// Cuts a byte stream into messages.
///
///     reader.feed(bytes);
///     while (auto message = reader.next()) ...     // payload valid until the next feed()
///     if (reader.failed()) close the connection
class MessageReader {
 public:
  struct Message {
    MessageType type;
    std::string_view payload;
    /// The payload of kHello and kStatus; nullopt when it is of the wrong size.
    std::optional<HookStatus> status() const;
  };
  void feed(Bytes bytes);
  std::optional<Message> next();
  /// Wrong magic or version, or a size beyond kMaxMessage: nothing more comes of this stream.
  bool failed() const { return failed_; }

 private:
  std::string buffer_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace rpcmarshal::agent
