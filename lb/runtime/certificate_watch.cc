#include "runtime/certificate_watch.h"

#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <set>
#include <utility>

#include "base/log.h"
#include "config/files.h"

namespace weir::runtime {
namespace {

constexpr int kWarnDays[] = {30, 7, 1, 0};
constexpr int64_t kDay = 86'400;
constexpr int64_t kMissing = -1;  // in a stamp

std::string days(int64_t seconds) {
  const int64_t n = seconds / kDay;
  return std::to_string(n) + (n == 1 ? " day" : " days");
}

std::string listed(const std::vector<std::string>& files) {
  std::string text;
  for (const std::string& each : files) text += (text.empty() ? "" : ", ") + each;
  return text;
}

void note_renewed(const std::vector<io::CertificateFacts>& before, const std::vector<io::CertificateFacts>& now) {
  std::set<std::string> known;
  for (const io::CertificateFacts& facts : before) known.insert(facts.serial);
  for (const io::CertificateFacts& facts : now)
    if (known.count(facts.serial) == 0)
      log::notice("certificate ", facts.where, ": renewed (serial ", facts.serial, ", ",
                  days(facts.not_after - static_cast<int64_t>(std::time(nullptr))), " left)");
}

}  // namespace

std::vector<io::CertificateFacts> certificates_of(const config::Model& model) {
  std::vector<io::CertificateFacts> all;
  std::set<std::string> seen;
  const auto add = [&](std::vector<io::CertificateFacts> some) {
    for (io::CertificateFacts& facts : some)
      if (seen.insert(facts.where + " " + facts.serial).second) all.push_back(std::move(facts));
  };
  for (const config::ServerModel& server : model.servers)
    if (server.tls_context != nullptr) add(server.tls_context->certificates());
  for (const auto& context : model.tls_to_peers) add(io::TlsPeerContext::in_force(context)->certificates());
  return all;
}

std::string expiry_of(const io::CertificateFacts& facts, int64_t now) {
  const int64_t left = facts.not_after - now;
  if (left <= 0 || left > kWarnDays[0] * kDay) return {};
  return "expires in " + days(left) + " (serial " + facts.serial + ")";
}

// One context: what was known of it, and what came of the look.
template <class Context>
struct CertificateWatch::Seen {
  std::shared_ptr<Context> context;
  Stamp stamp;
  bool is_new = false;  // no stamp was known
  bool is_changed = false;
  bool renewed = false;
  io::TlsReport report = {};
};

// Owns all that it uses: it may be left behind.
struct CertificateWatch::Look {
  io::TlsContext::ReadFile read;
  std::vector<Seen<io::TlsContext>> own;
  std::vector<std::vector<io::CertificateFacts>> own_before;
  std::vector<Seen<io::TlsPeerContext>> to_peers;
  std::vector<std::shared_ptr<const io::TlsPeerContext>> to_peers_before;

  void run() {
    for (auto& each : own) renew_if_changed(each);
    for (auto& each : to_peers) renew_if_changed(each);
  }

 private:
  // Where its files are there and others than at the last look.
  template <class Context>
  void renew_if_changed(Seen<Context>& seen) const {
    Stamp stamp = stamp_of(seen.context->files());
    if (stamp == seen.stamp) return;
    seen.stamp = std::move(stamp);
    seen.is_changed = true;
    // What was read just before the first look may be older than what is there now: it is read again if it is that
    // young.
    if (seen.is_new && !seen.context->is_older_than_files()) return;
    if (std::find(seen.stamp.begin(), seen.stamp.end(), kMissing) != seen.stamp.end()) return;
    seen.renewed = seen.context->renew(read, seen.report);
  }
};

namespace {

// `otherwise`: what goes on when it is not.
void note_report(bool renewed, const io::TlsReport& report, const char* otherwise) {
  for (const io::TlsFault& fault : report.errors)
    log::error("certificate: not renewed (", fault.text, "), ", otherwise);
  if (renewed)
    for (const io::TlsFault& fault : report.warnings) log::warn("certificate: ", fault.text);
}

}  // namespace

CertificateWatch::CertificateWatch(io::Loop& loop, CurrentModel model, std::function<void()> renewed_to_peers,
                                   io::TlsContext::ReadFile read, Millis patience)
    : loop_(loop),
      model_(std::move(model)),
      renewed_to_peers_(std::move(renewed_to_peers)),
      read_(read ? std::move(read) : io::TlsContext::ReadFile(config::DiskFiles::read_regular)),
      disk_(loop, patience) {}

void CertificateWatch::start() {
  stopped_ = false;
  look(static_cast<int64_t>(std::time(nullptr)));
  loop_.arm(next_, loop_.now() + kInterval);
}

void CertificateWatch::stop() {
  stopped_ = true;
  next_.cancel();
}

void CertificateWatch::on_deadline(Deadline&) {
  start();
}

void CertificateWatch::look(int64_t now) {
  const std::shared_ptr<const config::Model> model = model_();
  if (model == nullptr) return;
  if (is_looking()) {
    if (loop_.now() - began_at_ >= kSlow) note_held_up("their disk does not answer");
    return note_expiries(now);
  }
  std::erase_if(watched_, [](const auto& each) { return each.second.context.expired(); });
  auto look = std::make_shared<Look>();
  look->read = read_;
  for (const config::ServerModel& server : model->servers) {
    const auto is_this = [&](const auto& each) { return each.context == server.tls_context; };
    if (server.tls_context == nullptr || std::any_of(look->own.begin(), look->own.end(), is_this)) continue;
    look->own.push_back(to_see(server.tls_context));
    look->own_before.push_back(server.tls_context->certificates());
  }
  for (const auto& context : model->tls_to_peers) {
    look->to_peers.push_back(to_see(context));
    look->to_peers_before.push_back(io::TlsPeerContext::in_force(context));
  }
  began_at_ = loop_.now();
  if (disk_.run([look] { look->run(); }, [this, look, now] { looked(*look, now); })) return;
  note_held_up("no thread");
  note_expiries(now);
}

void CertificateWatch::looked(Look& look, int64_t now) {
  if (stopped_) return;
  if (std::exchange(held_up_, false)) log::notice("certificates: files looked at again");
  for (size_t i = 0; i < look.own.size(); ++i) {
    Seen<io::TlsContext>& seen = look.own[i];
    keep_stamp(seen);
    note_report(seen.renewed, seen.report, seen.context->ready() ? "the old one serves" : "none serves");
    if (seen.renewed) note_renewed(look.own_before[i], seen.context->certificates());
  }
  bool renewed = std::exchange(peers_wait_, false);
  for (size_t i = 0; i < look.to_peers.size(); ++i) {
    Seen<io::TlsPeerContext>& seen = look.to_peers[i];
    keep_stamp(seen);
    note_report(seen.renewed, seen.report, "the old one is shown to peers, and the old CAs are trusted");
    if (!seen.renewed) continue;
    const auto in_force = io::TlsPeerContext::in_force(seen.context);
    if (in_force->terms() == look.to_peers_before[i]->terms()) continue;  // written anew, and the same
    note_renewed(look.to_peers_before[i]->certificates(), in_force->certificates());
    log::notice("certificates for peers: read again (", listed(seen.context->files()), ")");
    renewed = true;
  }
  note_expiries(now);
  if (renewed) renewed_to_peers_();
}

CertificateWatch::Stamp CertificateWatch::stamp_of(const std::vector<std::string>& files) {
  Stamp stamp;
  for (const std::string& file : files) {
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) {  // for a moment, while it is replaced: the old content holds
      stamp.insert(stamp.end(), 4, kMissing);
      continue;
    }
    stamp.insert(stamp.end(),
                 {static_cast<int64_t>(found.st_ino), found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec});
  }
  return stamp;
}

template <class Context>
CertificateWatch::Seen<Context> CertificateWatch::to_see(const std::shared_ptr<Context>& context) const {
  const auto known = watched_.find(context.get());
  return {.context = context,
          .stamp = known != watched_.end() ? known->second.stamp : Stamp(),
          .is_new = known == watched_.end()};
}

template <class Context>
void CertificateWatch::keep_stamp(Seen<Context>& seen) {
  if (seen.is_changed) watched_[seen.context.get()] = {seen.context, std::move(seen.stamp)};
}

// Once, until a look has been done again.
void CertificateWatch::note_held_up(const char* why) {
  if (!std::exchange(held_up_, true)) log::warn("certificates: files not looked at (", why, ")");
}

void CertificateWatch::note_expiries(int64_t now) {
  if (const auto model = model_(); model != nullptr)
    for (const io::CertificateFacts& facts : certificates_of(*model)) note_expiry(facts, now);
}

void CertificateWatch::note_expiry(const io::CertificateFacts& facts, int64_t now) {
  const int64_t left = facts.not_after - now;
  int due = -1;  // of kWarnDays, the least that is reached
  for (const int each : kWarnDays)
    if (left <= each * kDay) due = each;
  if (due < 0) return;
  const auto [noted, first] = noted_.emplace(facts.where + " " + facts.serial, due);
  const int before = first ? INT32_MAX : std::exchange(noted->second, due);
  if (due >= before) return;
  if (left <= 0)
    log::error("certificate ", facts.where, ": expired (serial ", facts.serial, ")");
  else
    log::warn("certificate ", facts.where, ": ", expiry_of(facts, now));
}

}  // namespace weir::runtime
