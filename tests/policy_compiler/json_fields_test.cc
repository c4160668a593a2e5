// Which fields an event has, before the call, and which of them cannot be known.
#include <gmock/gmock.h>

#include "run.h"

namespace rpcmarshal::policy {
namespace {

/// "value, value" of one field of an event; "?" behind it when there may be others.
std::string field(const std::string& name, std::string_view json) {
  PolicyRun run("rules:\n  - {id: a, action: allow, when: {'" + name + "|exists': true}}\n");
  EXPECT_NE(run.policy, nullptr) << run.errors();
  if (!run.policy || !run.fields->parse(json)) return "no JSON";
  const FieldValues values = run.fields->lookup(0);
  std::string out;
  for (const match::Value& value : values.values) {
    if (!out.empty()) out += ", ";
    if (value.kind == match::Value::Kind::kObject) {
      out += "{}";
    } else if (value.kind == match::Value::Kind::kNull) {
      out += "null";
    } else {
      match::append_text(out, value);
    }
  }
  return out + (values.unknown ? "?" : "");
}

TEST(JsonFields, Values) {
  EXPECT_EQ(field("a", R"({"a":"x"})"), "x");
  EXPECT_EQ(field("a", R"( { "a" : [ 1 , -2.5, true, null, "y", {} ] } )"),
            "1, -2.5, true, null, y, {}");
  EXPECT_EQ(field("a.b.c", R"({"a":{"b":{"c":1}},"a.b":{"c":2},"a":{"b.c":3}})"), "1, 2, 3");
  EXPECT_EQ(field("a.b", R"({"a":[{"b":1},{"b":[2,3]},{"c":4}]})"), "1, 2, 3");
  EXPECT_EQ(field("a", R"({"b":{"a":1}})"), "");
  EXPECT_EQ(field("a", R"({"a":18446744073709551615})"), "18446744073709551616");
  EXPECT_EQ(field("a", R"({"a":-9223372036854775808})"), "-9223372036854775808");
}

TEST(JsonFields, Texts) {
  EXPECT_EQ(field("a", R"({"a":"\\\\fs1\\x \"q\" \u00e4\n\t\/"})"), "\\\\fs1\\x \"q\" \u00e4\n\t/");
  EXPECT_EQ(field("a", R"({"a":"\ud83d\ude00"})"), "\U0001F600");
  EXPECT_EQ(field("a", R"({"a":"x\ud800y\udc00"})"), "x\uFFFDy\uFFFD");
  EXPECT_EQ(field("a", R"({"b":"\\","a":"1"})"), "1");
}

TEST(JsonFields, RefusesWhatIsNoEvent) {
  PolicyRun run("rules:\n  - {id: a, action: block, when: {a: 1}}\n");
  for (const char* text : {"", "[]", "1", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1}}",
                           "{\"a\":1,}x", "{\"a\":\"", "{\"a\":\"\\", "{\"a\":\"\\u12\"}",
                           "{\"a\":tru}", "{\"a\":1 \"b\":2}", "{,}"}) {
    EXPECT_FALSE(run.fields->parse(text)) << text;
    EXPECT_NE(run.fields->error(), "") << text;
    EXPECT_TRUE(run.fields->lookup(0).unknown);  // not absent: nothing is known
  }
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "{\"a\":";
  EXPECT_FALSE(run.fields->parse(deep));
  EXPECT_EQ(run.fields->error(), "it is nested too deeply");
}

TEST(JsonFields, WhatWasNotDecodedIsUnknown) {
  const std::string partial = R"({"request":{"a":1},"decode":{"request":{"status":"partial"}}})";
  EXPECT_EQ(field("request.a", partial), "1?");
  EXPECT_EQ(field("request.b", partial), "?");
  EXPECT_EQ(field("details.task.command_lines", partial), "?");
  EXPECT_EQ(field("unc_hosts", partial), "?");
  EXPECT_EQ(field("interface.name", partial), "");
  EXPECT_EQ(field("request.b", R"({"request":{},"decode":{"request":{"status":"complete"}}})"), "");
}

TEST(JsonFields, HandlesNobodySawOpened) {
  EXPECT_EQ(field("request.hKey.name", R"({"request":{"hKey":{"handle":"x","name":"HKLM"}}})"),
            "HKLM");
  EXPECT_EQ(field("request.hKey.name", R"({"request":{"hKey":{"handle":"x"}}})"), "?");
  EXPECT_EQ(field("request.hKey.name", R"({"request":{"hKey":null}})"), "");
}

TEST(JsonFields, WhatIsShownInPart) {
  EXPECT_EQ(field("request.p.hex", R"({"request":{"p":{"size":2,"hex":"abcd"}}})"), "abcd");
  EXPECT_EQ(field("request.p.hex", R"({"request":{"p":{"size":3,"hex":"abcd"}}})"), "abcd?");
  EXPECT_EQ(field("request.list.x", R"({"request":{"list":[{"x":1},{"omitted":7}]}})"), "1?");
}

TEST(JsonFields, DetailsThatWereReadInPart) {
  constexpr std::string_view kEvent =
      R"({"request":{"xml":"x"},"details":{"task":[{"argument":"xml",
    "command_lines":["a"],"incomplete":true}],"event_query":[{"argument":"xml","queries":[]}]}})";
  EXPECT_EQ(field("details.task.command_lines", kEvent), "a?");
  EXPECT_EQ(field("details.task.users", kEvent), "?");
  EXPECT_EQ(field("details.event_query.queries", kEvent), "");
  EXPECT_EQ(field("request.xml", kEvent), "x");
}

TEST(JsonFields, WhatTheWireDoesNotShow) {
  EXPECT_EQ(field("user.groups", R"({"sensor":"wire"})"), "?");
  // A ticket has the groups of the domain; the server adds its own.
  EXPECT_EQ(field("user.groups", R"({"sensor":"wire","user":{"groups":["S-1-5-11"]}})"),
            "S-1-5-11?");
  EXPECT_EQ(field("user.groups", R"({"user":{"name":"x"}})"), "");
  EXPECT_EQ(field("user.name", R"({"sensor":"wire","user":{"name":"x"}})"), "x");
  EXPECT_EQ(field("user.name", R"({"sensor":"wire"})"), "?");
  EXPECT_EQ(field("user.name", R"({"sensor":"wire","user":{"anonymous":true}})"), "");
  EXPECT_EQ(field("transport.pipe", R"({"transport":{"protocol":"ncacn_np"}})"), "?");
  EXPECT_EQ(field("transport.pipe", R"({"transport":{"protocol":"ncacn_ip_tcp"}})"), "");
  EXPECT_EQ(field("details.task.command_lines", R"({"operation":"SchRpcRegisterTask"})"), "?");
  EXPECT_EQ(field("details.task.command_lines", R"({"operation":"SchRpcRun"})"), "");
}

TEST(JsonFields, ACallWhoseBindWasMissed) {
  constexpr std::string_view kMissed =
      R"({"sensor":"wire","interface":{"bind_seen":false},"opnum":2})";
  EXPECT_EQ(field("interface.name", kMissed), "?");
  EXPECT_EQ(field("interface.uuid", kMissed), "?");
  EXPECT_EQ(field("operation", kMissed), "?");
  EXPECT_EQ(field("opnum", kMissed), "2");
  EXPECT_EQ(field("opnum", R"({"sensor":"wire","interface":{"uuid":"u"}})"), "?") << "no request";
  // Known, and without a name; offered by nobody; from a log that has names only.
  EXPECT_EQ(field("interface.name", R"({"sensor":"wire","interface":{"uuid":"u"},"opnum":1})"), "");
  EXPECT_EQ(field("operation", R"({"sensor":"wire","interface":{"uuid":"u"},"opnum":1})"), "");
  EXPECT_EQ(field("interface.name", R"({"sensor":"wire","interface":{"offered":false}})"), "");
  EXPECT_EQ(field("interface.uuid", R"({"sensor":"zeek","interface":{"name":"x"}})"), "");
  EXPECT_EQ(field("user.groups", R"({"sensor":"zeek","interface":{"name":"x"}})"), "?");
}

TEST(JsonFields, WhatAServerIsNotTold) {
  constexpr std::string_view kPipe =
      R"({"sensor":"host","transport":{"protocol":"ncacn_np","pipe":"\\pipe\\x"},
          "user":{"sid":"S-1-5-18","groups":["S-1-5-11"],"level":"none"}})";
  EXPECT_EQ(field("client.address", kPipe), "?");
  EXPECT_EQ(field("server.port", kPipe), "?");
  EXPECT_EQ(field("user.sid", kPipe), "S-1-5-18");
  EXPECT_EQ(field("user.groups", kPipe), "S-1-5-11");
  EXPECT_EQ(field("user.name", kPipe), "?");
  EXPECT_EQ(field("client.process", kPipe), "") << "remote: there is none";
  constexpr std::string_view kNobody =
      R"({"sensor":"host","transport":{"protocol":"ncacn_ip_tcp"},"client":{"address":"10.0.0.1"},
          "user":{"authentication":"none","level":"none"}})";
  EXPECT_EQ(field("client.address", kNobody), "10.0.0.1");
  EXPECT_EQ(field("user.sid", kNobody), "");
  EXPECT_EQ(field("user.name", kNobody), "");
  constexpr std::string_view kFailed =
      R"({"sensor":"host","transport":{"protocol":"ncacn_ip_tcp"},
          "user":{"authentication":"kerberos","level":"privacy"}})";
  EXPECT_EQ(field("user.groups", kFailed), "?") << "the token could not be had";
  EXPECT_EQ(field("user.name", kFailed), "?");
  constexpr std::string_view kLocal =
      R"({"sensor":"host","transport":{"protocol":"ncalrpc"},"user":{"level":"privacy"}})";
  EXPECT_EQ(field("client.address", kLocal), "");
  EXPECT_EQ(field("client.process", kLocal), "?");
}

TEST(JsonFields, MoreHostsThanAreKept) {
  std::string hosts = "\"h0\"", request = "h0";
  for (int i = 1; i < 15; ++i) {
    hosts += ",\"h" + std::to_string(i) + "\"";
    request += " h" + std::to_string(i);
  }
  const auto event = [](const std::string& names, const std::string& text) {
    return R"({"request":{"x":")" + text + R"("},"unc_hosts":[)" + names + "]}";
  };
  EXPECT_THAT(field("unc_hosts", event(hosts, request)), testing::Not(testing::HasSubstr("?")));
  EXPECT_THAT(field("unc_hosts", event(hosts + ",\"h15\"", request + "h15")),
              testing::HasSubstr("?"));
  // What is not written in the request as it is written in the host stays.
  EXPECT_EQ(field("unc_hosts", R"({"request":{"x":"\\\\e\u0001\\s"},"unc_hosts":["e\u0001"]})"),
            "e\x01");
}

// A call is decided before it is made.
TEST(JsonFields, NothingOfTheResponse) {
  constexpr std::string_view kEvent =
      R"({"request":{"xml":"\\\\A\\s","h":{"handle":"1","name":"n"}},
    "response":{"pXml":"\\\\b\\s"},
    "handles":[{"parameter":"h","name":"n"},{"parameter":"out","name":"o","opened":true}],
    "details":{"task":[{"argument":"xml","command_lines":["in"]},
                       {"argument":"pXml","command_lines":["out"]}]},
    "unc_hosts":["a","b"]})";
  EXPECT_EQ(field("details.task.command_lines", kEvent), "in");
  EXPECT_EQ(field("details.task", kEvent), "{}");
  EXPECT_EQ(field("handles.name", kEvent), "n");
  EXPECT_EQ(field("unc_hosts", kEvent), "a");
}

}  // namespace
}  // namespace rpcmarshal::policy
