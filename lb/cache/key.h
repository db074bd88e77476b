// A cached answer's name: 128 bits of its key, and of what the request says in the fields that the answer varies by.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cache {

using Digest = std::array<uint8_t, 16>;

// `vary` and `variant`: of vary_names() and variant_of(); empty: the answer is the same for all who have that key.
Digest digest_of(std::string_view key, std::string_view vary = {}, std::string_view variant = {});

std::string hex(const Digest& digest);
// Of a file's name; nullopt: it is no answer's.
std::optional<Digest> parse_hex(std::string_view text);

// "ROOT/c/29/b7f54b2df7773722d382f4809d65029c": with levels 1 and 2 of the name's last characters, as nginx's.
std::string path_of(std::string_view root, const std::vector<int>& levels, const Digest& digest);

}  // namespace weir::cache
