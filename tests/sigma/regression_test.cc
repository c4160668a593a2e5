// SigmaHQ's own regression data: for a rule, events in EVTX and JSON, and how many must match.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "logs/classifier.h"
#include "logs/reader.h"
#include "run.h"

namespace rpcmarshal::sigma {
namespace {

namespace fs = std::filesystem;
const std::string kData = RPCM_SHARED_DIR "/corpus/sigma-regression";
const std::string kRules = RPCM_SHARED_DIR "/corpus/sigma-rules";

/// Where info.yml expects one match and the events beside it plainly show more, as many lines of
/// the JSON file say: three files named procdump*.exe, three of AnyDesk's user.conf, and both
/// AutoShareServer and AutoShareWks set to 0.
const std::map<std::string, int> kMoreThanInfoSays = {
    {"8fbf3271-1ef6-4e94-8210-03c2317947f6", 3},
    {"0b9ad457-2554-44c1-82c2-d56a99c42377", 3},
    {"c7dcacd0-cc59-4004-b0a4-1d6cdebe6f3e", 2},
};

/// Matches of the rule with this id among the events of `file`.
struct Counter {
  explicit Counter(RuleSet set)
      : engine(std::move(set), diagnostics), known(engine.mutable_fields()) {}

  int count(const std::string& file, const std::string& id, std::size_t& events) {
    logs::OpenedLog log = logs::open_log(file, engine.fields());
    if (!log.reader) {
      ADD_FAILURE() << log.error;
      return -1;
    }
    Matcher matcher(engine);
    logs::Classifier classifier(engine, known);
    int out = 0;
    while (log.reader->next()) {
      ++events;
      const Plan& plan = classifier.plan(log.reader->fields(), log.reader->sources());
      if (plan.any_value() != nullptr) log.reader->fill_all();
      for (const std::uint32_t rule : matcher.match(plan, log.reader->fields()))
        out += engine.program().rules[rule].rule->about.id == id ? 1 : 0;
    }
    EXPECT_EQ(log.reader->error(), "") << file;
    EXPECT_EQ(log.reader->skipped(), 0u) << file << ": " << log.reader->first_problem();
    return out;
  }

  Diagnostics diagnostics;
  Engine engine;
  logs::KnownFields known;
};

TEST(Regression, AllAgree) {
  if (!fs::exists(kData)) GTEST_SKIP() << "needs the regression data in " << kData;
  Diagnostics diagnostics;
  Counter counter(load_rules({kRules}, {}, diagnostics));
  int files = 0, agree = 0;
  std::size_t events = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kData)) {
    if (entry.path().filename() != "info.yml") continue;
    const fs::path folder = entry.path().parent_path();
    std::ifstream in(entry.path());
    const std::string info((std::istreambuf_iterator<char>(in)), {});
    Diagnostics ignored;
    const auto documents = parse_yaml(info, entry.path(), ignored);
    ASSERT_EQ(documents.size(), 1u) << entry.path();
    const std::string id = documents[0].find("rule_metadata")->list[0].string("id");
    const Yaml& test = documents[0].find("regression_tests_info")->list[0];
    // Where the number is left out, the data are a positive test: at least one.
    const Yaml* expected = test.find("match_count");
    for (const auto& data : fs::directory_iterator(folder)) {
      const std::string extension = data.path().extension();
      if (extension != ".evtx" && extension != ".json") continue;
      ++files;
      const int count = counter.count(data.path(), id, events);
      const auto more = kMoreThanInfoSays.find(id);
      const bool good = more != kMoreThanInfoSays.end() ? count == more->second
                        : expected != nullptr           ? count == expected->integer
                                                        : count >= 1;
      agree += good ? 1 : 0;
      EXPECT_TRUE(good) << data.path() << ": rule " << id << " matches " << count
                        << " times, expected "
                        << (expected != nullptr ? expected->text : "at least 1");
    }
  }
  EXPECT_GE(files, 224);
  std::printf("%d of %d files agree, %zu events\n", agree, files, events);
}

}  // namespace
}  // namespace rpcmarshal::sigma
