// gzip_types, brotli_types, sub_filter_types: the Content-Types whose bodies a filter works on.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace weir::filter {

struct ContentTypes {
  bool all = false;                                // "*": whatever it is, and none at all
  std::vector<std::string> names = {"text/html"};  // in any case; always with text/html, as in nginx
  // Of a Content-Type's value: parameters do not count. An answer without one has an empty one.
  bool has(std::string_view content_type) const;
};

}  // namespace weir::filter
