// Content types by the extension of a path: nginx's `types`.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/hash.h"

namespace weir::http {

class MimeTypes {
 public:
  // Extensions know no case; a later type of one replaces the earlier.
  void add(std::string_view extension, std::string type);
  // Of "/a/robots.txt" what "txt" has; empty when there is none. The view is of this table.
  std::string_view find(std::string_view path) const;
  // What nginx takes where no `types` is written: html, gif and jpg.
  static const MimeTypes& defaults();

 private:
  std::unordered_map<std::string, std::string, StringHash, std::equal_to<>> by_extension_;
};

}  // namespace weir::http
