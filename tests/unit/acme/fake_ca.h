// A CA in memory: no signatures are looked at (the tests of jws.h and tests/integration do that), but the whole way of
// an order is there, and every step can go wrong. Time is a number.
#pragma once
#include <gtest/gtest.h>

#include <ctime>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "acme/encoding.h"
#include "acme/keeper.h"
#include "unit/tls_certificates.h"

namespace weir::acme::test {

using Json = nlohmann::json;

class FakeClock final : public Clock {
 public:
  int64_t now() override { return now_ms / 1000; }
  bool wait(int64_t milliseconds) override {
    now_ms += milliseconds;
    waited.push_back(milliseconds);
    if (on_wait) on_wait();
    return !stopped;
  }
  int64_t now_ms = static_cast<int64_t>(std::time(nullptr)) * 1000;
  bool stopped = false;
  std::vector<int64_t> waited;
  std::function<void()> on_wait;
};

class FakeCa {
 public:
  explicit FakeCa(FakeClock& of) : clock(of) {}

  // What is answered instead, and how often: by the beginning of the path.
  struct Trouble {
    int times = 0;
    int status = 400;
    std::string type;         // of a problem; empty: there is none
    std::string retry_after;  // a field
    bool unreachable = false;
  };
  std::map<std::string, Trouble> trouble;
  std::string authorization = "valid";  // what becomes of one that was answered
  std::string finalized = "valid";      // and of an order
  std::string standing_of_orders = "";  // instead of what they are, when they are looked at
  int64_t lifetime = 90 * 86'400;
  bool wrong_key = false;
  std::vector<std::string> wrong_names;
  std::vector<std::string> asked;  // paths
  int orders = 0;
  std::string kid;  // of the last request
  FakeClock& clock;

  Result<fetch::Answer> answer(const fetch::Request& request) {
    const std::string path = request.url.substr(std::string("https://ca").size());
    asked.push_back(path);
    for (auto& [prefix, each] : trouble) {
      if (!path.starts_with(prefix) || each.times == 0) continue;
      --each.times;
      if (each.unreachable) return Unexpected{std::string("Could not connect to server")};
      fetch::Answer out{each.status, {{"replay-nonce", nonce()}}, ""};
      if (!each.retry_after.empty()) out.fields["retry-after"] = each.retry_after;
      if (!each.type.empty())
        out.body = Json{{"type", "urn:ietf:params:acme:error:" + each.type}, {"detail", "the fake CA says no"}}.dump();
      return out;
    }
    Json payload;
    if (request.method == "POST") payload = open(request.body);
    fetch::Answer out{200, {{"replay-nonce", nonce()}}, ""};
    out.body = body(path, payload, out).dump();
    if (path.starts_with("/certificate")) out.body = certificate;
    return out;
  }

 private:
  std::string nonce() { return "nonce" + std::to_string(++nonces_); }

  Json open(const std::string& jws) {
    const Json outer = Json::parse(jws);
    const Json head = Json::parse(*decode_base64url(outer["protected"].get<std::string>()));
    kid = head.value("kid", "");
    const std::string payload = *decode_base64url(outer["payload"].get<std::string>());
    return payload.empty() ? Json() : Json::parse(payload);
  }

  Json order_json(const std::string& number) {
    const std::string status = standing_of_orders.empty() ? status_[number] : standing_of_orders;
    Json json = {{"status", status},
                 {"authorizations", {"https://ca/authorization/" + number}},
                 {"finalize", "https://ca/finalize/" + number}};
    if (status == "valid") json["certificate"] = "https://ca/certificate/" + number;
    return json;
  }

  Json body(const std::string& path, const Json& payload, fetch::Answer& out) {
    const std::string number = path.substr(path.rfind('/') + 1);
    if (path == "/directory")
      return {{"newNonce", "https://ca/nonce"}, {"newAccount", "https://ca/account"}, {"newOrder", "https://ca/order"}};
    if (path == "/account") {
      out.fields["location"] = "https://ca/account/" + std::to_string(++accounts_);
      return {{"status", "valid"}};
    }
    if (path == "/order") {
      const std::string made = std::to_string(++orders);
      name_ = payload["identifiers"][0]["value"];
      status_[made] = "pending";
      out.fields["location"] = "https://ca/order/" + made;
      return order_json(made);
    }
    if (path.starts_with("/order/")) return order_json(number);
    if (path.starts_with("/authorization/")) {
      const bool answered = answered_[number];
      const std::string status = answered ? authorization : "pending";
      if (status == "valid" && status_[number] == "pending") status_[number] = "ready";
      if (status == "invalid") status_[number] = "invalid";
      Json challenges = Json::array();
      for (const char* kind : {"http-01", "tls-alpn-01"})
        challenges.push_back({{"type", kind},
                              {"url", "https://ca/challenge/" + number},
                              {"token", std::string("token-of-") + number},
                              {"status", answered ? "processing" : "pending"}});
      return {{"status", status}, {"identifier", {{"value", name_}}}, {"challenges", challenges}};
    }
    if (path.starts_with("/challenge/")) {
      answered_[number] = true;
      return {{"status", "processing"}};
    }
    if (path.starts_with("/finalize/")) {
      status_[number] = finalized;
      sign(payload["csr"]);
      return order_json(number);
    }
    return Json::object();
  }

  // The certificate of the request's key.
  void sign(const std::string& csr) {
    const std::string der = *decode_base64url(csr);
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    X509_REQ* request = d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size()));
    ASSERT_NE(request, nullptr);
    EVP_PKEY* key = X509_REQ_get_pubkey(request);
    EXPECT_EQ(X509_REQ_verify(request, key), 1);
    const auto authority = weir::test::make_certificate({.names = {"CA"}, .authority = true});
    auto made = weir::test::make_certificate(
        {.names = wrong_names.empty() ? std::vector<std::string>{name_} : wrong_names, .issuer = &authority});
    if (!wrong_key) X509_set_pubkey(made.certificate.get(), key);
    ASN1_TIME_set(X509_getm_notBefore(made.certificate.get()), clock.now());
    ASN1_TIME_set(X509_getm_notAfter(made.certificate.get()), clock.now() + lifetime);
    X509_sign(made.certificate.get(), authority.key.get(), EVP_sha256());
    certificate = made.pem() + authority.pem();
    EVP_PKEY_free(key);
    X509_REQ_free(request);
  }

  std::string certificate, name_;
  std::map<std::string, std::string> status_;
  std::map<std::string, bool> answered_;
  int nonces_ = 0, accounts_ = 0;
};

class FakeDoor final : public fetch::HttpDoor {
 public:
  explicit FakeDoor(FakeCa& ca) : ca_(ca) {}
  Result<fetch::Answer> ask(const fetch::Request& request) override { return ca_.answer(request); }

 private:
  FakeCa& ca_;
};

}  // namespace weir::acme::test
