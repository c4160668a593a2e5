// Policies in YAML (docs/policy.md) to the model. Everything wrong is reported with line and
// column, and what to do; a policy with an error is not used at all, for leaving out one rule would
// change what the others mean.
#pragma once

#include <string>
#include <string_view>

#include "policy/compiler/model.h"

namespace rpcmarshal::policy {

/// Largest policy file that is read, and most rules in it.
inline constexpr std::size_t kMaxPolicyText = 4u << 20;

/// False when there are errors; `out` is then incomplete. Names of fields are not checked here
/// (fields.h).
bool parse_policy(std::string_view text, const std::string& file, PolicyModel& out,
                  sigma::Diagnostics& diagnostics);

/// A status by number ("5", "0x1c010003") or name ("access_denied", "ERROR_ACCESS_DENIED",
/// "nca_s_unk_if").
std::optional<std::uint32_t> parse_fault(std::string_view text);

/// Seconds since 1970 of "2026-12-31" (its last second is still before it) or
/// "2026-12-31T18:00:00Z".
std::optional<std::int64_t> parse_expiry(std::string_view text);

}  // namespace rpcmarshal::policy
