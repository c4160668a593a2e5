// smb_survey FILE...: one line per capture of what capture/ and smb/ find in it.
#include "smb/survey.h"

#include <cstdio>

int main(int argc, char** argv) {
  using namespace rpcmarshal;
  for (int i = 1; i < argc; ++i) {
    test::Survey s = test::survey(argv[i]);
    std::printf(
        "%s packets=%llu smb=%llu other=%llu pipes=%llu in=%llu out=%llu pdus=%llu broken=%llu "
        "messages=%llu malformed=%llu encrypted=%llu compressed=%llu resync=%llu limits=%llu "
        "gaps=%llu missing=%llu conflicts=%llu bad=%llu",
        argv[i], (unsigned long long)s.decap.packets, (unsigned long long)s.smb_connections,
        (unsigned long long)s.other_connections, (unsigned long long)s.pipes,
        (unsigned long long)s.pipe_bytes[0], (unsigned long long)s.pipe_bytes[1],
        (unsigned long long)s.pdus, (unsigned long long)s.broken_streams,
        (unsigned long long)s.smb.messages, (unsigned long long)s.smb.malformed,
        (unsigned long long)s.smb.encrypted, (unsigned long long)s.smb.compressed,
        (unsigned long long)s.smb.resynchronised, (unsigned long long)s.smb.limits,
        (unsigned long long)s.tcp.gaps, (unsigned long long)s.tcp.missing_bytes,
        (unsigned long long)s.tcp.conflicts, (unsigned long long)s.decap.malformed);
    for (auto& [name, count] : s.pipe_names)
      std::printf(" %s*%llu", name.c_str(), (unsigned long long)count);
    for (auto& user : s.users) std::printf(" user=%s", user.c_str());
    if (!s.error.empty()) std::printf(" ERROR %s", s.error.c_str());
    std::printf("\n");
  }
}
