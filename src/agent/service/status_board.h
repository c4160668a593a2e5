// What the running agent tells about itself, for `rpcmarshal-agent status` of an administrator: a
// section that the agent writes about once a second and only SYSTEM and administrators can read.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "agent/common/protocol.h"

namespace rpcmarshal::agent {

inline constexpr wchar_t kBoardName[] = L"Global\\RpcMarshalStatus";
/// SYSTEM and administrators, nobody else; not even for reading.
inline constexpr wchar_t kAdministratorsSddl[] = L"D:P(A;;GA;;;SY)(A;;GA;;;BA)S:(ML;;NW;;;HI)";

inline constexpr std::uint32_t kBoardMagic = 0x424D5052;  ///< "RPMB"
inline constexpr std::uint16_t kBoardVersion = 1;

/// Counters of the agent since it started.
struct AgentStatus {
  std::uint32_t pid = 0;
  std::uint32_t hook_count = 0;  ///< entries of StatusBoard::hooks
  std::uint64_t started = 0;     ///< FILETIME
  std::uint64_t heartbeat = 0;   ///< FILETIME of the last writing
  std::uint64_t events = 0, malformed = 0, refused = 0, broken = 0, connections = 0;
  std::uint64_t lines_written = 0, lines_lost = 0, rotations = 0;
  std::uint64_t logged = 0, log_failures = 0;  ///< event log
  char last_problem[256] = {};                 ///< UTF-8, terminated; empty: none
};

struct StatusBoard {
  std::uint32_t magic = kBoardMagic;
  std::uint16_t version = kBoardVersion;
  std::uint16_t reserved = 0;
  std::uint32_t size = 0;
  std::uint32_t sequence = 0;  ///< odd while it is written
  AgentStatus agent;
  HookStatus hooks[kMaxTargets];
};
static_assert(std::is_trivially_copyable_v<StatusBoard>);

struct BoardView {
  AgentStatus agent;
  std::vector<HookStatus> hooks;
};

/// Agent's side: prepares fresh memory, and writes into it.
void make_board(StatusBoard& board);
void write_board(StatusBoard& board, const AgentStatus& agent,
                 const std::vector<HookStatus>& hooks);
/// Reader's side. nullopt: not a board of this version, or its writer died while writing.
std::optional<BoardView> read_board(const StatusBoard* board, std::size_t mapped);

/// What `status` prints: `view` may be missing (no agent runs), `control` too (nothing was ever
/// protected since the system started). `now` as FILETIME. Names of processes by pid, where known.
struct StatusInput {
  const BoardView* board = nullptr;
  bool has_control = false;
  std::uint32_t control_flags = 0, policy_size = 0, policy_revision = 0;
  std::vector<ControlTarget> targets;
  std::vector<std::pair<std::uint32_t, std::string>> names;
  std::uint64_t now = 0;
};
std::string status_text(const StatusInput& input);
std::string status_json(const StatusInput& input);

}  // namespace rpcmarshal::agent
