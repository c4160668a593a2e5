// Stubs of calls on objects, written by the rules of [MS-DCOM] and [MS-OAUT], and an observer that
// decodes them and shows them to an ObjectTracker.
#pragma once

#include <gtest/gtest.h>

#include "builtin/builtin.h"
#include "dcom/objects.h"
#include "dcom/objref.h"
#include "ndr/decode.h"
#include "wmio_encoder.h"

namespace rpcmarshal::dcom::test {

using ndr::Half;
using ndr::Syntax;

inline const Catalogue& catalogue() {
  static const auto loaded = load_catalogue({});
  return loaded.catalogue;
}
inline const ndr::Codec& codec() {
  static const ndr::Codec codec(catalogue());
  return codec;
}

/// A stub: little-endian NDR, aligned by hand where needed.
class Stub : public ByteWriter {
 public:
  Stub& u8(std::uint64_t v) { return ByteWriter::u8(v), *this; }
  Stub& u16(std::uint64_t v) { return ByteWriter::u16(v), *this; }
  Stub& u32(std::uint64_t v) { return ByteWriter::u32(v), *this; }
  Stub& u64(std::uint64_t v) { return ByteWriter::u64(v), *this; }
  Stub& raw(std::string_view text) { return ByteWriter::raw(text), *this; }
  Stub& align(std::size_t to) {
    while (size() % to != 0) u8(0);
    return *this;
  }
  Stub& guid(std::string_view text) {
    const Guid g = *Guid::parse(text);
    u32(g.data1).u16(g.data2).u16(g.data3);
    for (const std::uint8_t b : g.data4) u8(b);
    return *this;
  }
  Stub& orpcthis() {
    u16(5).u16(7).u32(0).u32(0).guid("11111111-2222-3333-4444-555555555555");
    u32(0);
    return *this;
  }
  Stub& orpcthat() {
    u32(0).u32(0);
    return *this;
  }
  /// BSTR as a top-level parameter: unique pointer, then FLAGGED_WORD_BLOB.
  Stub& bstr(std::u16string_view text) {
    align(4).u32(0x20000).u32(text.size()).u32(text.size() * 2).u32(text.size());
    for (const char16_t c : text) u16(c);
    return *this;
  }
  Stub& wstring(std::u16string_view text) {
    align(4).u32(0x20004).u32(text.size() + 1).u32(0).u32(text.size() + 1);
    for (const char16_t c : text) u16(c);
    u16(0);
    return *this;
  }
  /// Interface pointer as a top-level parameter.
  Stub& pointer(std::string_view objref) {
    align(4).u32(0x20008).u32(objref.size()).u32(objref.size()).raw(objref);
    return *this;
  }
  Stub& null() {
    align(4).u32(0);
    return *this;
  }
};

constexpr std::string_view kServicesId = "9556dc99-828c-11cf-a37e-00aa003240c7";
constexpr std::string_view kWbemObjectId = "dc12a681-737f-11cf-884d-00aa004b2e24";

inline std::string standard_objref(std::string_view iid, std::string_view ipid) {
  Stub w;
  w.u32(kObjRefSignature).u32(1);
  w.guid(iid).u32(0).u32(5).u64(0x1111).u64(0x2222);
  w.guid(ipid);
  // Two bindings and their end, one security binding and its end.
  const std::u16string_view strings(
      u"\x07"
      u"10.0.0.9[49667]\0\x07"
      u"FS1\0\0\x0A\xFFFF\0\0",
      27);
  w.u16(strings.size()).u16(23);
  for (const char16_t c : strings) w.u16(c);
  return w.text();
}

inline std::string object_objref(const std::string& unit_bytes) {
  Stub w;
  w.u32(kObjRefSignature).u32(4);
  w.guid(kWbemObjectId).guid("4590f812-1d3a-11d0-891f-00aa004b2e24").u32(0).u32(unit_bytes.size());
  return w.raw(unit_bytes).text();
}

/// Decodes a call's stubs and shows it to the tracker.
class Observer {
 public:
  const ObjectView& see(std::string_view iid, std::uint16_t opnum, std::string_view ipid,
                        const std::string& request, const std::string& response,
                        std::uint16_t major = 0) {
    const Interface* interface = catalogue().find(*Guid::parse(iid), major);
    EXPECT_NE(interface, nullptr) << iid;
    request_ = request;
    response_ = response;
    ObjectCall call;
    call.interface = interface;
    call.procedure = interface->find(opnum);
    call.ipid = ipid.empty() ? Guid{} : *Guid::parse(ipid);
    call.server = server;
    call.client = client;
    call.event = ++events;
    const auto decode = [&](const std::string& stub, Half half, ndr::Tape& tape,
                            const ndr::Tape* other) {
      const ndr::Program* program = codec().program(*interface, opnum, half, Syntax::kNdr20);
      EXPECT_NE(program, nullptr);
      const auto result = ndr::decode(*program, {.stub = as_bytes(stub), .request = other}, tape);
      EXPECT_TRUE(result.complete()) << result.reason << " at " << result.failed_at;
      return tape.root();
    };
    call.request = decode(request_, Half::kRequest, request_tape_, nullptr);
    if (!response_.empty())
      call.response = decode(response_, Half::kResponse, response_tape_, &request_tape_);
    return tracker_.observe(call);
  }
  Guid interface_of(std::string_view ipid) {
    return tracker_.interface_of(server, *Guid::parse(ipid));
  }

  // Of the next call.
  std::string server = "server", client = "client";
  std::uint64_t events = 0;

 private:
  ObjectTracker tracker_{catalogue(), codec()};
  std::string request_, response_;
  ndr::Tape request_tape_, response_tape_;
};

}  // namespace rpcmarshal::dcom::test
