// Splits the field lines of a head that the pre-scan has found clean. This is all that llhttp is used for, and the only
// place it is used. The first line is start_line.h's: llhttp knows a fixed list of methods, HTTP any token.
#pragma once
#include <optional>
#include <string_view>

#include "http/codec.h"
#include "http/prescan.h"

namespace weir::http {

// `lines` is what follows the first line of one complete head, the empty line included; the fields become views of it.
// nullopt is success.
[[nodiscard]] std::optional<Reject> tokenize_fields(Prescan::Kind kind, std::string_view lines, FieldList& fields);

// Whether the llhttp in this binary was built strict (CVE-2023-30589 and kin are refused by itself).
bool is_llhttp_strict();

}  // namespace weir::http
