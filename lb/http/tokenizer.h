// Splits a head that the pre-scan has found clean into fields. This is all that llhttp is used for, and the only place
// it is used.
#pragma once
#include <initializer_list>
#include <optional>
#include <string_view>

#include "http/codec.h"
#include "http/prescan.h"

namespace weir::http {

// `pieces` together are one complete head; the fields must lie whole in one piece, and become views of it. nullopt is
// success.
[[nodiscard]] std::optional<Reject> tokenize_head(Prescan::Kind kind, std::initializer_list<std::string_view> pieces,
                                                  FieldList& fields);

// Whether the llhttp in this binary was built strict (CVE-2023-30589 and kin are refused by itself).
bool is_llhttp_strict();

}  // namespace weir::http
