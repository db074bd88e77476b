#include "admin/status_page.h"

#include "base/base64.h"
#include "base/bytes.h"

namespace weir::admin {
namespace {

constexpr std::string_view kIcon =
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='6' "
    "rx='2' fill='%231a66d6'/%3E%3Crect y='8' width='16' height='4' fill='%231a66d6'/%3E%3Crect y='14' width='16' "
    "height='2' fill='%231a66d6'/%3E%3C/svg%3E";

std::string source_of(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(hex_value(hex[i]) * 16 + hex_value(hex[i + 1]));
  return "'sha256-" + base64_encode(bytes) + "'";
}

}  // namespace

const std::shared_ptr<const std::string>& status_page() {
  static const auto* const page = new std::shared_ptr<const std::string>([] {
    std::string text =
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>weir</title>\n"
        "<link rel=\"icon\" href=\"";
    text.append(kIcon).append("\">\n<style>").append(kStatusCss).append("</style>\n</head>\n<body>\n");
    text.append(kStatusHtml).append("<script>").append(kStatusJs).append("</script>\n</body>\n</html>\n");
    return std::make_shared<const std::string>(std::move(text));
  }());
  return *page;
}

std::string_view status_page_policy() {
  static const auto* const policy = new std::string(
      "default-src 'none'; script-src " + source_of(kStatusJsHash) + "; style-src " + source_of(kStatusCssHash) +
      "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  return *policy;
}

}  // namespace weir::admin
