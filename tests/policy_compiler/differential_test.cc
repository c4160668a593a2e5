// The evaluator against the Sigma engine: the same selections on the same events. What a policy
// blocks is what a rule with the same words would find.
#include <filesystem>
#include <fstream>
#include <random>

#include "logs/json.h"
#include "run.h"
#include "sigma/engine.h"
#include "sigma/loader.h"
#include "sigma/parser.h"

namespace rpcmarshal::policy {
namespace {

/// Rules as the Sigma engine and as policies, one each, so that every rule is decided.
class Both {
 public:
  /// Adds a rule; false when either refuses it.
  bool add(sigma::Rule rule) {
    PolicyModel model;
    RuleModel& one = model.rules.emplace_back();
    one.id = rule.about.title;
    one.action = Action::kBlock;
    one.detection = rule.detection;
    for (const sigma::Item& item : rule.detection.items) {
      if (item.keyword) return false;
    }
    sigma::Diagnostics diagnostics;
    const std::vector<std::byte> block = compile_policy(model, diagnostics);
    if (block.empty()) return false;
    policies_.push_back(Policy::load(block).policy);
    evaluators_.push_back(std::make_unique<Evaluator>(*policies_.back()));
    fields_.push_back(std::make_unique<JsonFields>(*policies_.back()));
    rules_.rules.push_back(std::move(rule));
    return true;
  }
  void finish() {
    names_ = rules_.rules;
    engine_ = std::make_unique<sigma::Engine>(std::move(rules_), diagnostics_);
    ASSERT_EQ(engine_->rule_count(), policies_.size());
    matcher_ = std::make_unique<sigma::Matcher>(*engine_);
  }
  /// Number of rules that match; a failure when the two disagree.
  std::size_t compare(const std::string& json) {
    text_ = json;
    text_.reserve(json.size() + logs::JsonDocument::kPadding);
    EXPECT_TRUE(document_.parse(text_)) << json;
    document_.fill(engine_->fields(), event_, true);
    std::vector<bool> found(policies_.size(), false);
    for (const std::uint32_t i : matcher_->match(engine_->plan({}), event_)) found[i] = true;
    std::size_t count = 0;
    for (std::size_t i = 0; i < policies_.size(); ++i) {
      EXPECT_TRUE(fields_[i]->parse(json));
      const Decision d = evaluators_[i]->decide(*fields_[i], 1);
      // What cannot be known is unknown to the policy; for the rule it is absent.
      if (!d.unknown) {
        EXPECT_EQ(d.action == Action::kBlock, found[i]) << names_[i].about.title << "\n" << json;
      }
      count += found[i] ? 1 : 0;
    }
    return count;
  }
  std::size_t size() const { return policies_.size(); }

 private:
  sigma::RuleSet rules_;
  std::vector<sigma::Rule> names_;
  sigma::Diagnostics diagnostics_;
  std::unique_ptr<sigma::Engine> engine_;
  std::unique_ptr<sigma::Matcher> matcher_;
  std::vector<std::unique_ptr<const Policy>> policies_;
  std::vector<std::unique_ptr<Evaluator>> evaluators_;
  std::vector<std::unique_ptr<JsonFields>> fields_;
  logs::JsonDocument document_;
  sigma::EventFields event_;
  std::string text_;
};

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

  /// Short texts of few letters, so that they often match.
  std::string text() {
    static constexpr const char* kPieces[] = {
        "a",        "B",     "b", "\\\\", "*",    "?", "\u00e4", "\u00c4",
        "10.0.0.1", "7",     "x", "0x1F", "-1.5", " ", "\\*",    "2026-04-17T05:24:53Z",
        "k",        "\u212a"};
    std::string out;
    for (unsigned i = below(5); i > 0; --i) out += kPieces[below(std::size(kPieces))];
    return out;
  }
  std::string field() { return std::string(1, static_cast<char>('p' + below(4))); }

  std::string item() {
    static constexpr const char* kModifiers[] = {"",
                                                 "",
                                                 "|contains",
                                                 "|startswith",
                                                 "|endswith",
                                                 "|cased",
                                                 "|neq",
                                                 "|contains|all",
                                                 "|contains|cased",
                                                 "|startswith|cased",
                                                 "|windash",
                                                 "|wide",
                                                 "|base64offset|contains",
                                                 "|endswith|neq"};
    const std::string name = field();
    switch (below(14)) {
      case 0:
        return "'" + name + "': null";
      case 1:
        return "'" + name + "|exists': " + (below(2) ? "true" : "false");
      case 2: {
        static constexpr const char* kOps[] = {"lt", "lte", "gt", "gte"};
        return "'" + name + "|" + kOps[below(4)] + "': " + std::to_string(below(40)) + ".5";
      }
      case 3:
        return "'" + name + "|cidr': " + (below(2) ? "10.0.0.0/8" : "10.0.0.1/32");
      case 4:
        return "'" + name + "|fieldref" + (below(2) ? "" : "|contains") + "': " + field();
      case 5:
        return "'" + name + "': " + (below(2) ? "7" : "true");
      case 6:
        return "'" + name + "|hour': 5";
      case 7:
        return "'" + name + "|re" + (below(2) ? "|i" : "") + "': '" +
               (below(2) ? "^a(b|B)?" : "[abx]7|B$") + "'";
      default: {
        std::string out = "'" + name + kModifiers[below(std::size(kModifiers))] + "': [";
        for (unsigned i = 1 + below(6); i > 0; --i) out += "'" + text() + "', ";
        return out + "]";
      }
    }
  }
  std::string rule(int number) {
    static constexpr const char* kConditions[] = {"s0",
                                                  "s0 and s1",
                                                  "s0 or s1",
                                                  "not s0",
                                                  "s0 and not s1",
                                                  "1 of them",
                                                  "all of them",
                                                  "not (s0 or s1) or s2",
                                                  "s0 and (s1 or not s2)"};
    std::string out =
        "title: R" + std::to_string(number) + "\nlogsource: {product: p}\ndetection:\n";
    for (int s = 0; s < 3; ++s) {
      out += "  s" + std::to_string(s) + ":\n";
      const bool list = below(4) == 0;
      std::vector<std::string> seen;
      for (unsigned i = 1 + below(3); i > 0; --i) {
        const std::string one = item();
        const std::string key = one.substr(0, one.find(':'));
        if (std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
        seen.push_back(key);
        out += (list ? "    - " : "    ") + one + "\n";
      }
    }
    return out + "  condition: " + kConditions[below(std::size(kConditions))] + "\n";
  }

  std::string quoted() {
    std::string out = "\"";
    for (const char c : text()) {
      if (c == '\\' || c == '"') out += '\\';
      out += c;
    }
    return out + "\"";
  }
  std::string value(int depth = 0) {
    switch (below(depth > 2 ? 6 : 9)) {
      case 0:
        return "null";
      case 1:
        return std::to_string(static_cast<int>(below(80)) - 20);
      case 2:
        return below(2) ? "true" : "1.5e1";
      case 6:
        return "{\"" + field() + "\":" + value(depth + 1) + "}";
      case 7:
      case 8: {
        std::string out = "[";
        for (unsigned i = below(4); i > 0; --i) out += value(depth + 1) + (i > 1 ? "," : "");
        return out + "]";
      }
      default:
        return quoted();
    }
  }
  std::string event() {
    std::string out = "{";
    for (char c = 'p'; c < 't'; ++c) {
      if (below(4) == 0) continue;
      out += (out.size() > 1 ? ",\"" : "\"") + std::string(1, c) + "\":" + value();
    }
    return out + "}";
  }

 private:
  std::mt19937 random_;
};

TEST(Differential, RandomRulesOnRandomEvents) {
  Generator generator(20261121);
  Both both;
  sigma::Diagnostics diagnostics;
  for (int i = 0; i < 1500; ++i) {
    sigma::RuleSet set;
    sigma::parse_rules(generator.rule(i), "r.yml", set, diagnostics);
    for (sigma::Rule& rule : set.rules) both.add(std::move(rule));
  }
  EXPECT_GT(both.size(), 1000u);
  both.finish();
  std::size_t matches = 0;
  for (int i = 0; i < 200 && !testing::Test::HasFailure(); ++i)
    matches += both.compare(generator.event());
  EXPECT_GT(matches, 5'000u);
}

// Our own rules on all recorded events.
TEST(Differential, OwnRulesOnRecordedEvents) {
  const std::string root = RPCM_SOURCE_DIR;
  sigma::RuleSet set;
  sigma::Diagnostics diagnostics;
  set = sigma::load_rules({root + "/rules"}, {}, diagnostics);
  Both both;
  for (sigma::Rule& rule : set.rules) {
    if (rule.logsource.product == "rpcmarshal") both.add(std::move(rule));
  }
  EXPECT_GT(both.size(), 30u);
  both.finish();
  std::size_t matches = 0, events = 0;
  for (const auto& file : std::filesystem::directory_iterator(root + "/tests/baselines")) {
    if (file.path().extension() != ".jsonl") continue;
    std::ifstream in(file.path());
    for (std::string line; std::getline(in, line); ++events) matches += both.compare(line);
  }
  EXPECT_GT(events, 500u);
  EXPECT_GT(matches, 50u);
}

}  // namespace
}  // namespace rpcmarshal::policy
