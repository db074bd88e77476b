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

CertificateWatch::CertificateWatch(io::Loop& loop, CurrentModel model, std::function<void()> renewed_to_peers)
    : loop_(loop), model_(std::move(model)), renewed_to_peers_(std::move(renewed_to_peers)) {}

void CertificateWatch::start() {
  look(static_cast<int64_t>(std::time(nullptr)));
  loop_.arm(next_, loop_.now() + kInterval);
}

void CertificateWatch::on_deadline(Deadline&) {
  start();
}

void CertificateWatch::look(int64_t now) {
  const std::shared_ptr<const config::Model> model = model_();
  if (model == nullptr) return;
  std::erase_if(watched_, [](const auto& each) { return each.second.context.expired(); });
  for (const config::ServerModel& server : model->servers)
    if (server.tls_context != nullptr) look_at(server.tls_context);
  bool renewed = false;
  for (const auto& context : model->tls_to_peers) renewed = look_at(context) || renewed;
  for (const io::CertificateFacts& facts : certificates_of(*model)) note_expiry(facts, now);
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

// Whether its files are there and others than at the last look.
template <class Context>
bool CertificateWatch::is_changed(const std::shared_ptr<Context>& context) {
  Watched& watched = watched_[context.get()];
  Stamp stamp = stamp_of(context->files());
  if (stamp == watched.stamp) return false;
  const bool fresh = watched.context.expired();
  watched.context = context;
  watched.stamp = std::move(stamp);
  // What was read just before the first look may be older than what is there now: it is read again if it is that young.
  if (fresh && !context->is_older_than_files()) return false;
  return std::find(watched.stamp.begin(), watched.stamp.end(), kMissing) == watched.stamp.end();
}

// `otherwise`: what goes on when it is not.
template <class Context>
bool CertificateWatch::renew(Context& context, const char* otherwise) {
  io::TlsReport report;
  config::DiskFiles files;
  const bool renewed = context.renew([&files](const std::string& path) { return files.read(path); }, report);
  for (const io::TlsFault& fault : report.errors)
    log::error("certificate: not renewed (", fault.text, "), ", otherwise);
  if (renewed)
    for (const io::TlsFault& fault : report.warnings) log::warn("certificate: ", fault.text);
  return renewed;
}

void CertificateWatch::look_at(const std::shared_ptr<io::TlsContext>& context) {
  if (!is_changed(context)) return;
  const std::vector<io::CertificateFacts> before = context->certificates();
  if (renew(*context, context->ready() ? "the old one serves" : "none serves"))
    note_renewed(before, context->certificates());
}

// True when another one is in force.
bool CertificateWatch::look_at(const std::shared_ptr<io::TlsPeerContext>& context) {
  if (!is_changed(context)) return false;
  const auto before = io::TlsPeerContext::in_force(context);
  if (!renew(*context, "the old one is shown to peers, and the old CAs are trusted")) return false;
  const auto now = io::TlsPeerContext::in_force(context);
  if (now->terms() == before->terms()) return false;  // written anew, and the same
  note_renewed(before->certificates(), now->certificates());
  log::notice("certificates for peers: read again (", listed(context->files()), ")");
  return true;
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
