// Where the overrides are kept over restarts: a small JSON file of mode 0600, as a sticky cookie's key is in it.
#pragma once
#include <string>

#include "base/result.h"
#include "config/model.h"
#include "process/privileges.h"
#include "runtime/overrides.h"

namespace weir::runtime {

// MainConfig::state_file, or beside the pid file ("/run/weir.pid": "/run/weir.state"); empty when it is off.
std::string state_file_path(const config::MainConfig& main);

class StateFile {
 public:
  StateFile() = default;  // keeps nothing
  explicit StateFile(std::string path) : path_(std::move(path)) {}
  const std::string& path() const { return path_; }

  struct Loaded {
    Overrides overrides;
    std::string warning;  // not empty: the file said nothing that can be used, and why
  };
  // A file that makes no sense is moved aside as PATH.bad. None, or an empty one: nothing was said.
  Loaded load() const;
  // Whole or not at all: written beside the file and renamed. Where that directory may not be written to (/run and an
  // unprivileged user) the file itself is written. The error is text for the operator.
  Status<> save(const Overrides& overrides) const;
  // Before root becomes the account: makes the file, where there is none, and hands it over. Error: a link on the way
  // that root does not follow (find_root_place).
  Status<> give_to(const process::Account& account) const;

 private:
  Status<> replace(const std::string& text, bool& may_not) const;
  Status<> overwrite(const std::string& text) const;
  std::string path_;
};

// The format of the file, for tests and for those who read it. The error says what is wrong.
std::string overrides_to_json(const Overrides& overrides);
Result<Overrides> overrides_from_json(const std::string& text);

}  // namespace weir::runtime
