#include "cache/freshness.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "http/date.h"

namespace weir::cache {
namespace {

using http::HeaderToken;

constexpr size_t kMostVary = 512;          // names of more bytes than that: not kept
constexpr int64_t kMostSeconds = 1 << 30;  // RFC 9111 1.2.2: what is too large is very long

std::string_view unquoted(std::string_view text) {
  if (text.size() < 2 || !text.starts_with('"') || !text.ends_with('"')) return text;
  return text.substr(1, text.size() - 2);
}

// Nullopt: it is no number of seconds.
std::optional<int64_t> delta_seconds(std::string_view text) {
  text = unquoted(text);
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  return std::min(parse_decimal(text).value_or(kMostSeconds), kMostSeconds);
}

// Calls fn(name, value) for each directive; commas in quotes part nothing.
template <class Fn>
void for_each_directive(std::string_view list, Fn&& fn) {
  while (!list.empty()) {
    size_t end = 0;
    for (bool quoted = false; end < list.size() && (quoted || list[end] != ','); ++end) {
      if (quoted && list[end] == '\\' && end + 1 < list.size())
        ++end;
      else if (list[end] == '"')
        quoted = !quoted;
    }
    const std::string_view directive = trim_ows(list.substr(0, end));
    const size_t equals = directive.find('=');
    if (!directive.empty())
      fn(trim_ows(directive.substr(0, equals)),
         equals == std::string_view::npos ? std::string_view() : trim_ows(directive.substr(equals + 1)));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
}

// What Cache-Control of an answer says to a shared cache.
struct Directives {
  bool forbids = false;  // no-store, no-cache, private
  bool is_public = false;
  bool must_revalidate = false;
  bool is_broken = false;  // a lifetime that is no number: the answer is stale (RFC 9111 4.2.1)
  std::optional<int64_t> max_age, shared_max_age, stale_while_revalidate, stale_if_error;
};

void take_seconds(std::optional<int64_t>& to, std::string_view value, bool& broken) {
  if (to) return;  // the first counts
  to = delta_seconds(value);
  broken = broken || !to;
}

Directives directives_of(const http::FieldList& fields) {
  Directives all;
  bool ignored = false;
  for (const http::Field& field : fields) {
    if (field.dropped || field.token != HeaderToken::kCacheControl) continue;
    for_each_directive(field.value, [&](std::string_view name, std::string_view value) {
      const auto is = [&](std::string_view known) { return iequals(name, known); };
      if (is("no-store") || is("no-cache") || is("private")) all.forbids = true;
      if (is("public")) all.is_public = true;
      if (is("must-revalidate") || is("proxy-revalidate")) all.must_revalidate = true;
      if (is("max-age")) take_seconds(all.max_age, value, all.is_broken);
      if (is("s-maxage")) take_seconds(all.shared_max_age, value, all.is_broken);
      if (is("stale-while-revalidate")) take_seconds(all.stale_while_revalidate, value, ignored);
      if (is("stale-if-error")) take_seconds(all.stale_if_error, value, ignored);
    });
  }
  return all;
}

bool says_no_store(const http::RequestHead& request) {
  bool says = false;
  for (const http::Field& field : request.fields)
    if (!field.dropped && field.token == HeaderToken::kCacheControl)
      for_each_directive(field.value,
                         [&](std::string_view name, std::string_view) { says = says || iequals(name, "no-store"); });
  return says;
}

// RFC 9111 4.2.3, when the answer comes.
int64_t age_of(const http::FieldList& fields, int64_t asked_at, int64_t answered_at) {
  const http::Field* const date = fields.find(HeaderToken::kDate);
  const auto dated = date == nullptr ? std::nullopt : http::parse_date(date->value);
  const int64_t apparent = dated ? std::max<int64_t>(0, answered_at - *dated) : 0;
  const http::Field* const age = fields.find("Age");
  const int64_t said = age == nullptr ? 0 : delta_seconds(trim_ows(age->value)).value_or(0);
  return std::max(apparent, said + std::max<int64_t>(0, answered_at - asked_at));
}

// How long, by what the operator has written.
int64_t configured(const std::vector<ValidRule>& rules, int status) {
  for (const ValidRule& rule : rules)
    if (rule.statuses.empty() || std::find(rule.statuses.begin(), rule.statuses.end(), status) != rule.statuses.end())
      return rule.seconds;
  return 0;
}

// X-Accel-Expires: seconds, "@" and a time, or what forbids to keep it. Nullopt: it says nothing that is understood.
std::optional<int64_t> accel_until(std::string_view text, int64_t now) {
  text = trim_ows(text);
  if (text == "off") return 0;
  const bool is_time = text.starts_with('@');
  const auto number = delta_seconds(is_time ? text.substr(1) : text);
  if (is_time) {
    const auto at = parse_decimal(text.substr(1));
    return at ? std::optional(*at) : std::nullopt;
  }
  if (!number) return std::nullopt;
  return *number == 0 ? 0 : now + *number;
}

bool is_final_and_whole(int status) {
  return status >= 200 && status != 206 && status != 304;
}

}  // namespace

Freshness judge(const http::RequestHead& request, const http::ResponseHead& response, const FreshnessRules& rules,
                int64_t asked_at, int64_t answered_at) {
  Freshness made;
  const http::FieldList& fields = response.fields;
  const IgnoredFields& ignored = rules.ignored;
  if (!is_final_and_whole(response.status) || says_no_store(request)) return made;
  if (!ignored.set_cookie && fields.find(HeaderToken::kSetCookie) != nullptr) return made;
  if (!ignored.vary) {
    const std::string names = vary_names(fields);
    if (names == "*" || names.size() > kMostVary) return made;
  }
  const Directives said = ignored.cache_control ? Directives{} : directives_of(fields);
  made.age = age_of(fields, asked_at, answered_at);
  made.must_revalidate = said.must_revalidate || said.shared_max_age.has_value();
  made.stale_while_updating = said.stale_while_revalidate.value_or(0);
  made.stale_if_error = said.stale_if_error.value_or(0);

  const http::Field* const accel = ignored.accel_expires ? nullptr : fields.find(HeaderToken::kXAccelExpires);
  const auto by_accel = accel == nullptr ? std::nullopt : accel_until(accel->value, answered_at);
  if (by_accel) {  // the peer's word to the cache in front of it goes before what it says to all
    made.until = *by_accel;
  } else {
    // RFC 9111 3.5.
    const bool allows = said.is_public || said.must_revalidate || said.shared_max_age;
    if (request.fields.find(HeaderToken::kAuthorization) != nullptr && !allows && !rules.key_has_credentials)
      return made;
    if (said.forbids || said.is_broken) return made;
    const auto lifetime = said.shared_max_age ? said.shared_max_age : said.max_age;
    const http::Field* const expires = ignored.expires ? nullptr : fields.find("Expires");
    if (lifetime) {
      made.until = answered_at - made.age + *lifetime;
    } else if (expires != nullptr) {
      made.until = http::parse_date(expires->value).value_or(0);  // no date is a time in the past
    } else if (const int64_t seconds = configured(rules.valid, response.status); seconds > 0) {
      made.until = answered_at + seconds;
    }
  }
  made.is_kept = made.until > answered_at;
  return made;
}

std::string vary_names(const http::FieldList& fields) {
  std::vector<std::string> names;
  for (const http::Field& field : fields)
    if (!field.dropped && field.token == HeaderToken::kVary)
      for_each_list_element(field.value, [&](std::string_view name) { names.push_back(lowered(name)); });
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::string out;
  for (const std::string& name : names) {
    if (name == "*") return "*";
    out += (out.empty() ? "" : ",") + name;
  }
  return out;
}

std::string variant_of(std::string_view names, const http::FieldList& fields) {
  std::string out;
  for_each_list_element(names, [&](std::string_view name) {
    out.append(name).append(1, ':');
    bool first = true;
    for (const http::Field& field : fields) {
      if (field.dropped || !iequals(field.name, name)) continue;
      // Blanks around the elements of a list say nothing (RFC 9111 4.1).
      for_each_list_element(field.value, [&](std::string_view element) {
        if (!std::exchange(first, false)) out += ',';
        out.append(element);
      });
      first = false;
    }
    if (first) out += '\1';  // it is absent, which is not empty
    out += '\n';
  });
  return out;
}

}  // namespace weir::cache
