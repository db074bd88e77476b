// setres*id of glibc change all threads; capabilities are a thread's own and are set with the raw system call.
#include "process/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/root_place.h"
#include "base/system.h"

namespace weir::process {
namespace {

constexpr uint32_t kBindBit = 1U << CAP_NET_BIND_SERVICE;

Unexpected<std::string> failed(const std::string& call) {
  return Unexpected{call_failed(call, errno)};
}

struct Capabilities {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  bool get() { return ::syscall(SYS_capget, &header, data) == 0; }
  bool set() { return ::syscall(SYS_capset, &header, data) == 0; }
};

}  // namespace

Result<Account> find_account(const std::string& user, const std::string& group) {
  Account account;
  account.name = user;
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return Unexpected{"there is no user \"" + user + "\""};
  account.uid = entry.pw_uid;
  account.gid = entry.pw_gid;
  if (group.empty()) return account;
  ::group group_entry{};
  ::group* found_group = nullptr;
  if (::getgrnam_r(group.c_str(), &group_entry, buffer.data(), buffer.size(), &found_group) != 0 ||
      found_group == nullptr)
    return Unexpected{"there is no group \"" + group + "\""};
  account.gid = group_entry.gr_gid;
  return account;
}

Result<RunAs> resolve_run_as(const config::MainConfig& main) {
  RunAs run_as;
  if (main.user.empty()) return run_as;
  if (::geteuid() != 0) {
    const Result<Account> wanted = find_account(main.user, main.group);
    if (wanted && wanted->uid == ::geteuid()) return run_as;  // a supervisor has done it
    run_as.warning = "directive \"user\": ignored (weir was not started by root)";
    return run_as;
  }
  Result<Account> account = find_account(main.user, main.group);
  if (!account) return Unexpected{account.error()};
  if (account->uid != 0) run_as.account = std::move(*account);
  return run_as;
}

Status<> give_file(const std::string& path, const Account& account) {
  const Result<RootPlace> place = find_root_place(path);
  if (!place && belongs_to(path, account.uid)) return Void{};
  if (!place) return Unexpected{"\"" + path + "\": not given to user \"" + account.name + "\" (" + place.error() + ")"};
  const OwnedFd fd(::openat(place->directory.get(), place->name.c_str(),
                            O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644));
  if (fd.get() < 0) return Void{};
  // A regular file of one name: a link, which the account may have made in its own directory, leads to no other file.
  struct stat info {};
  if (::fstat(fd.get(), &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 1 && info.st_uid != account.uid)
    (void)!::fchown(fd.get(), account.uid, static_cast<gid_t>(-1));
  return Void{};
}

Status<> Privileges::enter() {
  if (!account_) return Void{};
  const Account& to = *account_;
  if (::initgroups(to.name.c_str(), to.gid) != 0) return failed("initgroups(" + to.name + ")");
  if (::setresgid(to.gid, to.gid, to.gid) != 0) return failed("setgid(" + std::to_string(to.gid) + ")");
  // The saved user stays root, so that the permitted capabilities stay too.
  if (::setresuid(to.uid, to.uid, 0) != 0) return failed("setuid(" + std::to_string(to.uid) + ")");
  entered_ = true;
  Capabilities capabilities;
  if (!capabilities.get()) return failed("capget()");
  // A container may have taken the capability away; ports above 1023 work without.
  capabilities.data[0].effective = capabilities.data[0].permitted & kBindBit;
  capabilities.data[1].effective = 0;
  if (!capabilities.set()) return failed("capset()");
  return Void{};
}

Status<> Privileges::take_back() {
  if (!entered_) return Void{};
  if (::setresuid(static_cast<uid_t>(-1), 0, static_cast<uid_t>(-1)) != 0) return failed("setuid(0)");
  return Void{};
}

Status<> Privileges::settle() {
  if (!entered_) return Void{};
  const Account& to = *account_;
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return failed("prctl(PR_SET_KEEPCAPS)");
  if (::setresuid(to.uid, to.uid, to.uid) != 0) return failed("setuid(" + std::to_string(to.uid) + ")");
  Capabilities capabilities;
  if (!capabilities.get()) return failed("capget()");
  const uint32_t bind = capabilities.data[0].permitted & kBindBit;
  capabilities.data[0] = {bind, bind, 0};
  capabilities.data[1] = {0, 0, 0};
  if (!capabilities.set()) return failed("capset()");
  ::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // as a process that was started by this user: /proc/self stays readable
  entered_ = false;
  return Void{};
}

}  // namespace weir::process
