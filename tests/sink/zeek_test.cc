// Zeek's log format: escapes, names, header, and whole lines against Zeek's own.
#include "sink/zeek.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "builtin/builtin.h"
#include "capture/capture_file.h"
#include "sensor/sensor.h"
#include "sink/sink.h"

namespace rpcmarshal {
namespace {

std::string escaped(std::string_view text, char also = '\t') {
  std::string out;
  zeek::append_value(out, text, also);
  return out;
}

TEST(ZeekValue, Escapes) {
  EXPECT_EQ(escaped("\\PIPE\\lsass"), R"(\\PIPE\\lsass)");
  EXPECT_EQ(escaped("a\tb\nc"), R"(a\x09b\x0ac)");
  EXPECT_EQ(escaped(std::string_view("\0\x7f", 2)), R"(\x00\x7f)");
  EXPECT_EQ(escaped("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
            "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_EQ(escaped("\xc3("), R"(\xc3()");
  EXPECT_EQ(escaped("\xed\xa0\x80"), R"(\xed\xa0\x80)") << "a surrogate is no UTF-8";
  EXPECT_EQ(escaped("\xc0\x80"), R"(\xc0\x80)") << "overlong";
  EXPECT_EQ(escaped("a,b", ','), R"(a\x2cb)");
}

TEST(ZeekValue, MissingAndEmptyAreToldFromTextThatLooksLikeThem) {
  EXPECT_EQ(escaped(""), "(empty)");
  EXPECT_EQ(escaped("(empty)"), R"(\x28empty))");
  EXPECT_EQ(escaped("-"), R"(\x2d)");
  EXPECT_EQ(escaped("--"), "--");
}

TEST(ZeekValue, Seconds) {
  const auto seconds = [](Timestamp t) {
    std::string out;
    zeek::append_seconds(out, t);
    return out;
  };
  EXPECT_EQ(seconds(1521911725'396014'999), "1521911725.396014");
  EXPECT_EQ(seconds(431'000), "0.000431");
  EXPECT_EQ(seconds(-1'500'000'000), "-1.500000");
}

std::vector<std::string> lines_of(const std::string& capture, const char* format) {
  static const LoadedCatalogue loaded = load_catalogue();
  std::string text;
  const auto writer = make_format(format);
  Sensor sensor(loaded.catalogue, {}, [&](const Event& event) { writer->append(text, event); });
  auto opened = CaptureFile::open(capture);
  EXPECT_TRUE(opened.file) << opened.error;
  if (!opened.file) return {};
  RawPacket packet;
  while (opened.file->next(packet)) sensor.packet(packet);
  sensor.finish();
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> out(1);
  for (const char c : line) {
    if (c == '\t') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

std::string own(const char* name) {
  return std::string(RPCM_SOURCE_DIR) + "/tests/captures/" + name;
}

TEST(ZeekLog, HeaderNamesAndTypesEveryColumn) {
  const auto format = make_zeek_format(false);
  const std::string header = format->header(1'700'000'000'000'000'000);
  EXPECT_TRUE(header.starts_with(
      "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
      "#path\tdce_rpc\n#open\t2023-11-1"))
      << header;
  std::istringstream in(header);
  std::string names, types;
  while (std::getline(in, names) && !names.starts_with("#fields")) {
  }
  std::getline(in, types);
  EXPECT_TRUE(
      names.starts_with("#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\trtt\t"
                        "named_pipe\tendpoint\toperation\tuuid"));
  EXPECT_TRUE(
      types.starts_with("#types\ttime\tstring\taddr\tport\taddr\tport\tinterval\tstring\t"
                        "string\tstring\tstring"));
  const std::size_t columns = fields(names).size() - 1;
  EXPECT_EQ(fields(types).size() - 1, columns);
  for (const char* capture : {"demo.pcap", "fault.pcap", "svcctl_tcp_privacy.pcap"}) {
    for (const std::string& line : lines_of(own(capture), "zeek"))
      EXPECT_EQ(fields(line).size(), columns) << line;
  }
  EXPECT_TRUE(format->trailer(0).starts_with("#close\t19"));
}

TEST(ZeekLog, ALineOfEachKind) {
  const auto lines = lines_of(own("demo.pcap"), "zeek");
  std::map<std::string, std::vector<std::string>> by_operation;
  for (const std::string& line : lines) {
    auto f = fields(line);
    by_operation.try_emplace(f[9], f);
  }
  ASSERT_TRUE(by_operation.contains("CreateServiceW")) << "Zeek's name, not RCreateServiceW";
  const auto& create = by_operation["CreateServiceW"];
  EXPECT_EQ(create[2], "10.77.0.2");
  EXPECT_EQ(create[5], "445");
  EXPECT_EQ(create[8], "svcctl");
  EXPECT_EQ(create[10], "367abb81-9844-35f1-ad32-98f038001003");
  EXPECT_EQ(create[11], "2.0");
  EXPECT_EQ(create[12], "12");
  EXPECT_EQ(create[13], "returned");
  EXPECT_EQ(create[14], "-");
  EXPECT_EQ(create[15], "ERROR_SUCCESS");
  EXPECT_EQ(create[16], R"(CONTOSO\\jdoe)");
  EXPECT_NE(create[20].find(R"("lpServiceName":)"), std::string::npos);
  EXPECT_NE(create[24].find("T1569.002"), std::string::npos);
}

TEST(ZeekLog, OneConnectionHasOneUid) {
  std::map<std::string, std::set<std::string>> ports;  // uid, client ports
  std::set<std::string> all;
  for (const char* capture : {"demo.pcap", "svcctl_smb2.pcap"}) {
    for (const std::string& line : lines_of(own(capture), "zeek")) {
      const auto f = fields(line);
      ports[f[1]].insert(f[3] + '-' + f[5]);
      all.insert(std::string(capture) + f[3] + '-' + f[5]);
      EXPECT_EQ(f[1].size(), 18u);
      EXPECT_EQ(f[1][0], 'C');
    }
  }
  EXPECT_EQ(ports.size(), all.size());
  for (const auto& [uid, tuples] : ports) EXPECT_EQ(tuples.size(), 1u) << uid;
  EXPECT_EQ(lines_of(own("demo.pcap"), "zeek"), lines_of(own("demo.pcap"), "zeek"));
}

TEST(ZeekLog, JsonHasTheSameFields) {
  const auto tsv = lines_of(own("fault.pcap"), "zeek");
  const auto json = lines_of(own("fault.pcap"), "zeek-json");
  ASSERT_EQ(tsv.size(), json.size());
  for (std::size_t i = 0; i < tsv.size(); ++i) {
    const auto f = fields(tsv[i]);
    const auto object = nlohmann::json::parse(json[i]);
    EXPECT_EQ(object["uid"], f[1]);
    EXPECT_EQ(object["id.orig_h"], f[2]);
    EXPECT_EQ(std::to_string(object["id.resp_p"].get<int>()), f[5]);
    EXPECT_EQ(object.contains("rtt"), f[6] != "-");
    EXPECT_EQ(object["operation"], f[9]);
    EXPECT_EQ(object["outcome"], f[13]);
    EXPECT_EQ(object.value("fault", "-"), f[14]);
    EXPECT_NE(json[i].find("\"ts\":" + f[0] + ","), std::string::npos);
    if (object.contains("arguments")) {
      EXPECT_TRUE(object["arguments"].is_object());
    }
  }
  const auto denied = std::ranges::find_if(
      tsv, [](const std::string& line) { return fields(line)[13] == "fault"; });
  EXPECT_NE(denied, tsv.end()) << "Zeek does not log faults; we do";
}

// Zeek's own test captures and the log it writes for them. The ten columns of every line of its log
// are in ours, once for each time, except ts and uid, which its baselines hide or which each
// program makes up.
struct ZeekCase {
  const char* capture;
  const char* log;
  /// Start of a line's columns from id.orig_h on that Zeek writes and we do not, and why.
  const char* left_out = nullptr;
};

class ZeekBaseline : public testing::TestWithParam<ZeekCase> {};

TEST_P(ZeekBaseline, EveryLineIsInOurs) {
  const std::filesystem::path shared = std::filesystem::path(RPCM_SHARED_DIR) / "corpus";
  const auto capture = shared / "zeek-btest" / GetParam().capture;
  const auto log = shared / "zeek-baseline" / GetParam().log;
  if (!std::filesystem::exists(capture) || !std::filesystem::exists(log))
    GTEST_SKIP() << capture << " is not here";
  std::multiset<std::string> ours;
  std::map<std::string, std::set<std::string>> uids;
  const auto rest = [](const std::vector<std::string>& f) {
    std::string out;
    for (std::size_t i = 2; i < 10; ++i) out += f[i] + '\t';
    return out;
  };
  for (const std::string& line : lines_of(capture.string(), "zeek")) {
    const auto f = fields(line);
    ours.insert(rest(f));
    uids[f[2] + f[3] + f[4] + f[5]].insert(f[1]);
  }
  std::ifstream in(log);
  std::size_t lines = 0, left_out = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) continue;
    ++lines;
    const auto f = fields(line);
    ASSERT_EQ(f.size(), 10u);
    const auto at = ours.find(rest(f));
    if (at == ours.end() && GetParam().left_out && rest(f).starts_with(GetParam().left_out)) {
      ++left_out;
    } else if (at == ours.end()) {
      ADD_FAILURE() << "Zeek logs, we do not: " << line;
    } else {
      ours.erase(at);
    }
    EXPECT_EQ(uids[f[2] + f[3] + f[4] + f[5]].size(), 1u);
  }
  EXPECT_GT(lines, 0u);
  EXPECT_EQ(left_out, GetParam().left_out ? 1u : 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Captures, ZeekBaseline,
    testing::Values(
        // The last call on this connection has no answer; Zeek then repeats the line of the call
        // before it. Ours is that call itself, as no_response.
        ZeekCase{"mapi.pcap", "scripts.base.protocols.dce-rpc.mapi__dce_rpc.log",
                 "192.168.0.173\t1073\t192.168.0.2\t1032\t0.003998\t1032\texchange_mapi\t"
                 "EcRRegisterPushNotification\t"},
        ZeekCase{"cs_window7-join_stream092.pcap",
                 "scripts.base.protocols.dce-rpc.context__dce_rpc.log"},
        ZeekCase{"dce_rpc_netlogon.pcapng",
                 "scripts.base.protocols.dce-rpc.dce_rpc_netlogon__dce_rpc.log"},
        ZeekCase{"dssetup_DsRoleGetPrimaryDomainInformation_standalone_workstation.cap",
                 "scripts.base.protocols.smb.smb1-transaction-dcerpc__dce_rpc.log"}),
    [](const auto& c) {
      std::string name = c.param.capture;
      std::erase_if(name, [](char x) { return !std::isalnum(static_cast<unsigned char>(x)); });
      return name;
    });

}  // namespace
}  // namespace rpcmarshal
