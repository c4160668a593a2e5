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
#ifdef _WIN32
  EXPECT_FALSE(task);  // xml_tree_windows.cc: not read
#else
  ASSERT_TRUE(task);
  EXPECT_EQ(shown(*task->find("command_lines")), "[a.exe]");
  ASSERT_TRUE(task->find("incomplete")) << "and is said to be no more than that";
#endif
  for (const char* text :
       {"<Task></Tusk>", "<Task/><Task/>", "<Task><Actions></Task></Actions>", "<Task a='1' a",
        "<Task>&#xZZ;<", "<Task>", "<Task><a/>", "<Task><Task></Task>"}) {
    const auto broken = parse_task(text);
    EXPECT_TRUE(!broken || broken->find("incomplete")) << text;
  }
  EXPECT_FALSE(parse_task("<Task><Actions/></Task> <!-- x --> ")->find("incomplete"));
}

// Entities of a document type are not expanded: neither files nor billions of laughs. Windows'
// parser refuses such documents altogether.
TEST(TaskXml, EntitiesStayAsTheyAre) {
  const auto task = parse_task(
      "<!DOCTYPE Task [<!ENTITY x SYSTEM \"file:///etc/passwd\"><!ENTITY y \"&x;&x;\">]>"
      "<Task><Actions><Exec><Command>&x;&y;</Command></Exec></Actions></Task>");
#ifdef _WIN32
  EXPECT_FALSE(task);
#else
  ASSERT_TRUE(task);
  EXPECT_EQ(shown(*task->find("command_lines")), "[&x;&y;]");
#endif
}

// What a comment or a section of character data splits is one text to the server, too.
TEST(TaskXml, CommentsAndSectionsDoNotHideText) {
  const auto task = parse_task(
      "<Task><Actions><Exec><Command>C:\\ok\\<!-- -->..\\<![CDATA[evil]]>.exe &#x41;\r\nb</Command>"
      "</Exec></Actions></Task>");
  ASSERT_TRUE(task);
  EXPECT_EQ(shown(*task),
            "{command_lines=[C:\\ok\\..\\evil.exe A\nb] "
            "actions=[{type=exec command=C:\\ok\\..\\evil.exe A\nb}]}");
}

TEST(TaskXml, WhateverTheDeclarationSays) {
  for (const char* declaration :
       {"", "\xEF\xBB\xBF", "<?xml version=\"1.0\"?>", "<?xml version='1.0' encoding='UTF-16'?>",
        "\xEF\xBB\xBF<?xml version='1.0' encoding='windows-1252'?>\r\n"}) {
    const auto task = parse_task(std::string(declaration) +
                                 "<Task><RegistrationInfo><Author>B\xC3\xB6"
                                 "b</Author>"
                                 "</RegistrationInfo></Task>");
    ASSERT_TRUE(task) << declaration;
    EXPECT_EQ(shown(*task),
              "{author=B\xC3\xB6"
              "b}")
        << declaration;
  }
}

TEST(TaskXml, DeepNestingAndManyActionsAreBounded) {
  std::string deep = "<Task><Actions>";
  for (int i = 0; i < 100000; ++i) deep += "<a>";
#ifdef _WIN32
  EXPECT_FALSE(parse_task(deep));
#else
  ASSERT_TRUE(parse_task(deep));
  EXPECT_TRUE(parse_task(deep)->find("incomplete"));
#endif
  std::string many = "<Task><Actions>";
  for (int i = 0; i < 10000; ++i) many += "<Exec><Command>c</Command></Exec>";
  const auto task = parse_task(many + "</Actions></Task>");
  ASSERT_TRUE(task);
  EXPECT_EQ(task->find("command_lines")->items.size(), kMaxItems);
  EXPECT_EQ(task->find("actions")->items.size(), kMaxItems);
  EXPECT_TRUE(task->find("incomplete")) << "the 257th is one, too";
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
