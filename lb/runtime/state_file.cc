// Overrides as JSON, and the file that they are kept in.
#include "runtime/state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/owned_fd.h"
#include "base/root_place.h"
#include "base/system.h"

namespace weir::runtime {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr size_t kMostBytes = 16 * 1024 * 1024;

Unexpected<std::string> failed(const char* call, const std::string& name) {
  return Unexpected{call_failed(std::string(call) + "() \"" + name + "\"", errno)};
}

bool write_all(int fd, const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

bool read_all(int fd, std::string& text) {
  char piece[16 * 1024];
  while (text.size() < kMostBytes) {
    const ssize_t n = ::read(fd, piece, sizeof piece);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n == 0;
    text.append(piece, static_cast<size_t>(n));
  }
  errno = EFBIG;
  return false;
}

// Fields of one JSON object. What is missing keeps its value; what has another type is an error, noted once.
class Fields {
 public:
  Fields(const Json& object, std::string where, std::string& error)
      : object_(object), where_(std::move(where)), error_(error) {
    if (!object.is_object()) fail("is not an object");
  }
  void get(const char* name, std::string& to) const {
    if (const Json* field = find(name))
      field->is_string() ? void(to = *field->get_ptr<const std::string*>()) : bad(name);
  }
  void get(const char* name, bool& to) const {
    if (const Json* field = find(name)) field->is_boolean() ? void(to = *field->get_ptr<const bool*>()) : bad(name);
  }
  void get(const char* name, int64_t& to) const {
    if (const Json* field = find(name)) field->is_number_integer() ? void(to = field->get<int64_t>()) : bad(name);
  }
  void get(const char* name, std::optional<uint32_t>& to) const {
    int64_t value = -1;
    if (find(name) == nullptr) return;
    get(name, value);
    if (value < 0 || value > UINT32_MAX)
      bad(name);
    else
      to = static_cast<uint32_t>(value);
  }
  void get(const char* name, PeerOverride::Mode& to) const {
    using Mode = PeerOverride::Mode;
    std::string word = to_string(to);
    get(name, word);
    for (const Mode mode : {Mode::kNone, Mode::kUp, Mode::kDown, Mode::kDrain, Mode::kDrained})
      if (word == to_string(mode)) return void(to = mode);
    bad(name);
  }
  // Calls `visit(fields)` for each object of a list.
  template <class Visit>
  void each(const char* name, Visit visit) const {
    const Json* list = find(name);
    if (list == nullptr) return;
    if (!list->is_array()) return bad(name);
    for (size_t i = 0; i < list->size(); ++i)
      visit(Fields((*list)[i], std::string(name) + "[" + std::to_string(i) + "]", error_));
  }

 private:
  const Json* find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  void bad(const char* name) const { fail(std::string("has a \"") + name + "\" that makes no sense"); }
  void fail(const std::string& what) const {
    if (error_.empty()) error_ = where_ + " " + what;
  }
  const Json& object_;
  std::string where_;
  std::string& error_;
};

}  // namespace

std::string overrides_to_json(const Overrides& overrides) {
  Json out;
  out["version"] = kVersion;
  out["peers"] = Json::array();
  for (const auto& [key, peer] : overrides.peers) {
    Json each = {{"upstream", key.first}, {"peer", key.second}, {"mode", to_string(peer.mode)}};
    if (peer.weight) each["weight"] = *peer.weight;
    each["why"] = peer.why;
    each["since_us"] = peer.since_us;
    out["peers"].push_back(std::move(each));
  }
  out["maintenance"] = Json::array();
  for (const auto& [key, maintenance] : overrides.maintenance)
    out["maintenance"].push_back({{"server", key.first},
                                  {"location", key.second},
                                  {"on", maintenance.on},
                                  {"why", maintenance.why},
                                  {"since_us", maintenance.since_us}});
  out["sticky_secret"] = overrides.sticky_secret;
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Overrides> overrides_from_json(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return Unexpected{std::string("it is not JSON")};
  Overrides out;
  std::string error;
  const Fields top(json, "it", error);
  int64_t version = 0;
  top.get("version", version);
  if (error.empty() && version != kVersion)
    return Unexpected{"it is of version " + std::to_string(version) + ", which this weir does not know"};
  top.each("peers", [&](const Fields& fields) {
    Overrides::PeerKey key;
    PeerOverride peer;
    fields.get("upstream", key.first);
    fields.get("peer", key.second);
    fields.get("mode", peer.mode);
    fields.get("weight", peer.weight);
    fields.get("why", peer.why);
    fields.get("since_us", peer.since_us);
    if (!peer.empty()) out.peers.insert_or_assign(std::move(key), std::move(peer));
  });
  top.each("maintenance", [&](const Fields& fields) {
    Overrides::MaintenanceKey key;
    MaintenanceOverride maintenance;
    fields.get("server", key.first);
    fields.get("location", key.second);
    fields.get("on", maintenance.on);
    fields.get("why", maintenance.why);
    fields.get("since_us", maintenance.since_us);
    out.maintenance.insert_or_assign(std::move(key), std::move(maintenance));
  });
  top.get("sticky_secret", out.sticky_secret);
  if (!error.empty()) return Unexpected{error};
  return out;
}

std::string state_file_path(const config::MainConfig& main) {
  if (main.state_file == "off") return "";
  if (!main.state_file.empty()) return main.state_file;
  const std::string& pid = main.pid;
  return (pid.ends_with(".pid") ? pid.substr(0, pid.size() - 4) : pid) + ".state";
}

StateFile::Loaded StateFile::load() const {
  if (path_.empty()) return {};
  const OwnedFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0 && errno == ENOENT) return {};
  std::string text;
  if (fd.get() < 0 || !read_all(fd.get(), text))
    return {{}, "state file: not read (" + failed("open", path_).error + "), no override is in force"};
  if (text.empty())
    return {{}, "state file: \"" + path_ + "\" is empty (full disk or crash?), no override is in force"};
  Result<Overrides> overrides = overrides_from_json(text);
  if (overrides) return {std::move(*overrides), ""};
  const std::string aside = path_ + ".bad";
  std::string warning = "state file \"" + path_ + "\": invalid (" + overrides.error() + "), no override is in force";
  if (::rename(path_.c_str(), aside.c_str()) == 0)
    warning += ", moved to \"" + aside + "\"";
  else
    warning += "; " + failed("rename", path_).error;
  return {{}, std::move(warning)};
}

Status<> StateFile::save(const Overrides& overrides) const {
  if (path_.empty()) return Void{};
  const std::string text = overrides_to_json(overrides);
  bool may_not = false;
  Status<> replaced = replace(text, may_not);
  if (replaced || !may_not) return replaced;
  return overwrite(text);
}

Status<> StateFile::replace(const std::string& text, bool& may_not) const {
  std::string name = path_ + ".XXXXXX";
  const OwnedFd fd(::mkostemp(name.data(), O_CLOEXEC));  // 0600
  if (fd.get() < 0) {
    may_not = errno == EACCES || errno == EPERM || errno == EROFS;
    return failed("open", path_);
  }
  const char* call = nullptr;
  if (!write_all(fd.get(), text)) call = "write";
  if (call == nullptr && ::fsync(fd.get()) != 0) call = "fsync";
  if (call == nullptr && ::rename(name.c_str(), path_.c_str()) != 0) {
    may_not = errno == EACCES || errno == EPERM;  // a sticky directory and a file of root's
    call = "rename";
  }
  if (call == nullptr) return Void{};
  Unexpected<std::string> error = failed(call, path_);
  ::unlink(name.c_str());
  return error;
}

Status<> StateFile::overwrite(const std::string& text) const {
  const OwnedFd fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (fd.get() < 0) return failed("open", path_);
  // Behind the end of JSON only white space may follow: a shorter text first blanks the rest, so that at no moment but
  // that of one write() the file makes no sense.
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return failed("fstat", path_);
  std::string padded = text;
  if (info.st_size > static_cast<off_t>(text.size())) padded.resize(static_cast<size_t>(info.st_size), ' ');
  if (!write_all(fd.get(), padded)) return failed("write", path_);
  if (::ftruncate(fd.get(), static_cast<off_t>(text.size())) != 0) return failed("ftruncate", path_);
  if (::fsync(fd.get()) != 0) return failed("fsync", path_);
  return Void{};
}

Status<> StateFile::give_to(const process::Account& account) const {
  if (path_.empty()) return Void{};
  const Result<RootPlace> place = find_root_place(path_);
  if (!place && belongs_to(path_, account.uid)) return Void{};
  if (!place)
    return Unexpected{"state file \"" + path_ + "\": not given to user \"" + account.name + "\" (" + place.error() +
                      ")"};
  const OwnedFd fd(::openat(place->directory.get(), place->name.c_str(),
                            O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (fd.get() < 0) return Void{};  // save() will say it
  // A regular file of one name: a link in a directory that others may write to is no way to another file.
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink != 1) return Void{};
  (void)!::fchmod(fd.get(), 0600);
  // A new one says by itself that there is nothing in it: an empty file is one that lost what it said.
  if (info.st_size == 0) (void)!write_all(fd.get(), overrides_to_json({}));
  if (info.st_uid != account.uid) (void)!::fchown(fd.get(), account.uid, account.gid);
  return Void{};
}

}  // namespace weir::runtime
