#include "security/ntlm.h"

#include "base/unicode.h"

namespace rpcmarshal {
namespace {

constexpr std::string_view kSignature("NTLMSSP\0", 8);

/// Len, MaxLen, BufferOffset ([MS-NLMP] 2.2.1.1): the field's view inside `token`. An empty field
/// may carry any offset. `ok` becomes false when it lies outside.
Bytes field(ByteReader& reader, Bytes token, bool& ok, std::size_t& lowest) {
  std::size_t length = reader.u16();
  reader.skip(2);  // MaxLen is to be ignored on receipt
  std::size_t offset = reader.u32();
  if (!reader.ok() || length == 0) return {};
  if (offset > token.size() || length > token.size() - offset) {
    ok = false;
    return {};
  }
  if (offset < lowest) lowest = offset;
  return token.subspan(offset, length);
}

/// NTLMv2_RESPONSE: NTProofStr (16), then NTLMv2_CLIENT_CHALLENGE, whose AV_PAIRs start at its
/// byte 28 ([MS-NLMP] 2.2.2.7, 2.2.2.8).
Bytes av_pairs_of_response(Bytes nt_response) {
  constexpr std::size_t kFixed = 16 + 28;
  return nt_response.size() > kFixed ? nt_response.subspan(kFixed) : Bytes{};
}

}  // namespace

bool is_ntlm(Bytes token) {
  return token.size() >= 12 && as_text(token.first(kSignature.size())) == kSignature;
}

std::optional<NtlmType> ntlm_type(Bytes token) {
  if (!is_ntlm(token)) return std::nullopt;
  auto type = load<std::uint32_t>(token.data() + 8, ByteOrder::kLittle);
  if (type < 1 || type > 3) return std::nullopt;
  return static_cast<NtlmType>(type);
}

std::optional<NtlmNegotiate> parse_ntlm_negotiate(Bytes token) {
  if (ntlm_type(token) != NtlmType::kNegotiate) return std::nullopt;
  ByteReader reader(token);
  reader.skip(12);
  NtlmNegotiate out;
  out.flags = reader.u32();
  if (!reader.ok()) return std::nullopt;
  // Old clients end after the flags.
  if (reader.remaining() >= 16) {
    bool ok = true;
    std::size_t lowest = token.size();
    out.domain = field(reader, token, ok, lowest);
    out.workstation = field(reader, token, ok, lowest);
    if (!ok) return std::nullopt;
  }
  return out;
}

std::optional<NtlmChallenge> parse_ntlm_challenge(Bytes token) {
  if (ntlm_type(token) != NtlmType::kChallenge) return std::nullopt;
  ByteReader reader(token);
  reader.skip(12);
  bool ok = true;
  std::size_t lowest = token.size();
  NtlmChallenge out;
  out.target_name = field(reader, token, ok, lowest);
  out.flags = reader.u32();
  out.server_challenge = reader.take(8);
  if (!reader.ok() || !ok) return std::nullopt;
  // Servers before NT4 SP4 send neither Reserved nor TargetInfo: the payload then starts here.
  reader.skip(8);
  if (reader.remaining() >= 8 && lowest >= 48) {
    out.target_info = field(reader, token, ok, lowest);
    if (!ok) return std::nullopt;
  }
  return out;
}

std::optional<NtlmAuthenticate> parse_ntlm_authenticate(Bytes token) {
  if (ntlm_type(token) != NtlmType::kAuthenticate) return std::nullopt;
  ByteReader reader(token);
  reader.skip(12);
  bool ok = true;
  std::size_t lowest = token.size();
  NtlmAuthenticate out;
  out.lm_response = field(reader, token, ok, lowest);
  out.nt_response = field(reader, token, ok, lowest);
  out.domain = field(reader, token, ok, lowest);
  out.user = field(reader, token, ok, lowest);
  out.workstation = field(reader, token, ok, lowest);
  if (!reader.ok() || !ok) return std::nullopt;
  // The fixed part grew over time: 52 bytes, 64 with key and flags, 72 with Version, 88 with MIC.
  // The payload starts where it ends.
  if (lowest >= 64 && reader.remaining() >= 12) {
    std::size_t before = lowest;
    out.encrypted_session_key = field(reader, token, ok, lowest);
    out.flags = reader.u32();
    out.has_flags = true;
    if (!ok) return std::nullopt;
    // The key field itself may be what starts the payload.
    if (lowest < 64 && before >= 64) return std::nullopt;
    if (lowest >= 88 && token.size() >= 88) out.mic = token.subspan(72, 16);
  }
  if (out.nt_response.size() > 24) out.client_target_info = av_pairs_of_response(out.nt_response);
  return out;
}

Bytes find_ntlm_av(Bytes target_info, NtlmAv id) {
  ByteReader reader(target_info);
  while (reader.remaining() >= 4) {
    auto av = reader.u16();
    std::size_t length = reader.u16();
    Bytes value = reader.take(length);
    if (!reader.ok() || av == static_cast<std::uint16_t>(NtlmAv::kEnd)) return {};
    if (av == static_cast<std::uint16_t>(id)) return value;
  }
  return {};
}

std::string ntlm_text(Bytes name, std::uint32_t flags) {
  if (flags & kNtlmUnicode) return utf16_to_utf8(name);
  std::string out;
  append_utf8_latin1(out, name);
  while (!out.empty() && out.back() == '\0') out.pop_back();
  return out;
}

}  // namespace rpcmarshal
