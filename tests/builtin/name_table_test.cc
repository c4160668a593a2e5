#include "builtin/name_table.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "builtin/builtin.h"
#include "builtin/embedded.h"
#include "interface/names.h"

namespace rpcmarshal {
namespace {

constexpr std::string_view kTable =
    "# a comment\n"
    "367abb81-9844-35f1-ad32-98f038001003\t2.0\tsvcctl\tMS-SCMR\tservices\n"
    "0\tRCloseServiceHandle\tCloseServiceHandle\n"
    "2\tDeleteInstance\t\tDeleteClass\n"
    "3\tOpnum3NotUsedOnWire\n"
    "\n"
    "00000000-0000-0000-c000-000000000046\t\tIUnknown\r\n"
    "0\tQueryInterface\r\n";

TEST(NameTableTest, ReadsInterfacesAndOperations) {
  const NameTable table(kTable);
  ASSERT_EQ(table.entries().size(), 2u);
  const auto* entry = table.find(*Guid::parse("367abb81-9844-35f1-ad32-98f038001003"));
  ASSERT_NE(entry, nullptr);
  const Interface svcctl = table.read(*entry);
  EXPECT_EQ(svcctl.name, "svcctl");
  EXPECT_EQ(svcctl.id.major, 2);
  EXPECT_EQ(svcctl.document, "MS-SCMR");
  EXPECT_EQ(zeek_endpoint(svcctl), "services");
  EXPECT_TRUE(svcctl.names_only);
  EXPECT_FALSE(svcctl.any_version);
  ASSERT_EQ(svcctl.procedures.size(), 4u);
  EXPECT_EQ(svcctl.procedures[0].name, "RCloseServiceHandle");
  EXPECT_EQ(zeek_operation(svcctl.procedures[0]), "CloseServiceHandle");
  EXPECT_FALSE(svcctl.procedures[0].typed);
  EXPECT_TRUE(svcctl.procedures[1].name.empty());
  EXPECT_TRUE(svcctl.procedures[1].reserved);
  EXPECT_EQ(zeek_operation(svcctl.procedures[2]), "DeleteInstance");
  EXPECT_EQ(zeek_misnomer(svcctl.procedures[2]), "DeleteClass");
  EXPECT_TRUE(svcctl.procedures[3].reserved);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(svcctl.procedures[i].opnum, i);
}

TEST(NameTableTest, AnInterfaceWithoutVersionIsAnyVersion) {
  const NameTable table(kTable);
  const auto found = table.find_by_name("iunknown");
  ASSERT_EQ(found.size(), 1u);
  const Interface unknown = table.read(*found[0]);
  EXPECT_TRUE(unknown.any_version);
  EXPECT_EQ(unknown.name, "IUnknown");
  ASSERT_EQ(unknown.procedures.size(), 1u);
  EXPECT_EQ(unknown.procedures[0].name, "QueryInterface");
}

TEST(NameTableTest, FindsByZeeksName) {
  const NameTable table(kTable);
  EXPECT_EQ(table.find_by_name("SERVICES").size(), 1u);
  EXPECT_TRUE(table.find_by_name("nothing").empty());
  EXPECT_TRUE(table.find_by_name("").empty());
}

TEST(NameTableTest, SurvivesTextThatIsNoTable) {
  for (const std::string_view text :
       {"", "\n\n\n", "\t\t\t", "367abb81-9844-35f1-ad32-98f038001003\t",
        "367abb81-9844-35f1-ad32-98f038001003\t\n99999999999\tX\n-1\tY\n65535\tZ\n1\n"}) {
    const NameTable table(text);
    for (const auto& entry : table.entries())
      EXPECT_LE(table.read(entry).procedures.size(), 65536u) << text;
  }
}

const Catalogue& catalogue() {
  static const LoadedCatalogue loaded = load_catalogue();
  return loaded.catalogue;
}

const Procedure* operation(const char* uuid, std::uint16_t opnum) {
  const Interface* interface = catalogue().find(*Guid::parse(uuid));
  return interface ? interface->find(opnum) : nullptr;
}

std::string name_of(const char* uuid, std::uint16_t opnum) {
  const Procedure* procedure = operation(uuid, opnum);
  return procedure ? procedure->name : "(none)";
}

TEST(NamesTest, AnInterfaceWithoutDefinitionHasItsNames) {
  const Guid rpcecho = *Guid::parse("60a15ec5-4de8-11d7-a637-005056a20182");
  const Interface* interface = catalogue().find(rpcecho, 1);
  ASSERT_NE(interface, nullptr);
  EXPECT_EQ(interface->name, "rpcecho");
  EXPECT_TRUE(interface->names_only);
  EXPECT_FALSE(interface->find(1)->typed);
  EXPECT_EQ(interface->find(1)->name, "echo_EchoData");
  EXPECT_EQ(catalogue().find(rpcecho, 7), nullptr) << "its version is known, and it is not 7";
}

// What is known by name is at least what the facts count: 537 UUIDs, about 5,700 operations.
TEST(NamesTest, EverythingHasAName) {
  const NameTable table(embedded_names());
  EXPECT_GE(table.entries().size(), 537u);
  std::size_t operations = 0;
  for (const auto& entry : table.entries()) {
    const Interface interface = table.read(entry);
    EXPECT_FALSE(interface.name.empty()) << interface.id.uuid.to_string();
    for (const Procedure& procedure : interface.procedures) {
      operations += !procedure.name.empty();
      EXPECT_EQ(procedure.name.find_first_of(" \t\r"), std::string::npos) << procedure.name;
    }
  }
  EXPECT_GE(operations, 5600u);
}

TEST(NamesTest, NoOperationOfTheTableIsMissing) {
  std::ifstream table(RPCM_SHARED_DIR "/facts/operations.tsv");
  if (!table) GTEST_SKIP() << "no table of operations beside the project";
  std::string line;
  std::getline(table, line);
  std::size_t named = 0;
  while (std::getline(table, line)) {
    std::vector<std::string> cells;
    std::istringstream stream(line);
    for (std::string cell; std::getline(stream, cell, '\t');) cells.push_back(cell);
    cells.resize(10);
    const auto uuid = Guid::parse(cells[0]);
    ASSERT_TRUE(uuid) << line;
    const Interface* interface = catalogue().find(*uuid);
    ASSERT_NE(interface, nullptr) << line;
    if (cells[5].empty()) continue;
    const Procedure* procedure = interface->find(static_cast<std::uint16_t>(std::stoi(cells[5])));
    // The table's column of MS-NSPI starts with two that are no procedures; AudioRpc has names at
    // two places each, of which one is wrong; two of Samba's say that they are not known.
    if (interface->name == "nspi" || interface->name == "AudioRpc" || interface->name == "mdssvc" ||
        interface->name == "scerpc") {
      continue;
    }
    ASSERT_NE(procedure, nullptr) << line;
    EXPECT_FALSE(procedure->name.empty()) << line;
    ++named;
    // Its rows of type libraries count both forms of every method that also has a local one.
    if (interface->document == "MS-OAUT" && interface->name != "IDispatch") continue;
    // The specification's name, but for slots it reserves.
    if (!cells[6].empty() && cells[6].rfind("Lsar_LSA_", 0) != 0 &&
        cells[6].find("Opnum") == std::string::npos && cells[6].rfind("Reserved", 0) != 0) {
      // It calls reading and writing of a property alike; we say get_X and put_X.
      const std::size_t prefix =
          procedure->name == "get_" + cells[6] || procedure->name == "put_" + cells[6] ? 4 : 0;
      EXPECT_EQ(procedure->name.substr(prefix), cells[6]) << line;
    }
    // Zeek's name finds it, unless it is one of Zeek's mistakes.
    if (!cells[7].empty() && zeek_misnomer(*procedure).empty() && !procedure->reserved &&
        cells[7].find("NotUsedOnWire") == std::string::npos) {
      EXPECT_TRUE(is_called(*procedure, cells[7]) || cells[7] == "unused") << line;
    }
  }
  EXPECT_GT(named, 5500u);
}

// An interface that is only mentioned (in a tower) has the name it has when it is called.
TEST(NamesTest, TableAndDefinitionsAgreeOnNames) {
  const NameTable table(embedded_names());
  std::size_t compared = 0;
  for (const Interface* interface : catalogue().all(true)) {
    const NameTable::Entry* entry = table.find(interface->id.uuid);
    if (!entry) continue;
    ++compared;
    EXPECT_EQ(table.name(*entry, interface->id.major), interface->name);
    if (!interface->any_version) {
      EXPECT_EQ(table.name(*entry, 999).empty(), !table.read(*entry).any_version);
    }
  }
  EXPECT_GT(compared, 500u);
}

TEST(NamesTest, AliasesAreFoundBothWays) {
  const Interface* svcctl = catalogue().find_by_name("svcctl");
  ASSERT_NE(svcctl, nullptr);
  const Procedure* create = find_operation(*svcctl, "CreateServiceW");
  ASSERT_NE(create, nullptr);
  EXPECT_EQ(create->name, "RCreateServiceW");
  EXPECT_EQ(zeek_operation(*create), "CreateServiceW");
  EXPECT_EQ(find_operation(*svcctl, "rcreateservicew"), create);
  EXPECT_EQ(find_operation(*svcctl, "DoesNotExist"), nullptr);
  EXPECT_EQ(find_operation(*svcctl, ""), nullptr);

  // Endpoints: Zeek says spoolss, netlogon, epmapper.
  for (const char* zeek : {"spoolss", "netlogon", "epmapper", "winstation_rpc"}) {
    const Interface* interface = catalogue().find_by_name(zeek);
    ASSERT_NE(interface, nullptr) << zeek;
    EXPECT_EQ(zeek_endpoint(*interface), zeek);
  }
  // One operation name, every interface that has it.
  const auto encrypt = find_operations(catalogue(), "EfsRpcEncryptFileSrv");
  EXPECT_EQ(encrypt.size(), 2u);
  EXPECT_FALSE(find_operations(catalogue(), "NetrJobAdd").empty());
}

// Both UUIDs of MS-EFSR; Zeek calls them differently.
TEST(NamesTest, EachUuidHasItsZeekName) {
  const Interface* by_lsarpc =
      catalogue().find(*Guid::parse("c681d488-d850-11d0-8c52-00c04fd90f7e"));
  const Interface* by_efsrpc =
      catalogue().find(*Guid::parse("df1941c5-fe89-4e79-bf10-463657acf44d"));
  ASSERT_TRUE(by_lsarpc && by_efsrpc);
  EXPECT_EQ(zeek_endpoint(*by_lsarpc), "efsrpc2");
  EXPECT_EQ(zeek_endpoint(*by_efsrpc), "efsrpc");
  EXPECT_EQ(by_lsarpc->find(0)->name, by_efsrpc->find(0)->name);
  EXPECT_TRUE(by_efsrpc->find(0)->typed);
}

// -- what others get wrong, and we do not --------------------------------------------------------

TEST(KnownErrorsTest, WmiDeleteInstance) {
  const char* services = "9556dc99-828c-11cf-a37e-00aa003240c7";
  EXPECT_EQ(name_of(services, 10), "DeleteClass");
  EXPECT_EQ(name_of(services, 11), "DeleteClassAsync");
  EXPECT_EQ(name_of(services, 16), "DeleteInstance");
  EXPECT_EQ(name_of(services, 17), "DeleteInstanceAsync");
  EXPECT_EQ(zeek_misnomer(*operation(services, 16)), "DeleteClass");
  EXPECT_FALSE(is_called(*operation(services, 16), "DeleteClass"));
}

TEST(KnownErrorsTest, TerminalServicesSession) {
  const char* session = "484809d6-4239-471b-b5bc-61df8c23ac48";
  EXPECT_EQ(name_of(session, 0), "RpcOpenSession");
  EXPECT_EQ(name_of(session, 1), "RpcCloseSession");
  EXPECT_EQ(name_of(session, 2), "RpcConnect");
  EXPECT_EQ(name_of(session, 3), "RpcDisconnect");
}

TEST(KnownErrorsTest, PrinterOperationsAreNotShifted) {
  const char* spoolss = "12345678-1234-abcd-ef00-0123456789ab";
  EXPECT_EQ(name_of(spoolss, 96), "RpcFlushPrinter");
  EXPECT_EQ(name_of(spoolss, 97), "RpcSendRecvBidiData");
  EXPECT_EQ(name_of(spoolss, 102), "RpcGetCorePrinterDrivers");
  EXPECT_EQ(name_of(spoolss, 104), "RpcGetPrinterDriverPackagePath");
  EXPECT_TRUE(operation(spoolss, 94)->reserved);
  EXPECT_TRUE(operation(spoolss, 101)->reserved);
}

TEST(KnownErrorsTest, OpenPrinterExIsNotSplOpenPrinter) {
  const char* spoolss = "12345678-1234-abcd-ef00-0123456789ab";
  EXPECT_EQ(name_of(spoolss, 69), "RpcOpenPrinterEx");
  EXPECT_FALSE(is_called(*operation(spoolss, 69), "RpcSplOpenPrinter"));
  EXPECT_EQ(name_of(spoolss, 90), "RpcSplOpenPrinter");
}

TEST(KnownErrorsTest, FirewallOperationsAreNotShifted) {
  const char* firewall = "6b5bdd1e-528c-422c-af8c-a4079be4fe48";
  EXPECT_EQ(name_of(firewall, 15), "RRPC_FWDeleteAllConnectionSecurityRules");
  EXPECT_EQ(name_of(firewall, 16), "RRPC_FWEnumConnectionSecurityRules");
  EXPECT_EQ(name_of(firewall, 63), "RRPC_FWSetAuthenticationSet2_20");
  EXPECT_EQ(name_of(firewall, 66), "RRPC_FWAddFirewallRule2_20");
  EXPECT_EQ(name_of(firewall, 67), "RRPC_FWSetFirewallRule2_20");
}

TEST(KnownErrorsTest, DhcpSetSubnetInfoV6) {
  const char* dhcp = "5b821720-f63b-11d0-aad2-00c04fc324db";
  EXPECT_EQ(name_of(dhcp, 67), "R_DhcpSetSubnetInfoV6");
  EXPECT_EQ(name_of(dhcp, 68), "R_DhcpGetMibInfoV6");
}

TEST(KnownErrorsTest, TerminalServicesProcesses) {
  const char* ica = "5ca4a760-ebb1-11cf-8611-00a0245420ed";
  EXPECT_EQ(name_of(ica, 29), "RpcWinStationBreakPoint");
  EXPECT_EQ(name_of(ica, 34), "OldRpcWinStationEnumerateProcesses");
  EXPECT_EQ(name_of(ica, 36), "RpcWinStationEnumerateProcesses");
  EXPECT_TRUE(operation(ica, 41)->reserved);
}

TEST(KnownErrorsTest, WorkstationJoinDomain3) {
  const char* wkssvc = "6bffd098-a112-3610-9833-46c3f87e345a";
  EXPECT_EQ(name_of(wkssvc, 31), "NetrJoinDomain3");
  EXPECT_TRUE(is_called(*operation(wkssvc, 31), "NetrWorkstationResetDfsCache"));
}

TEST(KnownErrorsTest, DfsMove) {
  const char* netdfs = "4fc742e0-4a10-11cf-8273-00aa004ae673";
  EXPECT_EQ(name_of(netdfs, 6), "NetrDfsMove");
  EXPECT_TRUE(is_called(*operation(netdfs, 6), "NetrDfsRename"));
  EXPECT_TRUE(operation(netdfs, 7)->reserved);
}

// Reserved in the documents, used on the wire.
TEST(KnownErrorsTest, ReservedSlotsThatAreUsed) {
  const Procedure* notify = operation("338cd001-2244-31f1-aaaa-900038001003", 14);
  ASSERT_NE(notify, nullptr);
  EXPECT_EQ(notify->name, "BaseRegNotifyChangeKeyValue");
  EXPECT_FALSE(notify->reserved);
  const Procedure* change = operation("12345778-1234-abcd-ef00-0123456789ac", 63);
  ASSERT_NE(change, nullptr);
  EXPECT_EQ(change->name, "SamrUnicodeChangePasswordUser3");
  EXPECT_FALSE(change->reserved);
}

TEST(KnownErrorsTest, AtJobsAreCalledNetrJobAdd) {
  EXPECT_EQ(name_of("1ff70682-0a51-30e8-076d-740be8cee98b", 0), "NetrJobAdd");
}

TEST(KnownErrorsTest, AnUpperCaseUuidOfZeekIsFound) {
  const Interface* interface =
      catalogue().find(*Guid::parse("541679AB-2E5F-11d3-B34E-00104BCC4B4A"));
  ASSERT_NE(interface, nullptr);
  EXPECT_FALSE(interface->name.empty());
}

TEST(KnownErrorsTest, MissingInZeek) {
  EXPECT_NE(name_of("4b324fc8-1670-01d3-1278-5a47bf6ee188", 54), "(none)");
  EXPECT_EQ(name_of("82ad4280-036b-11cf-972c-00aa006887b0", 2), "R_InetInfoGetSites");
  EXPECT_EQ(name_of("f5cc5a18-4264-101a-8c59-08002b2f8426", 0), "NspiBind");
  EXPECT_EQ(name_of("f5cc5a18-4264-101a-8c59-08002b2f8426", 20), "NspiResolveNamesW");
  EXPECT_EQ(name_of("b9785960-524f-11df-8b6d-83dcded72085", 0), "GetKey");
  EXPECT_EQ(name_of("ae33069b-a2a8-46ee-a235-ddfd339be281", 0), "IRPCRemoteObject_Create");
}

// Zeek's and Samba's ept 7 and 8 are in no published definition; they are known by name.
TEST(KnownErrorsTest, EndpointMapperHasTwoMore) {
  const char* epm = "e1af8308-5d1f-11c9-91a4-08002b14a0fa";
  EXPECT_EQ(name_of(epm, 7), "ept_map_auth");
  EXPECT_EQ(name_of(epm, 8), "ept_map_auth_async");
}

// Samba's plain index counts without IUnknown's slots; Zeek gives those slots names of their own.
TEST(KnownErrorsTest, ObjectInterfacesBeginBehindIUnknown) {
  const char* rem_unknown2 = "00000143-0000-0000-c000-000000000046";
  for (std::uint16_t opnum = 0; opnum < 3; ++opnum)
    EXPECT_FALSE(operation(rem_unknown2, opnum)->typed) << opnum;
  EXPECT_EQ(name_of(rem_unknown2, 3), "RemQueryInterface");
  EXPECT_EQ(name_of(rem_unknown2, 6), "RemQueryInterface2");
  EXPECT_EQ(name_of("00020400-0000-0000-c000-000000000046", 6), "Invoke");
  EXPECT_EQ(name_of("000001a0-0000-0000-c000-000000000046", 4), "RemoteCreateInstance");
}

// BZAR looks for ISecLogon, Zeek writes ISeclogon: no rule may depend on the case.
TEST(KnownErrorsTest, NamesAreFoundInAnyCase) {
  const Interface* zeek = catalogue().find_by_name("ISeclogon");
  ASSERT_NE(zeek, nullptr);
  EXPECT_EQ(catalogue().find_by_name("ISecLogon"), zeek);
}

// MS-RSP describes three operations of winreg under winreg's UUID: the others must not go.
TEST(KnownErrorsTest, TheShutdownCallsOfWinregAreMerged) {
  const char* winreg = "338cd001-2244-31f1-aaaa-900038001003";
  EXPECT_EQ(name_of(winreg, 24), "BaseInitiateSystemShutdown");
  EXPECT_EQ(name_of(winreg, 25), "BaseAbortSystemShutdown");
  EXPECT_EQ(name_of(winreg, 30), "BaseInitiateSystemShutdownEx");
  for (const std::uint16_t opnum : {2, 15, 17, 22, 24, 30, 31})
    EXPECT_TRUE(operation(winreg, opnum)->typed) << opnum;
}

// One UUID, two documents, each with placeholders for the other's operations.
TEST(KnownErrorsTest, LsadAndLsatHaveNoPlaceholders) {
  const char* lsarpc = "12345778-1234-abcd-ef00-0123456789ab";
  const std::pair<std::uint16_t, const char*> kExpected[] = {
      {14, "LsarLookupNames"}, {15, "LsarLookupSids"},   {45, "LsarGetUserName"},
      {57, "LsarLookupSids2"}, {58, "LsarLookupNames2"}, {68, "LsarLookupNames3"},
      {76, "LsarLookupSids3"}, {77, "LsarLookupNames4"}};
  for (const auto& [opnum, name] : kExpected) EXPECT_EQ(name_of(lsarpc, opnum), name);
}

TEST(KnownErrorsTest, AuthorisationServiceIsSpelledAsInItsDocument) {
  const Interface* authzr = catalogue().find_by_name("authzr");
  ASSERT_NE(authzr, nullptr);
  EXPECT_EQ(authzr->find(3)->name, "AuthzrAccessCheck");
  EXPECT_EQ(find_operation(*authzr, "AuhtzrAccessCheck"), nullptr);
  EXPECT_EQ(find_operation(*authzr, "AuthrzAccessCheck"), authzr->find(3)) << "Zeek's";
}

TEST(KnownErrorsTest, AudioHasNoNameTwice) {
  const Interface* audio = catalogue().find(*Guid::parse("c386ca3e-9061-4a72-821e-498d83be188f"));
  ASSERT_NE(audio, nullptr);
  std::set<std::string> names;
  for (const Procedure& procedure : audio->procedures) {
    if (!procedure.name.empty()) {
      EXPECT_TRUE(names.insert(procedure.name).second) << procedure.name;
    }
  }
  EXPECT_GT(names.size(), 30u);
}

TEST(KnownErrorsTest, FrsBackupCompleteIsOneOperation) {
  const char* frs = "f5cc59b4-4264-101a-8c59-08002b2f8426";
  std::set<std::string> names;
  for (std::uint16_t opnum = 0; opnum <= 10; ++opnum) {
    EXPECT_TRUE(names.insert(name_of(frs, opnum)).second) << opnum;
  }
}

// Lateral movement by way of the task scheduler: what Zeek spells otherwise.
TEST(KnownErrorsTest, SpellingsOfZeekAreAliases) {
  const Interface* tasks = catalogue().find_by_name("ITaskSchedulerService");
  ASSERT_NE(tasks, nullptr);
  const Procedure* folders = find_operation(*tasks, "SchRpcEnumFolder");
  ASSERT_NE(folders, nullptr);
  EXPECT_EQ(folders->name, "SchRpcEnumFolders");
  const Interface* svcctl = catalogue().find_by_name("svcctl");
  EXPECT_EQ(find_operation(*svcctl, "GetNotifyResult")->name, "RGetNotifyResults");
}

}  // namespace
}  // namespace rpcmarshal
