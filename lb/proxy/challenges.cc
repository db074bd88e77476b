#include "proxy/challenges.h"

#include <utility>

#include "base/bytes.h"
#include "proxy/content.h"
#include "proxy/exchange.h"

namespace weir::proxy {
namespace {

constexpr std::string_view kChallengePath = "/.well-known/acme-challenge/";  // RFC 8555 8.3

class ChallengeHandler final : public ContentHandler {
 public:
  explicit ChallengeHandler(std::shared_ptr<const Challenges> challenges) : challenges_(std::move(challenges)) {}
  void begin(Exchange& exchange) const override {
    const std::string text = challenges_->find_http(exchange.uri());
    text.empty() ? exchange.answer(404) : exchange.answer_text("application/octet-stream", text);
  }

 private:
  const std::shared_ptr<const Challenges> challenges_;
};

}  // namespace

void Challenges::set(Texts texts, Contexts contexts) {
  const std::lock_guard lock(mutex_);
  texts_ = std::move(texts);
  contexts_ = std::move(contexts);
  any_.store(!texts_.empty() || !contexts_.empty(), std::memory_order_release);
}

std::string Challenges::find_http(std::string_view path) const {
  if (!path.starts_with(kChallengePath)) return {};
  const std::lock_guard lock(mutex_);
  const auto found = texts_.find(path.substr(kChallengePath.size()));
  return found == texts_.end() ? std::string() : found->second;
}

std::shared_ptr<const io::TlsContext> Challenges::find_tls(std::string_view name) const {
  if (!any_.load(std::memory_order_acquire)) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = contexts_.find(lowered(name));
  return found == contexts_.end() ? nullptr : found->second;
}

std::shared_ptr<const ContentHandler> make_challenge_content(std::shared_ptr<const Challenges> challenges) {
  return std::make_shared<ChallengeHandler>(std::move(challenges));
}

}  // namespace weir::proxy
