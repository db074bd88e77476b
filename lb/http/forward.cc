// Hop-by-hop fields.
#include "http/forward.h"

#include "base/bytes.h"
#include "http/framing.h"

namespace weir::http {
namespace {

bool starts_with(std::string_view name, std::string_view prefix) {
  return iequals(name.substr(0, prefix.size()), prefix);
}

bool may_connection_drop(const Field& field) {
  if (field.added || field.token != HeaderToken::kOther) return false;
  for (const std::string_view prefix : {"content-", "x-forwarded-", "sec-", "x-accel-"})
    if (starts_with(field.name, prefix)) return false;
  return !iequals(field.name, "via");
}

}  // namespace

void drop_hop_by_hop(FieldList& fields) {
  int options = 0;
  for (const Field& connection : fields) {
    if (connection.token != HeaderToken::kConnection) continue;
    for_each_list_element(connection.value, [&](std::string_view option) {
      if (++options > kMostConnectionOptions || header_token(option) != HeaderToken::kOther) return;
      for (Field& field : fields)
        if (!field.dropped && iequals(field.name, option) && may_connection_drop(field)) field.dropped = true;
    });
  }
  for (Field& field : fields)
    if (!field.added && is_hop_by_hop(field.token)) field.dropped = true;
}

}  // namespace weir::http
