// The user that weir runs as. A weir started by root becomes `user` before it binds, because sockets that share a port
// with SO_REUSEPORT must be of one user, and keeps one capability: to bind ports below 1024, also at a later reload.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/model.h"

namespace weir::process {

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};
// `group` empty: the user's own.
Result<Account> find_account(const std::string& user, const std::string& group);

// What `user` asks for. No account: weir stays who it is, because nothing is asked for, it is root that is, or only
// root could change (then the warning says so).
struct RunAs {
  std::optional<Account> account;
  std::string warning;
};
// Error: there is no such user or group.
Result<RunAs> resolve_run_as(const config::MainConfig& main);

// Makes `path` and gives it to the account, as nginx does with its logs, so that it can be opened and reopened later.
// Only regular files below an existing directory, none that is a symbolic link and none of several names; what cannot
// be made is left to whoever opens it to report. Error: a link on the way that root does not follow (find_root_place).
Status<> give_file(const std::string& path, const Account& account);

class Privileges {
 public:
  // Nothing changes: weir was not started by root, or no user is asked for.
  Privileges() = default;
  explicit Privileges(Account account) : account_(std::move(account)) {}

  // Effective user and groups become the account's, with CAP_NET_BIND_SERVICE; root can still be taken back.
  Status<> enter();
  // Root again, for what root began (the pid file). Then settle().
  Status<> take_back();
  // For good: the account, in all threads; the capability stays with this thread and those it starts.
  Status<> settle();

  const std::optional<Account>& account() const { return account_; }

 private:
  std::optional<Account> account_;
  bool entered_ = false;
};

}  // namespace weir::process
