// What the quick fields say must be what the event's JSON says, and decisions that they settle must
// be those that the whole event leads to: on every recorded call.
#include "agent/hook/quick_fields.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "agent/hook/event_maker.h"
#include "builtin/builtin.h"
#include "detect/run.h"
#include "policy/compiler/compile.h"
#include "policy/compiler/parser.h"
#include "policy/json_fields.h"

namespace rpcmarshal::agent {
namespace {

const Catalogue& definitions() {
  static const LoadedCatalogue loaded = load_catalogue();
  return loaded.catalogue;
}

/// The calls of all captures, as a hook would have recorded them.
const std::vector<std::unique_ptr<CallRecord>>& calls() {
  static const auto all = [] {
    std::vector<std::unique_ptr<CallRecord>> out;
    for (const auto& entry :
         std::filesystem::directory_iterator(RPCM_SOURCE_DIR "/tests/captures")) {
      if (!entry.is_regular_file() || entry.path().extension() == ".md") continue;
      detect::for_each_event(entry.path().string(), [&](const Event& event) {
        if (event.is_bind || !event.interface_id || !event.opnum ||
            event.request.status == DecodeStatus::kSealed)
          return;
        auto record = std::make_unique<CallRecord>();
        record->time = event.time;
        record->interface = *event.interface_id;
        record->syntax = event.transfer_syntax.uuid.is_nil() ? SyntaxId{kNdr20Syntax, 2, 0}
                                                             : event.transfer_syntax;
        record->opnum = *event.opnum;
        record->data_representation = event.request.order == ByteOrder::kLittle ? 0x10 : 0;
        record->caller.protocol = event.transport.protocol;
        record->caller.client = event.client;
        record->request.copy(event.request.stub.data(), event.request.stub.size(),
                             event.request.stub.size());
        out.push_back(std::move(record));
      });
    }
    return out;
  }();
  return all;
}

std::unique_ptr<const policy::Policy> compiled(const std::string& text) {
  sigma::Diagnostics diagnostics;
  policy::PolicyModel model;
  EXPECT_TRUE(policy::parse_policy(text, "test.yml", model, diagnostics));
  policy::Policy::Loaded loaded = policy::Policy::load(policy::compile_policy(model, diagnostics));
  EXPECT_NE(loaded.policy, nullptr) << loaded.error;
  return std::move(loaded.policy);
}

std::string text_of(const policy::FieldValues& values) {
  std::string out = values.unknown ? "unknown" : "known";
  for (const match::Value& value : values.values) {
    out += ' ' + std::to_string(static_cast<int>(value.kind)) + ':';
    if (value.kind == match::Value::Kind::kText) {
      out += value.text;
    } else {
      match::append_text(out, value);
    }
  }
  return out;
}

struct Both {
  explicit Both(const std::string& text)
      : policy(compiled(text)), quick(*policy, definitions()), whole(*policy), evaluator(*policy) {}
  void start(const CallRecord& record) {
    quick.start(record);
    json.clear();
    maker.append_json(json, maker.before(record));
    ASSERT_TRUE(whole.parse(json)) << whole.error();
  }
  std::unique_ptr<const policy::Policy> policy;
  QuickFields quick;
  policy::JsonFields whole;
  policy::Evaluator evaluator;
  ProcessFacts process{1, "x.exe"};
  EventMaker maker{definitions(), process};
  std::string json;
};

TEST(QuickFields, SayWhatTheEventSays) {
  std::set<std::string> names{"interface.uuid",     "interface.name", "operation",          "opnum",
                              "transport.protocol", "client.address", "request.NoSuchThing"};
  for (const auto& record : calls()) {
    const Interface* interface =
        definitions().find(record->interface.uuid, record->interface.major);
    const Procedure* procedure = interface ? interface->find(record->opnum) : nullptr;
    if (!procedure) continue;
    for (const Parameter& parameter : procedure->parameters) {
      if (parameter.in) names.insert("request." + parameter.field.name);
    }
  }
  std::string text = "policy: all fields\ndefault: allow\nrules:\n";
  for (int i = 0; const std::string& name : names)
    text += "  - id: r" + std::to_string(i++) + "\n    action: block\n    when:\n      " + name +
            ": never\n";
  Both both(text);
  std::size_t known = 0, values = 0;
  for (const auto& record : calls()) {
    both.start(*record);
    for (policy::FieldId field = 0; field < both.policy->field_count(); ++field) {
      const policy::FieldValues quick = both.quick.lookup(field);
      if (quick.unknown) continue;
      ++known;
      values += quick.values.size();
      ASSERT_EQ(text_of(quick), text_of(both.whole.lookup(field)))
          << both.policy->field_name(field) << " in " << both.json;
    }
  }
  EXPECT_GT(calls().size(), 500u);
  EXPECT_GT(values, 6 * calls().size());  // most arguments are texts and numbers
  EXPECT_GT(known, values);
}

/// ROpenSCManagerW's first argument, of every length and with an odd character in every place: what
/// is no plain ASCII is left to the event, the rest is the text.
TEST(QuickFields, TextIsAsciiOrUnknown) {
  Both both(
      "policy: p\ndefault: allow\nrules:\n  - id: r\n    action: block\n    when:\n"
      "      request.lpMachineName: x\n");
  const auto append = [](std::string& stub, std::uint64_t value, std::size_t size) {
    for (; size != 0; --size, value >>= 8) stub += static_cast<char>(value & 0xFF);
  };
  for (std::size_t size = 0; size < 11; ++size) {
    for (std::size_t at = 0; at <= size; ++at) {
      for (const unsigned odd : {0u, 0x7Fu, 0x80u, 0xC4u, 0x141u, 0x4100u, 0xFF41u}) {
        std::u16string name = u"FILESERVER1";
        name.resize(size);
        if (at < size) name[at] = static_cast<char16_t>(odd);
        std::string stub;
        append(stub, 0x20000, 4);
        append(stub, size + 1, 4);
        append(stub, 0, 4);
        append(stub, size + 1, 4);
        for (const char16_t unit : name) append(stub, unit, 2);
        append(stub, 0, 2);
        while (stub.size() % 4 != 0) stub += '\0';
        append(stub, 0, 4);     // lpDatabaseName
        append(stub, 0x3F, 4);  // dwDesiredAccess
        CallRecord record;
        record.interface = {*Guid::parse("367abb81-9844-35f1-ad32-98f038001003"), 2, 0};
        record.syntax = {kNdr20Syntax, 2, 0};
        record.opnum = 15;
        record.data_representation = 0x10;
        record.request.copy(stub.data(), stub.size(), stub.size());
        both.start(record);
        const policy::FieldValues quick = both.quick.lookup(0);
        EXPECT_EQ(quick.unknown, at < size && odd != 0x7F) << size << ' ' << at << ' ' << odd;
        if (!quick.unknown) {
          EXPECT_EQ(text_of(quick), text_of(both.whole.lookup(0))) << both.json;
        }
      }
    }
  }
}

std::string said(const policy::Decision& d) {
  return std::to_string(static_cast<int>(d.action)) + ' ' + std::to_string(d.rule) + ' ' +
         std::to_string(d.fault_status) + ' ' + std::to_string(d.unknown) + ' ' +
         std::to_string(d.unknown_field) + ' ' + std::to_string(d.learn_rule) + ' ' +
         std::to_string(d.undecided);
}

TEST(QuickFields, SettleWhatTheEventWouldHaveSettled) {
  std::vector<std::filesystem::path> files{RPCM_SOURCE_DIR "/bench/agent/policy.yml"};
  for (const auto& entry : std::filesystem::directory_iterator(RPCM_SOURCE_DIR "/policies")) {
    if (entry.path().extension() == ".yml") files.push_back(entry.path());
  }
  ASSERT_GT(files.size(), 5u);
  for (const auto& file : files) {
    std::ifstream in(file);
    Both both(std::string((std::istreambuf_iterator<char>(in)), {}));
    std::size_t settled = 0, asked = 0;
    for (const auto& record : calls()) {
      both.start(*record);
      const std::int64_t now = record->time / 1'000'000'000;
      const policy::Decision quick = both.evaluator.decide(both.quick, now);
      // The rules for one operation decide as all rules do, by quick fields and by the whole event.
      const policy::Narrowed& rules = both.quick.rules(both.evaluator);
      ASSERT_EQ(said(quick), said(both.evaluator.decide(both.quick, now, rules)));
      ASSERT_EQ(said(both.evaluator.decide(both.whole, now)),
                said(both.evaluator.decide(both.whole, now, rules)))
          << file << both.json;
      asked += rules.rules.size();
      if (quick.undecided) continue;
      ++settled;
      ASSERT_EQ(said(quick), said(both.evaluator.decide(both.whole, now))) << file << both.json;
    }
    if (file.filename() == "policy.yml") {
      EXPECT_GT(settled, calls().size() * 9 / 10);
      EXPECT_LT(asked, calls().size() * 2);  // of twenty
    }
  }
}

TEST(QuickFields, KnowWhatNeedsHistory) {
  const auto needs = [](const std::string& field) {
    const auto policy = compiled(
        "policy: p\ndefault: allow\nrules:\n  - id: r\n    action: block\n"
        "    when:\n      " +
        field + ": x\n");
    return QuickFields(*policy, definitions()).needs_history();
  };
  EXPECT_FALSE(needs("request.lpBinaryPathName"));
  EXPECT_FALSE(needs("user.sid"));
  EXPECT_FALSE(needs("unc_hosts"));
  EXPECT_TRUE(needs("request.hKey.name"));
  EXPECT_TRUE(needs("handles.name"));
  EXPECT_TRUE(needs("dispatch.member"));
  EXPECT_TRUE(needs("wmi.class"));
}

TEST(QuickFields, OnlySomeAnswersMakeHistory) {
  const auto policy = compiled("policy: p\ndefault: allow\nrules: []\n");
  QuickFields fields(*policy, definitions());
  CallRecord record;
  record.interface = {*Guid::parse("367abb81-9844-35f1-ad32-98f038001003"), 2, 0};
  record.syntax = {kNdr20Syntax, 2, 0};
  const auto makes = [&](std::uint16_t opnum) {
    record.opnum = opnum;
    fields.start(record);
    return fields.makes_history();
  };
  EXPECT_TRUE(makes(15));  // ROpenSCManagerW
  EXPECT_TRUE(makes(0));   // RCloseServiceHandle
  EXPECT_FALSE(makes(2));  // RDeleteService
  record.interface.uuid = {};
  EXPECT_TRUE(makes(2));  // who knows
}

}  // namespace
}  // namespace rpcmarshal::agent
