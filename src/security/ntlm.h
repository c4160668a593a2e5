// NTLMSSP messages ([MS-NLMP] 2.2.1) taken apart. Every view points into the token it was parsed
// from and lives as long as that. All integers are little-endian on the wire. What a key derivation
// needs (server challenge, NT response, encrypted session key, flags, MIC) is kept as it came.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"

namespace rpcmarshal {

enum class NtlmType : std::uint32_t { kNegotiate = 1, kChallenge = 2, kAuthenticate = 3 };

/// NEGOTIATE flags this project acts on ([MS-NLMP] 2.2.2.5).
inline constexpr std::uint32_t kNtlmUnicode = 0x00000001;
inline constexpr std::uint32_t kNtlmOem = 0x00000002;
inline constexpr std::uint32_t kNtlmSign = 0x00000010;
inline constexpr std::uint32_t kNtlmSeal = 0x00000020;
inline constexpr std::uint32_t kNtlmAnonymous = 0x00000800;
inline constexpr std::uint32_t kNtlmExtendedSessionSecurity = 0x00080000;
inline constexpr std::uint32_t kNtlmVersion = 0x02000000;
inline constexpr std::uint32_t kNtlm128 = 0x20000000;
inline constexpr std::uint32_t kNtlmKeyExchange = 0x40000000;
inline constexpr std::uint32_t kNtlm56 = 0x80000000;

/// AvId of an AV_PAIR ([MS-NLMP] 2.2.2.1).
enum class NtlmAv : std::uint16_t {
  kEnd = 0,
  kNetbiosComputer = 1,
  kNetbiosDomain = 2,
  kDnsComputer = 3,
  kDnsDomain = 4,
  kDnsTree = 5,
  kFlags = 6,
  kTimestamp = 7,
  kSingleHost = 8,
  kTargetName = 9,
  kChannelBindings = 10
};

struct NtlmNegotiate {
  std::uint32_t flags = 0;
  Bytes domain;       ///< OEM character set, as sent; usually empty
  Bytes workstation;  ///< OEM
};

struct NtlmChallenge {
  std::uint32_t flags = 0;
  Bytes server_challenge;  ///< 8 bytes
  Bytes target_name;       ///< UTF-16LE or OEM by `flags`
  Bytes target_info;       ///< sequence of AV_PAIR, strings in UTF-16LE
};

struct NtlmAuthenticate {
  std::uint32_t flags = 0;  ///< 0 when the message is of the old form without them
  bool has_flags = false;
  Bytes lm_response;
  Bytes nt_response;
  Bytes domain, user, workstation;  ///< UTF-16LE or OEM by `flags`
  Bytes encrypted_session_key;      ///< EncryptedRandomSessionKey: 16 bytes or empty
  Bytes mic;                        ///< 16 bytes, or empty when there is no room for one
  /// NTLMv2 only (NT response over 24 bytes): the AV_PAIRs of the client's challenge.
  Bytes client_target_info;
};

/// Whether `token` opens with the NTLMSSP signature.
bool is_ntlm(Bytes token);
/// The message type, nullopt when `token` is no NTLMSSP message.
std::optional<NtlmType> ntlm_type(Bytes token);

/// Each gives nullopt when the fixed part is short, or when a field lies outside the token.
std::optional<NtlmNegotiate> parse_ntlm_negotiate(Bytes token);
std::optional<NtlmChallenge> parse_ntlm_challenge(Bytes token);
std::optional<NtlmAuthenticate> parse_ntlm_authenticate(Bytes token);

/// The value of the first AV_PAIR with this id; empty when absent or the list is malformed.
Bytes find_ntlm_av(Bytes target_info, NtlmAv id);
/// A name from a message, as UTF-8: UTF-16LE or single-byte by `flags`.
std::string ntlm_text(Bytes name, std::uint32_t flags);

}  // namespace rpcmarshal
