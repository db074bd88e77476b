// What a directory holds, as nginx's autoindex writes it: for people, or for programs.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::http {

struct ListedFile {
  enum class Kind : uint8_t { kFile, kDirectory, kOther };
  std::string name;
  Kind kind = Kind::kFile;
  int64_t size = 0;
  int64_t modified = 0;  // seconds
};

enum class ListingFormat : uint8_t { kHtml, kJson, kXml };

struct ListingStyle {
  ListingFormat format = ListingFormat::kHtml;
  bool exact_size = true;  // in bytes, else rounded to K, M and G; for HTML
  int utc_offset = 0;      // minutes: of the times in HTML
};

std::string_view content_type(ListingFormat format);

// Directories first, each by name. `path` is that of the request, decoded.
std::string write_listing(std::string_view path, std::vector<ListedFile> files, const ListingStyle& style);

}  // namespace weir::http
