// Request targets and hosts: what is accepted is clean, and reading it again changes nothing.
// uses: base http
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/host.h"
#include "http/target.h"

namespace {

using namespace weir;
using namespace weir::http;

void must(bool fact) {
  if (!fact) std::abort();
}

void check_target(std::string_view raw, Method method) {
  Arena arena;
  RequestHead head;
  head.method = method;
  if (parse_target(raw, arena, head)) return;
  for (const char c : head.target) must(c > 0x20 && c < 0x7f && c != '#');
  must(head.path.find('\\') == std::string_view::npos && head.path.find('?') == std::string_view::npos);
  must(head.target.find("%00") == std::string_view::npos);
  must(head.has_query ? head.target == std::string(head.path) + "?" + std::string(head.query)
                      : head.target == head.path);
  must(head.form == TargetForm::kAsterisk ? head.target == "*" && method == Method::kOptions
                                          : head.target.front() == '/');
  RequestHead again;
  again.method = method;
  must(!parse_target(head.target, arena, again));
  must(again.target == head.target && again.path == head.path && again.query == head.query);
}

void check_host(std::string_view raw) {
  Arena arena;
  const auto host = routing_host(raw, arena);
  if (!host) return;
  must(!host->empty() && host->size() <= raw.size() && host->back() != '.');
  const auto again = routing_host(*host, arena);
  must(again && *again == *host);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  check_target(raw, Method::kGet);
  check_target(raw, Method::kOptions);
  check_host(raw);
  return 0;
}
