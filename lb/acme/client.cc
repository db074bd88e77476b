#include "acme/client.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "acme/jws.h"

namespace weir::acme {
namespace {

using Json = nlohmann::json;

constexpr const char* kNonce = "replay-nonce";

Failure::Kind kind_of(const std::string& type) {
  if (type == "rateLimited") return Failure::Kind::kLimited;
  if (type == "serverInternal" || type == "badNonce") return Failure::Kind::kUnreachable;
  for (const char* each : {"accountDoesNotExist", "externalAccountRequired", "userActionRequired", "invalidContact",
                           "unsupportedContact", "badPublicKey", "badSignatureAlgorithm"})
    if (type == each) return Failure::Kind::kAccount;
  return Failure::Kind::kRefused;
}

bool is_fine(const fetch::Answer& answer) {
  return answer.status >= 200 && answer.status < 300;
}

}  // namespace

Attempt<fetch::Answer> Client::ask(const fetch::Request& request) {
  auto answer = door_.ask(request);
  if (!answer) {
    if (!clock_.wait(0)) return Unexpected{Failure{Failure::Kind::kStopped, "stopped"}};
    return Unexpected{Failure{Failure::Kind::kUnreachable, request.url + ": " + answer.error()}};
  }
  // A nonce is good once: the newest counts, and only if it can be written as it is.
  const std::string_view nonce = answer->field(kNonce);
  nonce_ = is_token(nonce) ? nonce : std::string_view();
  return std::move(*answer);
}

Failure Client::failure_of(const fetch::Answer& answer, const std::string& url) const {
  const std::optional<Problem> problem = read_problem(answer.body);
  const std::string status = "status " + std::to_string(answer.status);
  Failure failure{Failure::Kind::kRefused, url + ": " + status};
  if (problem) {
    failure.type = problem->type;
    failure.text = problem->text + " (" + (problem->type.empty() ? status : problem->type) + ")";
    failure.kind = kind_of(problem->type);
  } else if (answer.status >= 500) {
    failure.kind = Failure::Kind::kUnreachable;
  } else if (answer.status < 400) {
    failure.kind = Failure::Kind::kNonsense;
  }
  if (answer.status == 429) failure.kind = Failure::Kind::kLimited;
  failure.retry_after = read_retry_after(answer.field("retry-after"), clock_.now()).value_or(0);
  return failure;
}

Attempt<std::string> Client::take_nonce() {
  if (!nonce_.empty()) return std::exchange(nonce_, {});
  const auto answer = ask({.method = "HEAD", .url = directory_.new_nonce});
  if (!answer) return Unexpected{answer.error()};
  if (!is_fine(*answer)) return Unexpected{failure_of(*answer, directory_.new_nonce)};
  if (nonce_.empty()) return Unexpected{Failure{Failure::Kind::kNonsense, directory_.new_nonce + ": no nonce"}};
  return std::exchange(nonce_, {});
}

Attempt<fetch::Answer> Client::send(const std::string& url, const std::string& payload, const std::string& accept) {
  for (int i = 1;; ++i) {
    auto nonce = take_nonce();
    if (!nonce) return Unexpected{nonce.error()};
    auto body = sign_jws(key_, {account_, *nonce, url}, payload);
    if (!body) return Unexpected{Failure{Failure::Kind::kLocal, body.error()}};
    auto answer = ask({.method = "POST",
                       .url = url,
                       .content_type = "application/jose+json",
                       .accept = accept,
                       .body = std::move(*body)});
    if (!answer || is_fine(*answer)) return answer;
    Failure failure = failure_of(*answer, url);
    // RFC 8555 6.5: the answer brings another nonce, the request is sent again.
    if (failure.type == "badNonce" && i < kMostNonces) continue;
    return Unexpected{std::move(failure)};
  }
}

Attempt<fetch::Answer> Client::post(const std::string& url, const std::string& payload, const std::string& accept) {
  auto answer = send(url, payload, accept);
  if (answer || answer.error().type != "accountDoesNotExist") return answer;
  const auto account = renew_account();
  if (!account) return Unexpected{account.error()};
  return send(url, payload, accept);
}

Attempt<std::string> Client::open(const std::string& known) {
  const auto answer = ask({.url = options_.directory});
  if (!answer) return Unexpected{answer.error()};
  if (!is_fine(*answer)) return Unexpected{failure_of(*answer, options_.directory)};
  auto directory = read_directory(answer->body);
  if (!directory) return Unexpected{Failure{Failure::Kind::kNonsense, options_.directory + ": " + directory.error()}};
  directory_ = std::move(*directory);
  account_ = known;
  return known.empty() ? renew_account() : Attempt<std::string>(known);
}

Attempt<std::string> Client::renew_account() {
  if (!directory_.terms.empty() && options_.terms == Terms::kRefused)
    return Unexpected{Failure{Failure::Kind::kAccount, "the CA wants its terms agreed to (" + directory_.terms +
                                                           "): \"acme_accept_terms on;\""}};
  if (directory_.external_account_required && options_.external_id.empty())
    return Unexpected{
        Failure{Failure::Kind::kAccount, "the CA wants an account of its own: \"acme_external_account\""}};
  Json payload = {{"termsOfServiceAgreed", options_.terms != Terms::kRefused}};
  if (!options_.contacts.empty()) payload["contact"] = options_.contacts;
  if (!options_.external_id.empty())
    payload["externalAccountBinding"] = Json::parse(bind_external(key_, options_, directory_.new_account));
  account_.clear();  // signed by the key itself
  const auto answer = send(directory_.new_account, payload.dump(-1, ' ', false, Json::error_handler_t::replace), {});
  if (!answer) {
    Failure failure = answer.error();
    if (failure.kind == Failure::Kind::kRefused) failure.kind = Failure::Kind::kAccount;
    return Unexpected{std::move(failure)};
  }
  account_ = answer->field("location");
  if (account_.empty())
    return Unexpected{Failure{Failure::Kind::kNonsense, directory_.new_account + ": an account without a URL"}};
  return account_;
}

}  // namespace weir::acme
