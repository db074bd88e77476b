// What an answer must be, and the canonical texts by which equal checks are known.
#include "upstream/check.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/regex.h"

namespace weir::upstream {
namespace {

using Outcome = Regex::Outcome;

constexpr size_t kMostQuoted = 64;

// For the operator; what a peer sent is cut, and the log escapes it.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  out += text.substr(0, kMostQuoted);
  out += text.size() > kMostQuoted ? "...\"" : "\"";
  return out;
}

// Any text, unambiguous when others follow.
void put(std::string& out, std::string_view text) {
  out += std::to_string(text.size());
  out += ':';
  out += text;
  out += ' ';
}

void put(std::string& out, Millis value) {
  out += std::to_string(value.count());
  out += ' ';
}

// Neither "matches" nor "matches not" is fulfilled.
std::string undecided(const std::string& subject, std::string_view pattern) {
  return subject + " takes too many steps to match " + quoted(pattern);
}

std::string mismatch_of(const Match::Header& want, const http::ResponseHead& head) {
  using Op = Match::Header::Op;
  // Of a field that came more than once any may be the one that is wanted, none the one that is not.
  const http::Field* seen = nullptr;
  bool hit = false;
  for (const http::Field& field : head.fields) {
    if (!iequals(field.name, want.name)) continue;
    if (seen == nullptr) seen = &field;
    switch (want.op) {
      case Op::kPresent:
      case Op::kAbsent: hit = true; break;
      case Op::kEquals:
      case Op::kDiffers: hit |= field.value == want.value; break;
      case Op::kMatches:
      case Op::kMatchesNot: {
        const Outcome outcome = want.regex->run(field.value, nullptr);
        if (outcome == Outcome::kFailed) return undecided("header " + want.name, want.value);
        hit |= outcome == Outcome::kYes;
        break;
      }
    }
  }
  const std::string name = "header " + want.name;
  switch (want.op) {
    case Op::kAbsent: return hit ? name + " is present" : "";
    case Op::kDiffers: return hit ? name + " is " + quoted(want.value) : "";
    case Op::kMatchesNot: return hit ? name + " matches " + quoted(want.value) : "";
    default: break;
  }
  if (hit) return "";
  if (seen == nullptr) return name + " is missing";
  if (want.op == Op::kEquals) return name + " is " + quoted(seen->value) + ", not " + quoted(want.value);
  return name + " does not match " + quoted(want.value);
}

}  // namespace

std::string Match::mismatch_head(const http::ResponseHead& head) const {
  if (!statuses.empty()) {
    const bool listed = std::any_of(statuses.begin(), statuses.end(), [&head](const StatusRange& range) {
      return range.least <= head.status && head.status <= range.most;
    });
    if (listed == status_negated) return "status " + std::to_string(head.status);
  }
  for (const Header& header : headers)
    if (std::string why = mismatch_of(header, head); !why.empty()) return why;
  return "";
}

std::string Match::mismatch_body(std::string_view body) const {
  for (const Body& want : bodies) {
    const bool exact = want.regex == nullptr;
    const Outcome outcome =
        exact ? (body == want.pattern ? Outcome::kYes : Outcome::kNo) : want.regex->run(body, nullptr);
    if (outcome == Outcome::kFailed) return undecided("body", want.pattern);
    const bool hit = outcome == Outcome::kYes;
    if (hit != want.negated) continue;
    if (exact) return (want.negated ? "body is " : "body is not ") + quoted(want.pattern);
    return (want.negated ? "body matches " : "body does not match ") + quoted(want.pattern);
  }
  return "";
}

std::string Match::text() const {
  std::string out;
  if (!statuses.empty()) {
    out += status_negated ? "status !" : "status";
    for (const StatusRange& range : statuses) {
      out += ' ' + std::to_string(range.least);
      if (range.most != range.least) out += '-' + std::to_string(range.most);
    }
    out += "; ";
  }
  for (const Header& header : headers) {
    constexpr std::string_view kOps[] = {"present", "absent", "=", "!=", "~", "!~"};
    out += "header ";
    put(out, lowered(header.name));
    out += kOps[static_cast<size_t>(header.op)];
    out += ' ';
    put(out, header.value);
    out += "; ";
  }
  for (const Body& body : bodies) {
    out += body.negated ? "body !" : "body ";
    out += body.regex != nullptr ? "~ " : "= ";
    put(out, body.pattern);
    out += "; ";
  }
  return out;
}

std::string CheckOptions::question() const {
  std::string out;
  if (type == CheckType::kTcp) {
    out = "tcp ";
  } else {
    out = "http ";
    put(out, method);
    put(out, uri);
    put(out, host);
    put(out, match != nullptr ? match->text() : "");
    put(out, keepalive_time);
  }
  if (tls != nullptr) {
    out += "tls ";
    put(out, tls_name);
    put(out, tls->settings());
  }
  if (announce != http::ProxyProtocol::kOff) out += announce == http::ProxyProtocol::kV1 ? "proxy " : "proxy v2 ";
  return out += std::to_string(port);
}

std::string CheckOptions::fingerprint() const {
  std::string out = question() + " every ";
  if (tls != nullptr) put(out, tls->terms());
  put(out, health.interval);
  put(out, health.timeout);
  put(out, health.fastinter);
  put(out, health.downinter);
  out += std::to_string(health.jitter) + ' ' + std::to_string(health.fails) + ' ' + std::to_string(health.passes);
  return out;
}

std::string CheckOptions::label() const {
  std::string out = type == CheckType::kTcp ? "tcp" : (tls != nullptr ? "https " : "http ") + method + ' ' + uri;
  if (port != 0) out += " port " + std::to_string(port);
  return out;
}

}  // namespace weir::upstream
