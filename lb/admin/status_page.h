// The page of a location with `status`: one document without any outside resource, made of lb/admin/page by CMake.
#pragma once
#include <memory>
#include <string>
#include <string_view>

namespace weir::admin {

// Made once.
const std::shared_ptr<const std::string>& status_page();
// Its Content-Security-Policy: its own script and style, by their hashes, and questions to where it came from.
std::string_view status_page_policy();

// Its parts; hashes are SHA-256 in hex.
extern const std::string_view kStatusHtml, kStatusCss, kStatusJs, kStatusCssHash, kStatusJsHash;

}  // namespace weir::admin
