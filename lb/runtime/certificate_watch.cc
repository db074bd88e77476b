#include "runtime/certificate_watch.h"

#include <sys/stat.h>

#include <ctime>
#include <set>
#include <utility>

#include "base/log.h"
#include "config/files.h"

namespace weir::runtime {
namespace {

constexpr int kWarnDays[] = {30, 7, 1, 0};
constexpr int64_t kDay = 86'400;

std::vector<int64_t> stamp_of(const io::TlsContext& context) {
  std::vector<int64_t> stamp;
  for (const std::string& file : context.files()) {
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) {  // for a moment, while it is replaced: the old content holds
      stamp.insert(stamp.end(), 4, -1);
      continue;
    }
    stamp.insert(stamp.end(),
                 {static_cast<int64_t>(found.st_ino), found.st_size, found.st_mtim.tv_sec, found.st_mtim.tv_nsec});
  }
  return stamp;
}

std::string days(int64_t seconds) {
  const int64_t n = seconds / kDay;
  return std::to_string(n) + (n == 1 ? " day" : " days");
}

}  // namespace

std::vector<io::CertificateFacts> certificates_of(const config::Model& model) {
  std::vector<io::CertificateFacts> all;
  std::set<std::string> seen;
  for (const config::ServerModel& server : model.servers) {
    if (server.tls_context == nullptr) continue;
    for (io::CertificateFacts& facts : server.tls_context->certificates())
      if (seen.insert(facts.where + " " + facts.serial).second) all.push_back(std::move(facts));
  }
  return all;
}

CertificateWatch::CertificateWatch(io::Loop& loop, CurrentModel model) : loop_(loop), model_(std::move(model)) {}

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
  for (const io::CertificateFacts& facts : certificates_of(*model)) note_expiry(facts, now);
}

void CertificateWatch::look_at(const std::shared_ptr<io::TlsContext>& context) {
  Watched& watched = watched_[context.get()];
  Stamp stamp = stamp_of(*context);
  if (stamp == watched.stamp) return;
  const bool fresh = watched.context.expired();
  watched.context = context;
  watched.stamp = std::move(stamp);
  // What was read just before the first look may be older than what is there now: it is read again if it is that young.
  if (fresh && !context->is_older_than_files()) return;
  for (const int64_t part : watched.stamp)
    if (part == -1) return;
  std::set<std::string> before;
  for (const io::CertificateFacts& facts : context->certificates()) before.insert(facts.serial);
  io::TlsReport report;
  config::DiskFiles files;
  const bool renewed = context->renew([&files](const std::string& path) { return files.read(path); }, report);
  for (const io::TlsFault& fault : report.errors)
    log::error("certificate: not renewed (", fault.text, context->ready() ? "), the old one serves" : "), none serves");
  if (!renewed) return;
  for (const io::TlsFault& fault : report.warnings) log::warn("certificate: ", fault.text);
  for (const io::CertificateFacts& facts : context->certificates())
    if (before.count(facts.serial) == 0)
      log::notice("certificate ", facts.where, ": renewed (serial ", facts.serial, ", ",
                  days(facts.not_after - static_cast<int64_t>(std::time(nullptr))), " left)");
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
    log::warn("certificate ", facts.where, ": expires in ", days(left), " (serial ", facts.serial, ")");
}

}  // namespace weir::runtime
