// Calls on objects as a peer could send them, one after the other, shown to an ObjectTracker: the
// properties of activations, VARIANTs, WMI's objects, references given and taken back. Each call is
// [which][flags][length of the request, 2 bytes][length of the response, 2 bytes][both].
#include "builtin/builtin.h"
#include "dcom/objects.h"
#include "ndr/decode.h"

using namespace rpcmarshal;

namespace {

struct Choice {
  const char* iid;
  std::uint16_t opnum;
};
constexpr Choice kCalls[] = {
    {"4d9f4ab8-7d1c-11cf-861e-0020af6e7c57", 0},   // RemoteActivation
    {"000001a0-0000-0000-c000-000000000046", 3},   // RemoteGetClassObject
    {"000001a0-0000-0000-c000-000000000046", 4},   // RemoteCreateInstance
    {"99fcfec4-5260-101b-bbcb-00aa0021347a", 4},   // ResolveOxid2
    {"00000143-0000-0000-c000-000000000046", 3},   // RemQueryInterface
    {"00000143-0000-0000-c000-000000000046", 4},   // RemAddRef
    {"00000143-0000-0000-c000-000000000046", 5},   // RemRelease
    {"00020400-0000-0000-c000-000000000046", 5},   // GetIDsOfNames
    {"00020400-0000-0000-c000-000000000046", 6},   // Invoke
    {"f309ad18-d86a-11d0-a075-00c04fb68820", 6},   // NTLMLogin
    {"9556dc99-828c-11cf-a37e-00aa003240c7", 20},  // ExecQuery
    {"9556dc99-828c-11cf-a37e-00aa003240c7", 21},  // ExecQueryAsync
    {"9556dc99-828c-11cf-a37e-00aa003240c7", 24},  // ExecMethod
    {"027947e1-d731-11ce-a357-000000000001", 4},   // IEnumWbemClassObject::Next
    {"423ec01e-2e35-11d2-b604-00104b703efd", 3},   // IWbemWCOSmartEnum::Next
    {"7c857801-7381-11cf-884d-00aa004b2e24", 3},   // Indicate
    {"2c9273e0-1dc3-11d3-b364-00105a1f8177", 5},   // AddEnumToRefresher
    {"f1e9c5b2-f59b-11d2-b362-00105a1f8177", 3},   // RemoteRefresh
};
constexpr std::size_t kMaxCalls = 32;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const LoadedCatalogue loaded = load_catalogue();
  static const ndr::Codec codec(loaded.catalogue);
  dcom::ObjectTracker tracker(loaded.catalogue, codec, 64);
  ndr::Tape request, response;
  ByteReader reader(std::as_bytes(std::span(data, size)));
  for (std::size_t n = 0; n < kMaxCalls && reader.remaining() > 6; ++n) {
    const Choice& choice = kCalls[reader.u8() % std::size(kCalls)];
    const std::uint8_t flags = reader.u8();
    const std::size_t first = reader.u16(), second = reader.u16();
    const Bytes in = reader.take(std::min(first, reader.remaining()));
    const Bytes out = reader.take(std::min(second, reader.remaining()));
    const Interface* interface = loaded.catalogue.find(*Guid::parse(choice.iid), 0);
    if (interface == nullptr) __builtin_trap();
    const auto syntax = flags & 1 ? ndr::Syntax::kNdr64 : ndr::Syntax::kNdr20;
    const ByteOrder order = flags & 2 ? ByteOrder::kBig : ByteOrder::kLittle;
    const auto decode = [&](Bytes stub, ndr::Half half, ndr::Tape& tape, const ndr::Tape* other) {
      const ndr::Program* program = codec.program(*interface, choice.opnum, half, syntax);
      ndr::decode(*program, {.stub = stub, .order = order, .request = other}, tape);
      return tape.root();
    };
    dcom::ObjectCall call;
    call.interface = interface;
    call.procedure = interface->find(choice.opnum);
    // A handful of objects, so that calls meet what earlier ones left.
    call.ipid = dcom::ole_guid(0x8000u + (flags >> 4));
    call.server = flags & 4 ? "server" : "client";
    call.client = flags & 4 ? "client" : "server";
    call.event = n + 1;
    call.request = decode(in, ndr::Half::kRequest, request, nullptr);
    call.response = decode(out, ndr::Half::kResponse, response, &request);
    const dcom::ObjectView& view = tracker.observe(call);
    if (view.wmi.results.size() > dcom::WmiView::kMaxResults) __builtin_trap();
    std::size_t texts = view.machine.size() + view.wmi.query.size() + view.dispatch.member.size();
    for (const ndr::Value& argument : view.dispatch.arguments) texts += argument.text().size();
    if (view.handover != nullptr) texts += view.handover->operation.size();
    if (texts > (std::size_t{1} << 30)) __builtin_trap();
  }
  if (tracker.objects() > 64) __builtin_trap();
  return 0;
}
