// OBJREFs: what a COM interface pointer is on the wire ([MS-DCOM] 2.2.18). A standard one names an
// object in another process (OXID, OID, IPID) and where that process listens: an address that is
// not the server's shows a relay or pivot. A custom one carries an object by value: WMI objects,
// and the properties of an activation.
//
// All is little-endian. Views refer to the bytes read and live as long as they do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/guid.h"

namespace rpcmarshal::dcom {

/// The OLE family of GUIDs, which differ in their first part only.
constexpr Guid ole_guid(std::uint32_t data1) {
  return {data1, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
}

/// One entry of a DUALSTRINGARRAY's first list (2.2.19.3).
struct StringBinding {
  std::uint16_t tower = 0;        ///< protocol: 7 is ncacn_ip_tcp
  std::string address;            ///< as sent: "fs1.lab.test[49667]", "10.0.0.6"
  std::string_view host() const;  ///< without the port in brackets
  std::uint16_t port() const;     ///< 0 when none
};
struct SecurityBinding {
  std::uint16_t service = 0;  ///< authentication service: 10 NTLM, 16 Kerberos
  std::string principal;
};
struct DualStrings {
  std::vector<StringBinding> bindings;
  std::vector<SecurityBinding> security;
};
/// "ncacn_ip_tcp" for 7, ...; empty for others (2.2.19.3.1 refers to C706's protocol identifiers).
std::string_view tower_name(std::uint16_t tower);

/// Reads wNumEntries, wSecurityOffset and the array behind them. False when it does not fit; what
/// was read before is there. At most 256 of each kind.
bool read_dual_strings(Bytes bytes, DualStrings& out);
/// The same for aStringArray alone, as NDR hands it over.
bool read_dual_strings(Bytes array, std::size_t security_offset, ByteOrder order, DualStrings& out);

struct ObjRef {
  enum class Kind : std::uint8_t { kStandard = 1, kHandler = 2, kCustom = 4, kExtended = 8 };
  Kind kind = Kind::kStandard;
  Guid iid;  ///< of the interface
  // kStandard, kHandler, kExtended:
  std::uint32_t flags = 0;
  std::uint32_t references = 0;
  std::uint64_t oxid = 0, oid = 0;
  Guid ipid;
  DualStrings resolver;  ///< where the server's object exporter listens
  // kHandler, kCustom:
  Guid clsid;
  // kCustom: the object itself; kExtended: its data elements, unread
  Bytes data;
};

inline constexpr std::uint32_t kObjRefSignature = 0x574F454D;  ///< "MEOW"

/// False when it is none or cut short; `out` then holds what was read before.
bool read_objref(Bytes bytes, ObjRef& out);

/// Names of classes that matter to defenders and of those the protocol itself uses:
/// "MMC20.Application", "WbemLevel1Login"; empty when not known.
std::string_view class_name(const Guid& clsid);

// Classes whose custom marshalling is known.
Guid clsid_wbem_object();               ///< IWbemClassObject: [MS-WMIO] EncodingUnit
Guid clsid_wbem_context();              ///< IWbemContext: [MS-WMI] 2.2.13
Guid clsid_activation_properties_in();  ///< [MS-DCOM] 2.2.22
Guid clsid_activation_properties_out();

}  // namespace rpcmarshal::dcom
