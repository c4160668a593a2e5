#include "dcom/activation.h"

#include <algorithm>

namespace rpcmarshal::dcom {
namespace {

constexpr Guid kStructures{
    0x73667df2, 0x945a, 0x4e3a, {0x94, 0x88, 0x97, 0x4a, 0xd3, 0x4a, 0xb2, 0xc7}};
// [MS-DCOM] 1.9: which structure a property's class says it is.
constexpr Guid kInstantiationInfo = ole_guid(0x000001ab), kLocationInfo = ole_guid(0x000001a4),
               kSecurityInfo = ole_guid(0x000001a6), kPropertiesOut = ole_guid(0x00000339),
               kScmReply = ole_guid(0x000001b6);
constexpr std::size_t kMaxProperties = 16, kMaxInterfaces = 256;

}  // namespace

ActivationReader::ActivationReader(const Catalogue& catalogue, const ndr::Codec& codec)
    : structures_(catalogue.find(kStructures, 1)), codec_(codec) {}

ndr::Value ActivationReader::decode(Structure structure, Bytes serialised, ndr::Tape& tape) const {
  ByteReader r(serialised);
  const std::uint8_t version = r.u8(), order = r.u8();
  const std::uint16_t header = r.u16();
  r.skip(4);
  const std::uint32_t size = r.u32();
  r.skip(4);
  if (!r.ok() || version != 1 || header != 8 || (order != 0x10 && order != 0) || !structures_)
    return {};
  const ndr::Program* program =
      codec_.program(*structures_, structure, ndr::Half::kRequest, ndr::Syntax::kNdr20);
  if (program == nullptr) return {};
  ndr::decode(*program,
              {.stub = r.take(std::min<std::size_t>(size, r.remaining())),
               .order = order == 0x10 ? ByteOrder::kLittle : ByteOrder::kBig},
              tape);
  return tape.root().find("value");
}

bool ActivationReader::read(Bytes blob, Activation& out) {
  ByteReader r(blob);
  r.skip(8);  // dwSize, dwReserved
  const Bytes body = r.rest();
  if (!r.ok()) return false;
  const ndr::Value header = decode(kHeader, body, header_tape_);
  const std::uint64_t header_size = header.find("headerSize").as_uint();
  const ndr::Value classes = header.find("pclsid"), sizes = header.find("pSizes");
  if (classes.size() == 0 || header_size > body.size()) return false;
  std::size_t at = header_size;
  for (std::size_t i = 0; i < std::min({classes.size(), sizes.size(), kMaxProperties}); ++i) {
    const std::uint64_t size = sizes.at(i).as_uint();
    if (size > body.size() - at) break;
    const Bytes part = body.subspan(at, size);
    at += size;
    const Guid kind = classes.at(i).as_guid();
    if (kind == kInstantiationInfo) {
      const ndr::Value value = decode(kInstantiation, part, tape_);
      out.clsid = value.find("classId").as_guid();
      const ndr::Value ids = value.find("pIID");
      for (std::size_t n = 0; n < std::min(ids.size(), kMaxInterfaces); ++n)
        out.requested.push_back(ids.at(n).as_guid());
    } else if (kind == kLocationInfo) {
      const ndr::Value name = decode(kLocation, part, tape_).find("machineName");
      if (out.machine.empty()) name.append_text(out.machine);
    } else if (kind == kSecurityInfo) {
      const ndr::Value name = decode(kSecurity, part, tape_).find("pServerInfo.pwszName");
      if (out.machine.empty()) name.append_text(out.machine);
    } else if (kind == kPropertiesOut) {
      const ndr::Value objects = decode(kOut, part, tape_).find("ppIntfData");
      for (std::size_t n = 0; n < std::min(objects.size(), kMaxInterfaces); ++n) {
        const ndr::Value object = objects.at(n);
        if (object.kind() == ndr::ValueKind::kInterface) out.objects.push_back(object.bytes());
      }
    } else if (kind == kScmReply) {
      const ndr::Value reply = decode(kReply, part, tape_).find("remoteReply");
      out.rem_unknown = reply.find("ipidRemUnknown").as_guid();
      const ndr::Value strings = reply.find("pdsaOxidBindings");
      const ndr::Value array = strings.find("aStringArray");
      read_dual_strings(array.bytes(), strings.find("wSecurityOffset").as_uint(), array.order(),
                        out.bindings);
    }
  }
  return true;
}

}  // namespace rpcmarshal::dcom
