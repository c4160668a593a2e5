#include "dcerpc/pdu.h"

#include <algorithm>
#include <cstring>

namespace rpcmarshal {
namespace {

constexpr std::size_t kVerifierHeader = 8;

unsigned at(Bytes bytes, std::size_t i) { return std::to_integer<unsigned>(bytes[i]); }

/// The shortest PDU of a type; 0 for types that do not exist here.
std::size_t shortest(unsigned type) {
  switch (static_cast<PduType>(type)) {
    case PduType::kRequest:
    case PduType::kResponse:
      return kCallHeaderSize;
    case PduType::kFault:
      return 28;
    case PduType::kBind:
    case PduType::kAlterContext:
      return 28;
    case PduType::kBindAck:
    case PduType::kAlterContextResponse:
      return 26;
    case PduType::kBindNak:
      return 18;
    case PduType::kAuth3:
    case PduType::kShutdown:
    case PduType::kCancel:
    case PduType::kOrphaned:
      return kPduHeaderSize;
    case PduType::kRts:
      return 20;
  }
  return 0;
}

SyntaxId read_syntax(ByteReader& reader) {
  SyntaxId out;
  out.uuid = Guid::read(reader);
  // The version is one 32-bit integer, its low half the major number ([C706] 12.6.3.1).
  std::uint32_t version = reader.u32();
  out.major = static_cast<std::uint16_t>(version & 0xffff);
  out.minor = static_cast<std::uint16_t>(version >> 16);
  return out;
}

}  // namespace

bool is_feature_negotiation(const Guid& uuid) {
  return uuid.data1 == kBindTimeFeatures.data1 && uuid.data2 == kBindTimeFeatures.data2 &&
         uuid.data3 == kBindTimeFeatures.data3;
}

DataRepresentation read_drep(std::byte first, std::byte second) {
  DataRepresentation out;
  out.order = (first & std::byte{0xf0}) == std::byte{0x10} ? ByteOrder::kLittle : ByteOrder::kBig;
  out.ebcdic = (first & std::byte{0x0f}) == std::byte{1};
  out.floating = static_cast<DataRepresentation::Float>(std::to_integer<unsigned>(second) & 3);
  return out;
}

std::optional<PduHeader> read_pdu_header(Bytes bytes, bool strict) {
  if (at(bytes, 0) != 5 || at(bytes, 1) > 1) return std::nullopt;
  std::size_t least = shortest(at(bytes, 2));
  if (least == 0) return std::nullopt;
  if (at(bytes, 4) > 0x11 || (at(bytes, 4) & 0x0f) > 1 || at(bytes, 5) > 3) return std::nullopt;
  if (strict && (bytes[6] != std::byte{0} || bytes[7] != std::byte{0})) return std::nullopt;
  PduHeader out;
  out.type = static_cast<PduType>(at(bytes, 2));
  out.flags = static_cast<std::uint8_t>(at(bytes, 3));
  out.drep = read_drep(bytes[4], bytes[5]);
  out.length = load<std::uint16_t>(bytes.data() + 8, out.drep.order);
  out.auth_length = load<std::uint16_t>(bytes.data() + 10, out.drep.order);
  out.call_id = load<std::uint32_t>(bytes.data() + 12, out.drep.order);
  if (out.length < least) return std::nullopt;
  if (out.auth_length != 0 && kPduHeaderSize + kVerifierHeader + out.auth_length > out.length) {
    return std::nullopt;
  }
  return out;
}

bool may_open_pdu(Bytes bytes) {
  if (bytes.size() > 0 && at(bytes, 0) != 5) return false;
  if (bytes.size() > 1 && at(bytes, 1) > 1) return false;
  if (bytes.size() > 2 && shortest(at(bytes, 2)) == 0) return false;
  if (bytes.size() > 4 && (at(bytes, 4) > 0x11 || (at(bytes, 4) & 0x0f) > 1)) return false;
  if (bytes.size() > 5 && at(bytes, 5) > 3) return false;
  return true;
}

PduParts split_pdu(const PduHeader& header, Bytes pdu, std::size_t body_at) {
  PduParts out;
  std::size_t end = header.length;
  if (header.auth_length != 0)
    end -= kVerifierHeader + header.auth_length;  // checked by read_pdu_header
  if (end < body_at || pdu.size() < body_at) {
    out.damaged = true;
    return out;
  }
  if (pdu.size() < header.length) {
    out.damaged = true;
    out.body = pdu.subspan(body_at, std::min(end, pdu.size()) - body_at);
    return out;
  }
  if (header.auth_length != 0) {
    AuthVerifier& auth = out.auth.emplace();
    Bytes verifier = pdu.subspan(end, kVerifierHeader + header.auth_length);
    auth.service = static_cast<AuthService>(at(verifier, 0));
    auth.level = static_cast<AuthLevel>(at(verifier, 1));
    auth.pad = static_cast<std::uint8_t>(at(verifier, 2));
    auth.context_id = load<std::uint32_t>(verifier.data() + 4, header.drep.order);
    auth.token = verifier.subspan(kVerifierHeader);
    // Other PDUs say themselves where their lists end, and servers pass over what is declared to be
    // padding in them: a bind must not hide its contexts there.
    const bool has_stub = header.type == PduType::kRequest || header.type == PduType::kResponse ||
                          header.type == PduType::kFault;
    if (!has_stub) {
      // nothing to cut
    } else if (auth.pad <= end - body_at) {
      end -= auth.pad;
    } else {
      out.damaged = true;
    }
  }
  out.body = pdu.subspan(body_at, end - body_at);
  return out;
}

bool read_bind(Bytes body, ByteOrder order, BindBody& out) {
  ByteReader reader(body, order);
  reader.skip(4);  // max_xmit_frag, max_recv_frag
  out.association = reader.u32();
  unsigned count = reader.u8();
  reader.skip(3);
  for (unsigned i = 0; i < count && reader.ok(); ++i) {
    ContextOffer offer;
    offer.id = reader.u16();
    offer.transfer_count = reader.u8();
    reader.skip(1);
    offer.interface = read_syntax(reader);
    for (unsigned j = 0; j < offer.transfer_count; ++j) {
      SyntaxId transfer = read_syntax(reader);
      if (j == 0) offer.transfer = transfer;
      if (!reader.ok()) break;
    }
    offer.features_only = offer.transfer_count == 1 && is_feature_negotiation(offer.transfer.uuid);
    if (reader.ok()) out.offers.push_back(offer);
  }
  return reader.ok();
}

bool read_bind_ack(Bytes body, ByteOrder order, BindAckBody& out) {
  ByteReader reader(body, order);
  reader.skip(4);
  out.association = reader.u32();
  std::size_t address_size = reader.u16();
  Bytes address = reader.take(address_size);
  if (!reader.ok()) return false;
  std::size_t end = as_text(address).find('\0');
  out.secondary_address = end == std::string_view::npos ? address : address.first(end);
  // The result list is aligned to four bytes from the PDU's start; the body starts at 16.
  reader.align(4);
  unsigned count = reader.u8();
  reader.skip(3);
  for (unsigned i = 0; i < count && reader.ok(); ++i) {
    ContextAnswer answer;
    answer.result = static_cast<ContextResult>(reader.u16());
    answer.reason = reader.u16();
    answer.transfer = read_syntax(reader);
    if (reader.ok()) out.answers.push_back(answer);
  }
  return reader.ok();
}

std::size_t without_verification_trailer(Bytes stub) {
  constexpr std::byte kSignature[8] = {std::byte{0x8a}, std::byte{0xe3}, std::byte{0x13},
                                       std::byte{0x71}, std::byte{0x02}, std::byte{0xf4},
                                       std::byte{0x36}, std::byte{0x71}};
  constexpr std::uint16_t kEnd = 0x4000;
  // The three commands that exist take 8 + 8 + 44 + 20 bytes; some room for ones to come.
  constexpr std::size_t kWindow = 192;
  constexpr std::size_t kLeast = 12;
  if (stub.size() < kLeast) return stub.size();
  std::size_t lowest = stub.size() > kWindow ? stub.size() - kWindow : 0;
  for (std::size_t start = (stub.size() - kLeast) & ~std::size_t{3};; start -= 4) {
    if (start < lowest) break;
    if (std::memcmp(stub.data() + start, kSignature, sizeof kSignature) == 0) {
      // Commands are little-endian whatever the PDU says ([MS-RPCE] 2.2.2.13).
      ByteReader commands(stub.subspan(start + sizeof kSignature));
      while (commands.remaining() >= 4) {
        std::uint16_t command = commands.u16();
        commands.skip(commands.u16());
        if (!commands.ok()) break;
        if (command & kEnd) return commands.at_end() ? start : stub.size();
      }
      return stub.size();
    }
    if (start == 0) break;
  }
  return stub.size();
}

}  // namespace rpcmarshal
