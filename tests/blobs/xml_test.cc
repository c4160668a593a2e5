#include "blobs/xml.h"

#include "blobs/helpers.h"

namespace rpcmarshal::blobs {
namespace {

using test::shown;

constexpr const char* kTask = R"(<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Author>LAB\bob</Author><URI>\Updater</URI></RegistrationInfo>
  <Triggers>
    <CalendarTrigger><StartBoundary>2015-07-15T20:35:13</StartBoundary><Enabled>true</Enabled>
      <Repetition><Interval>PT5M</Interval></Repetition></CalendarTrigger>
    <BootTrigger/>
  </Triggers>
  <Principals><Principal id="LocalSystem"><UserId>S-1-5-18</UserId>
    <RunLevel>HighestAvailable</RunLevel></Principal></Principals>
  <Settings><Hidden>true</Hidden><Enabled>true</Enabled></Settings>
  <Actions Context="LocalSystem">
    <Exec><Command>cmd.exe</Command><Arguments>/C whoami &gt; %windir%\Temp\x 2&gt;&amp;1</Arguments></Exec>
    <ComHandler><ClassId>{12345678-0000-0000-0000-000000000000}</ClassId></ComHandler>
  </Actions>
</Task>)";

TEST(TaskXml, SaysWhatRunsAsWhomAndWhen) {
  const auto task = parse_task(kTask);
  ASSERT_TRUE(task);
  EXPECT_EQ(shown(*task),
            "{command_lines=[cmd.exe /C whoami > %windir%\\Temp\\x 2>&1] "
            "actions=[{type=exec command=cmd.exe arguments=/C whoami > %windir%\\Temp\\x 2>&1}, "
            "{type=com class_id={12345678-0000-0000-0000-000000000000}}] "
            "users=[S-1-5-18] run_level=HighestAvailable hidden=true enabled=true "
            "triggers=[{type=calendar start=2015-07-15T20:35:13 interval=PT5M enabled=true}, "
            "{type=boot}] author=LAB\\bob uri=\\Updater}");
  EXPECT_EQ(
      summarise_task(*task),
      "cmd.exe /C whoami > %windir%\\Temp\\x 2>&1, as S-1-5-18, elevated, hidden, at calendar, "
      "at boot");
}

TEST(TaskXml, PrefixedNamesAndSeveralCommands) {
  const auto task = parse_task(
      "<t:Task xmlns:t='x'><t:Actions><t:Exec><t:Command>a</t:Command></t:Exec>"
      "<t:Exec><t:Command><![CDATA[b & c]]></t:Command></t:Exec></t:Actions></t:Task>");
  ASSERT_TRUE(task);
  EXPECT_EQ(shown(*task->find("command_lines")), "[a, b & c]");
  EXPECT_EQ(summarise_task(*task), "a; b & c");
}

TEST(TaskXml, OtherXmlIsNoTask) {
  for (const char* text :
       {"", "x", "<", "<Tasks/>", "<a><Task/></a>", "<?xml?>", "<!DOCTYPE Task>"}) {
    EXPECT_FALSE(parse_task(text)) << text;
  }
}

TEST(TaskXml, WhatStandsBeforeAMistakeIsKept) {
  const auto task = parse_task("<Task><Actions><Exec><Command>a.exe</Command></Exec><Oops");
  ASSERT_TRUE(task);
  EXPECT_EQ(shown(*task->find("command_lines")), "[a.exe]");
}

// Entities of a document type are not expanded: neither files nor billions of laughs.
TEST(TaskXml, EntitiesStayAsTheyAre) {
  const auto task = parse_task(
      "<!DOCTYPE Task [<!ENTITY x SYSTEM \"file:///etc/passwd\"><!ENTITY y \"&x;&x;\">]>"
      "<Task><Actions><Exec><Command>&x;&y;</Command></Exec></Actions></Task>");
  ASSERT_TRUE(task);
  EXPECT_EQ(shown(*task->find("command_lines")), "[&x;&y;]");
}

TEST(TaskXml, DeepNestingAndManyActionsAreBounded) {
  std::string deep = "<Task><Actions>";
  for (int i = 0; i < 100000; ++i) deep += "<a>";
  EXPECT_TRUE(parse_task(deep));
  std::string many = "<Task><Actions>";
  for (int i = 0; i < 10000; ++i) many += "<Exec><Command>c</Command></Exec>";
  const auto task = parse_task(many + "</Actions></Task>");
  ASSERT_TRUE(task);
  EXPECT_EQ(task->find("command_lines")->items.size(), kMaxItems);
  EXPECT_EQ(task->find("actions")->items.size(), kMaxItems);
  EXPECT_FALSE(parse_task(std::string(2u << 20, 'x')));
}

TEST(EventQuery, StructuredQuery) {
  const auto query = parse_event_query(
      "<QueryList><Query Id='0' Path='Security'><Select>*[System[(EventID=4624)]]</Select>"
      "<Suppress Path='System'>*</Suppress></Query></QueryList>");
  ASSERT_TRUE(query);
  EXPECT_EQ(
      shown(*query),
      "{queries=[{path=Security select=*[System[(EventID=4624)]]}, {path=System suppress=*}]}");
}

TEST(EventQuery, XPath) {
  const auto query = parse_event_query("*[System[EventID=1102]]");
  ASSERT_TRUE(query);
  EXPECT_EQ(shown(*query), "{queries=[{select=*[System[EventID=1102]]}]}");
  EXPECT_FALSE(parse_event_query("*"));
  EXPECT_FALSE(parse_event_query(""));
  EXPECT_FALSE(parse_event_query("<Bookmark/>"));
}

}  // namespace
}  // namespace rpcmarshal::blobs
