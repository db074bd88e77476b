// Extensions of paths.
#include "http/mime_types.h"

#include <cstring>

#include "base/bytes.h"

namespace weir::http {

void MimeTypes::add(std::string_view extension, std::string type) {
  by_extension_.insert_or_assign(lowered(extension), std::move(type));
}

std::string_view MimeTypes::find(std::string_view path) const {
  const void* const dot = path.empty() ? nullptr : memrchr(path.data(), '.', path.size());
  if (dot == nullptr) return {};
  const std::string_view extension = path.substr(static_cast<size_t>(static_cast<const char*>(dot) - path.data()) + 1);
  if (extension.find('/') != std::string_view::npos) return {};
  const auto it = by_extension_.find(lowered(extension));
  return it == by_extension_.end() ? std::string_view() : std::string_view(it->second);
}

const MimeTypes& MimeTypes::defaults() {
  static const MimeTypes* const built_in = [] {
    auto* made = new MimeTypes;
    made->add("html", "text/html");
    made->add("gif", "image/gif");
    made->add("jpg", "image/jpeg");
    return made;
  }();
  return *built_in;
}

}  // namespace weir::http
