#include "http/conditional.h"

#include <optional>

#include "base/bytes.h"
#include "http/date.h"

namespace weir::http {
namespace {

enum class Listed : uint8_t { kAbsent, kYes, kNo };

bool is_named(const Field& field, HeaderToken token, std::string_view name) {
  return !field.dropped && field.token == token && (token != HeaderToken::kOther || iequals(field.name, name));
}

std::string_view opaque(std::string_view etag) {
  return etag.starts_with("W/") ? etag.substr(2) : etag;
}

// Whether a list of entity tags, which may hold commas, names this one.
bool names_etag(std::string_view list, std::string_view etag, bool weak) {
  while (true) {
    const size_t begin = list.find_first_not_of(" \t,");
    if (begin == std::string_view::npos) return false;
    list.remove_prefix(begin);
    if (list.starts_with('*')) return true;
    const bool is_weak = list.starts_with("W/");
    if (is_weak) list.remove_prefix(2);
    const size_t end = list.starts_with('"') ? list.find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) return false;  // nothing behind it can be told apart
    const std::string_view tag = list.substr(0, end + 1);
    list.remove_prefix(end + 1);
    if (etag.empty() || (!weak && (is_weak || etag.starts_with("W/")))) continue;
    if (tag == opaque(etag)) return true;
  }
}

Listed is_listed(const RequestHead& head, HeaderToken token, std::string_view name, std::string_view etag, bool weak) {
  Listed listed = Listed::kAbsent;
  for (const Field& field : head.fields) {
    if (!is_named(field, token, name)) continue;
    if (names_etag(field.value, etag, weak)) return Listed::kYes;
    listed = Listed::kNo;
  }
  return listed;
}

std::optional<int64_t> date_in(const RequestHead& head, HeaderToken token, std::string_view name) {
  for (const Field& field : head.fields)
    if (is_named(field, token, name)) return parse_date(field.value);
  return std::nullopt;
}

bool is_unmodified(const RequestHead& head, int64_t modified, ModifiedSince rule) {
  if (rule == ModifiedSince::kOff || modified < 0) return false;
  const auto since = date_in(head, HeaderToken::kIfModifiedSince, {});
  if (!since) return false;
  return rule == ModifiedSince::kExact ? *since == modified : modified <= *since;
}

}  // namespace

Precondition check_preconditions(const RequestHead& head, const Validators& validators, ModifiedSince rule) {
  const Listed match = is_listed(head, HeaderToken::kOther, "If-Match", validators.etag, false);
  if (match == Listed::kNo) return Precondition::kFailed;
  if (match == Listed::kAbsent) {
    const auto since = date_in(head, HeaderToken::kOther, "If-Unmodified-Since");
    if (since && (validators.modified < 0 || validators.modified > *since)) return Precondition::kFailed;
  }
  const Listed none_match = is_listed(head, HeaderToken::kIfNoneMatch, {}, validators.etag, true);
  if (none_match == Listed::kYes) return Precondition::kNotModified;
  if (none_match == Listed::kAbsent && is_unmodified(head, validators.modified, rule))
    return Precondition::kNotModified;
  return Precondition::kHolds;
}

bool if_range_holds(const RequestHead& head, const Validators& validators) {
  const Field* const field = head.fields.find("If-Range");
  if (field == nullptr) return true;
  const std::string_view value = trim_ows(field->value);
  if (value.ends_with('"')) return !value.starts_with("W/") && value == validators.etag;
  const auto date = parse_date(value);
  return date && *date == validators.modified;
}

}  // namespace weir::http
