#include "runtime/stapling.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/start_thread.h"
#include "fetch/curl_door.h"
#include "io/tls_context.h"

namespace weir::runtime {
namespace {

constexpr size_t kMostAnswer = 64 * 1024;

int64_t wall_seconds() {
  return wall_us() / 1'000'000;
}

}  // namespace

void StapleFetcher::look(const OcspSubjects& subjects, int64_t now) {
  std::set<std::string> listed;
  for (const auto& subject : subjects) {
    std::string key = subject->certificate() + subject->responder();
    if (!listed.insert(key).second) continue;
    Due& due = due_[std::move(key)];
    if (due.at <= now) ask(*subject, due, now);
  }
  std::erase_if(due_, [&listed](const auto& each) { return listed.count(each.first) == 0; });
  book_.prune(now);
}

void StapleFetcher::ask(const io::OcspSubject& subject, Due& due, int64_t now) {
  const auto answer = door_.ask({.method = "POST",
                                 .url = subject.responder(),
                                 .content_type = "application/ocsp-request",
                                 .accept = "application/ocsp-response",
                                 .body = subject.question()});
  std::string why;
  if (!answer) {
    why = answer.error();
  } else if (answer->status != 200) {
    why = "status " + std::to_string(answer->status);
  } else if (auto staple = subject.judge(answer->body, now); !staple) {
    why = staple.error();
  } else {
    if (std::exchange(due.failures, 0) > 0) log::notice("certificate ", subject.where(), ": OCSP answer fetched again");
    due.at = std::clamp(staple->until - kBefore, now + kBefore, now + kRefresh);
    book_.put(subject.certificate(), std::move(*staple));
    return;
  }
  int64_t wait = kFirstRetry;
  for (int i = 0; i < due.failures && wait < kLastRetry; ++i) wait *= 2;
  due.at = now + std::min(wait, kLastRetry);
  if (due.failures++ == 0)
    log::warn("certificate ", subject.where(), ": no OCSP answer from ", subject.responder(), " (", why,
              "), it is asked for again in a while");
}

Stapling::Stapling(std::shared_ptr<io::StapleBook> book) : book_(std::move(book)) {}

void Stapling::want(const config::Model& model) {
  std::vector<std::weak_ptr<const io::TlsContext>> contexts;
  for (const config::ServerModel& server : model.servers)
    if (server.tls_context != nullptr && server.tls_context->options().stapling) contexts.push_back(server.tls_context);
  const std::lock_guard lock(mutex_);
  if (stopped_ || (contexts.empty() && !thread_.joinable())) return;
  contexts_ = std::move(contexts);
  changed_.notify_all();
  if (thread_.joinable()) return;
  Result<std::thread> thread = start_thread([this] { run(); });
  if (thread)
    thread_ = std::move(*thread);
  else
    log::error("stapling: no answers are fetched until the next reload (", thread.error(), ")");
}

void Stapling::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

bool Stapling::is_stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

void Stapling::run() {
  const std::unique_ptr<fetch::HttpDoor> door = fetch::make_curl_door(
      {.connect_timeout = Millis(5'000), .timeout = Millis(15'000), .most_bytes = kMostAnswer, .is_stopped = [this] {
         return is_stopped();
       }});
  StapleFetcher fetcher(*door, *book_);
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    OcspSubjects subjects;
    for (const auto& each : contexts_)
      if (const auto context = each.lock())
        for (auto& subject : context->ocsp_subjects()) subjects.push_back(std::move(subject));
    lock.unlock();
    fetcher.look(subjects, wall_seconds());
    lock.lock();
    changed_.wait_for(lock, std::chrono::milliseconds(kTick), [this] { return stopped_; });
  }
}

}  // namespace weir::runtime
