#include "live/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace rpcmarshal {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error("privileges: " + what + ": " + std::strerror(errno));
}

void become(const std::string& user) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(user.data(), user.data() + user.size(), number);
  const bool numeric = error == std::errc() && end == user.data() + user.size();
  const passwd* entry = numeric ? getpwuid(number) : getpwnam(user.c_str());
  if (!entry && !numeric) throw std::runtime_error("privileges: there is no user " + user);
  const uid_t uid = entry ? entry->pw_uid : number;
  const gid_t gid = entry ? entry->pw_gid : number;
  if (geteuid() == uid && getuid() == uid) return;
  if (entry ? initgroups(entry->pw_name, gid) != 0 : setgroups(0, nullptr) != 0)
    fail("cannot take the groups of " + user);
  if (setresgid(gid, gid, gid) != 0) fail("cannot take the group of " + user);
  if (setresuid(uid, uid, uid) != 0) fail("cannot become " + user);
  if (uid != 0 && (setresuid(0, 0, 0) == 0 || seteuid(0) == 0))
    throw std::runtime_error("privileges: root could be had back");
}

}  // namespace

void drop_privileges(const std::string& user) {
  // While we may: programs that are run from here get none either. Refused when already without.
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability)
    prctl(PR_CAPBSET_DROP, capability);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (!user.empty()) become(user);

  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capset, &header, none) != 0) fail("cannot give up capabilities");
  __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, now) != 0) fail("cannot read capabilities");
  for (const auto& set : now) {
    if (set.effective != 0 || set.permitted != 0)
      throw std::runtime_error("privileges: some capabilities are left");
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("cannot rule out new ones");
}

}  // namespace rpcmarshal
