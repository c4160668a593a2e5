// Tasks whose registration a policy decides by their commands: policies/tasks.yml, on the request
// as a hooked Task Scheduler has it. The same on Linux and on Windows, where another parser reads
// the XML.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "agent/hook/event_maker.h"
#include "agent/hook/policy_decider.h"
#include "base/unicode.h"
#include "builtin/builtin.h"

namespace rpcmarshal::agent {
namespace {

const Catalogue& catalogue() {
  static const LoadedCatalogue loaded = load_catalogue();
  return loaded.catalogue;
}

void put(std::string& out, std::uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(number >> shift);
}

/// A conformant varying string ([C706] 14.3.4), padded for what follows.
void put(std::string& out, std::string_view text) {
  const std::u16string units = utf8_to_utf16(text);
  const auto count = static_cast<std::uint32_t>(units.size() + 1);
  put(out, count);
  put(out, 0u);
  put(out, count);
  for (const char16_t unit : units + u'\0') {
    out += static_cast<char>(unit & 0xFF);
    out += static_cast<char>(unit >> 8);
  }
  while (out.size() % 4 != 0) out += '\0';
}

/// SchRpcRegisterTask with that XML ([MS-TSCH] 3.2.5.4.2).
CallRecord registration(std::string_view xml) {
  std::string stub;
  put(stub, 0x20000u);
  put(stub, "\\Updater");
  put(stub, xml);
  for (const std::uint32_t number : {6u, 0u, 0u, 0u, 0u}) put(stub, number);
  CallRecord record;
  record.interface = {*Guid::parse("86d35949-83c9-4044-b424-db363231fd0c"), 1, 0};
  record.syntax = {kNdr20Syntax, 2, 0};
  record.opnum = 1;
  record.data_representation = 0x10;
  record.request.copy(stub.data(), stub.size(), stub.size());
  return record;
}

std::string task(std::string_view actions) {
  return "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\r\n<Task version=\"1.2\" "
         "xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\"><Principals><Principal>"
         "<UserId>S-1-5-18</UserId></Principal></Principals><Actions>" +
         std::string(actions) + "</Actions></Task>";
}

std::string decided(std::string_view xml) {
  std::ifstream in(RPCM_SOURCE_DIR "/tests/agent_service/data/tasks.bin", std::ios::binary);
  const std::string compiled{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const ProcessFacts process{1234, "C:\\Windows\\System32\\svchost.exe"};
  std::string error;
  const auto decider =
      PolicyDecider::make(as_bytes(std::string_view(compiled)), catalogue(), process, error);
  if (!decider) return error;
  const CallRecord record = registration(xml);
  Verdict verdict;
  if (!decider->decide(record, verdict)) return "failed";
  return std::string(verdict.refuse ? "refused" : "served") +
         (verdict.unknown ? " (unknown) " : " ") + std::string(verdict.action.rule);
}

constexpr std::string_view kOurs =
    "<Exec><Command>C:\\Program Files\\Contoso\\sync.exe</Command></Exec>";

TEST(TaskPolicy, DecidesByTheCommandInTheXml) {
  EXPECT_EQ(decided(task(kOurs)), "served task-listed-command");
  EXPECT_EQ(decided(task("<Exec><Command>C:\\Temp\\x.exe</Command></Exec>")),
            "refused task-other-command");
  EXPECT_EQ(
      decided(task("<Exec><Command>cmd.exe</Command><Arguments>/c whoami</Arguments></Exec>")),
      "refused task-shell");
  // Written so that the text of the argument does not say it.
  EXPECT_EQ(decided(task("<Exec><Command>c&#x6d;<!-- -->d.e<![CDATA[xe]]></Command></Exec>")),
            "refused task-shell");
}

TEST(TaskPolicy, WhatWasNotReadToItsEndIsUnknown) {
  EXPECT_EQ(decided("<Task><Actions>" + std::string(kOurs) + "</Actions>"),
            "served (unknown) task-listed-command");
  EXPECT_EQ(decided("no XML"), "served (unknown) task-listed-command");
}

TEST(TaskPolicy, TheEventHasTheDetails) {
  const ProcessFacts process{1234, "C:\\x.exe"};
  EventMaker maker(catalogue(), process);
  const CallRecord record = registration(task(kOurs));
  std::string json;
  maker.append_json(json, maker.before(record));
  EXPECT_NE(
      json.find(R"("details":{"task":[{"argument":"xml","command_lines":)"
                R"(["C:\\Program Files\\Contoso\\sync.exe"],"actions":[{"type":"exec",)"
                R"("command":"C:\\Program Files\\Contoso\\sync.exe"}],"users":["S-1-5-18"]}]})"),
      std::string::npos)
      << json;
}

}  // namespace
}  // namespace rpcmarshal::agent
