#include "logs/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "logs/classifier.h"
#include "logs/event_xml.h"
#include "logs/json.h"
#include "logs/known_fields.h"
#include "logs/sources.h"

namespace rpcmarshal::logs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("rpcm_logs_" + std::to_string(::getpid()) + "_" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, std::string_view content) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  /// Values of the field `x` of every event, one string per event.
  std::vector<std::string> values(const std::string& path, std::string_view name = "x") {
    const sigma::FieldId field = index_.intern(name);
    opened_ = open_log(path, index_);
    std::vector<std::string> out;
    if (!opened_.reader) return {"not opened: " + opened_.error};
    while (opened_.reader->next()) {
      std::string all;
      for (const auto& link : opened_.reader->fields().links()) {
        if (link.field != field) continue;
        if (!all.empty()) all += '|';
        append_text(all, opened_.reader->fields().values()[link.value]);
      }
      out.push_back(all);
    }
    return out;
  }

  std::filesystem::path folder_;
  sigma::FieldIndex index_;
  OpenedLog opened_;
};

TEST_F(ReaderTest, JsonLines) {
  EXPECT_THAT(values(file("a.json", "{\"x\":1}\n\n{\"x\":\"two\"}\r\n{\"y\":3}\n{\"x\":null}")),
              ElementsAre("1", "two", "", ""));
  EXPECT_EQ(opened_.reader->skipped(), 0u);
}

TEST_F(ReaderTest, BadLinesAreCountedAndPassedOver) {
  EXPECT_THAT(values(file("a.json", "{\"x\":1}\n{\"x\":\nnonsense\n42\n{\"x\":2}\n")),
              ElementsAre("1", "2"));
  EXPECT_EQ(opened_.reader->skipped(), 3u);
  EXPECT_THAT(opened_.reader->first_problem(), HasSubstr("line 2 is not valid JSON"));
}

TEST_F(ReaderTest, DocumentsOverSeveralLinesAndArrays) {
  EXPECT_THAT(values(file("a.json", "{\n \"x\": \"a}\\\"{\"\n}\n{\n\"x\":2}\n")),
              ElementsAre("a}\"{", "2"));
  EXPECT_THAT(values(file("b.json", "[{\"x\":1},\n{\"x\":2}]\n[{\"x\":3}]")),
              ElementsAre("1", "2", "3"));
  EXPECT_THAT(values(file("c.json", "{\n\"x\":1}\n{\n\"x\":")), ElementsAre("1"));
  EXPECT_THAT(opened_.reader->error(), HasSubstr("ends in the middle"));
  EXPECT_THAT(values(file("d.json", "{\n\"x\":1}\nwords")), ElementsAre("1"));
  EXPECT_THAT(opened_.reader->error(), HasSubstr("expected '{'"));
}

TEST_F(ReaderTest, DepthIsBounded) {
  const std::string deep = std::string(100, '[') + "1" + std::string(100, ']');
  EXPECT_THAT(values(file("a.json", "{\"x\":" + deep + "}\n{\"x\":1}\n")), ElementsAre("1"));
  EXPECT_EQ(opened_.reader->skipped(), 1u);
}

TEST_F(ReaderTest, LoneSurrogatesDoNotLoseTheEvent) {
  EXPECT_THAT(
      values(file("a.json", "{\"x\":\"a\\ud800b\\\\ud800\"}\n{\"x\":\"\\ud83d\\ude00\"}\n")),
      ElementsAre("a\uFFFD"
                  "b\\ud800",
                  "\U0001F600"));
}

TEST_F(ReaderTest, ZeekLogs) {
  const char* log =
      "#separator "
      "\\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tsmb_files\n"
      "#fields\tts\tid.orig_h\tid.resp_p\tname\tlist\tflag\tnothing\n"
      "#types\ttime\taddr\tport\tstring\tset[string]\tbool\tstring\n"
      "1521911754.600639\t10.0.0.1\t445\t\\\\svcctl\\x09x\ta,b\tT\t-\n"
      "short\tline\n"
      "1521911755.0\t10.0.0.2\t445\t(empty)\t(empty)\tF\t-\n#close\t2024\n";
  const std::string path = file("any.log", log);
  EXPECT_THAT(values(path, "name"), ElementsAre("\\svcctl\tx", ""));
  EXPECT_EQ(opened_.reader->skipped(), 1u);
  EXPECT_THAT(values(path, "list"), ElementsAre("a|b", ""));
  EXPECT_THAT(values(path, "flag"), ElementsAre("true", "false"));
  EXPECT_THAT(values(path, "id.orig_h"), ElementsAre("10.0.0.1", "10.0.0.2"));
  ASSERT_EQ(opened_.reader->sources().size(), 1u);
  EXPECT_EQ(opened_.reader->sources()[0].to_string(), "zeek/smb_files");

  opened_ = open_log(path, index_);
  ASSERT_TRUE(opened_.reader->next());
  std::string json;
  opened_.reader->append_json(json);
  EXPECT_EQ(json,
            R"({"_path":"smb_files","ts":1521911754.600639,"id.orig_h":"10.0.0.1","id.resp_p":445,)"
            R"("name":"\\svcctl\tx","list":["a","b"],"flag":true})");
}

TEST_F(ReaderTest, GzipIsUnpacked) {
  const std::string path = (folder_ / "a.json.gz").string();
  gzFile gz = gzopen(path.c_str(), "wb");
  gzputs(gz, "{\"x\":1}\n{\"x\":2}\n");
  gzclose(gz);
  EXPECT_THAT(values(path), ElementsAre("1", "2"));
}

TEST_F(ReaderTest, SaysWhatItCannotRead) {
  EXPECT_THAT(values(file("a.txt", "hello\n")), ElementsAre(HasSubstr("neither JSON")));
  EXPECT_THAT(values((folder_ / "none").string()), ElementsAre(HasSubstr("No such file")));
  EXPECT_THAT(values(folder_.string()), ElementsAre(HasSubstr("is a folder")));
  EXPECT_THAT(values(file("a.evtx", std::string_view("ElfFile\0rest", 12))),
              ElementsAre(HasSubstr("cannot be read as an event log")));
  EXPECT_THAT(values(file("empty", "")), IsEmpty());
  EXPECT_EQ(open_log(file("a.pcap", "\xd4\xc3\xb2\xa1"), index_).format, LogFormat::kCapture);
}

TEST(EventXml, BecomesJson) {
  std::string out;
  ASSERT_TRUE(event_xml_to_json(
      "<?xml version=\"1.0\"?><Event xmlns='n'><!-- c --><System><Provider Name=\"P\" Guid='g'/>"
      "<EventID Qualifiers=\"5\">7045</EventID><Correlation/></System><EventData>"
      "<Data Name=\"A\">x &lt;&amp;&#65;&#x42;&bogus; y</Data><Data Name=\"E\"/><Data>1</Data>"
      "<Data>2</Data></EventData></Event>\n",
      out));
  EXPECT_EQ(
      out,
      R"({"Event":{"#attributes":{"xmlns":"n"},"System":{"Provider":{"#attributes":)"
      R"({"Name":"P","Guid":"g"}},"EventID":{"#attributes":{"Qualifiers":"5"},"#text":"7045"},)"
      R"("Correlation":null},"EventData":{"A":"x <&AB&bogus; y","E":"","Data":["1","2"]}}})");
}

TEST(EventXml, DamagedTextIsRefused) {
  for (const char* bad :
       {"", "text", "<", "<a", "<a>", "</a>", "<a b>", "<a b=c></a>", "<a b='c></a>", "<a></a><b/>",
        "<a><![CDATA[x</a>", "<!-- x", "<a/", "<>x</>"}) {
    std::string out;
    EXPECT_FALSE(event_xml_to_json(bad, out)) << bad;
  }
  std::string deep, out;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  EXPECT_FALSE(event_xml_to_json(deep, out));
}

std::string names(const std::vector<sigma::LogSource>& sources) {
  std::string out;
  for (const sigma::LogSource& s : sources) out += s.to_string() + " ";
  return out;
}

TEST(Sources, OfWindowsEvents) {
  const std::string_view sysmon = "Microsoft-Windows-Sysmon/Operational";
  EXPECT_EQ(names(windows_sources(sysmon, "Microsoft-Windows-Sysmon", "1", "")),
            "windows/process_creation/sysmon ");
  EXPECT_EQ(names(windows_sources(sysmon, "", "13", "SetValue")),
            "windows/registry_event/sysmon windows/registry_set/sysmon ");
  EXPECT_EQ(names(windows_sources(sysmon, "", "12", "DeleteValue")),
            "windows/registry_event/sysmon windows/registry_delete/sysmon ");
  EXPECT_EQ(names(windows_sources(sysmon, "", "12", "CreateKey")),
            "windows/registry_event/sysmon windows/registry_add/sysmon ");
  EXPECT_EQ(names(windows_sources("security", "", "4688", "")),
            "windows/process_creation/security ");
  EXPECT_EQ(names(windows_sources("Security", "", "4624", "")), "windows/security ");
  EXPECT_EQ(names(windows_sources("Unheard/Of", "", "1", "")), "windows ");
  EXPECT_EQ(names(windows_sources("Microsoft-Windows-RPC/Debug", "", "6", "")), "windows/rpc ");
  EXPECT_EQ(names(windows_sources("", "Microsoft-Windows-RPC", "5", "")), "windows/rpc ");
  EXPECT_EQ(names(windows_sources("RPCFW", "RPCFW", "3", "")),
            "rpc_firewall/application windows/application ");
  EXPECT_EQ(names(windows_sources("Linux-Sysmon/Operational", "Linux-Sysmon", "1", "")),
            "linux/process_creation/sysmon ");
}

TEST(Sources, FromTheCommandLine) {
  sigma::LogSource source;
  EXPECT_TRUE(parse_source("windows/process_creation", source));
  EXPECT_EQ(source.category, "process_creation");
  EXPECT_TRUE(parse_source("product=zeek,service=dce_rpc", source));
  EXPECT_EQ(source.service, "dce_rpc");
  for (const char* bad : {"", "a/b/c", "products=x", "product="})
    EXPECT_FALSE(parse_source(bad, source)) << bad;
}

TEST(KnownFields, FindsTheTime) {
  sigma::FieldIndex index;
  const KnownFields known(index);
  const auto time = [&](std::string json) {
    json.reserve(json.size() + JsonDocument::kPadding);
    JsonDocument document;
    EXPECT_TRUE(document.parse(json));
    sigma::EventFields fields;
    document.fill(index, fields, false);
    return event_time(fields, known);
  };
  EXPECT_EQ(time(R"({"ts":"2018-03-24T17:15:25.396014Z"})"), 1521911725'396014000);
  EXPECT_EQ(time(R"({"ts":1521911725.396014})"), 1521911725'396014000);
  EXPECT_EQ(time(R"({"@timestamp":1521911725396})"), 1521911725'396000000);
  EXPECT_EQ(
      time(
          R"({"Event":{"System":{"TimeCreated":{"#attributes":{"SystemTime":"2018-03-24T17:15:25Z"}}}}})"),
      1521911725'000000000);
  EXPECT_EQ(time(R"({"EventTime":"2018-03-24 17:15:25"})"), 1521911725'000000000);
  EXPECT_EQ(time(R"({"ts":"yesterday"})"), 0);
  EXPECT_EQ(time(R"({"ts":"4052-01-01T00:00:00Z"})"), 0);  // beyond 64 bits of nanoseconds
  EXPECT_EQ(time(R"({"ts":99999999999})"), 0);
  EXPECT_EQ(time(R"({"ts":"1969-12-31"})"), 0);
  EXPECT_EQ(time(R"({})"), 0);
}

}  // namespace
}  // namespace rpcmarshal::logs
