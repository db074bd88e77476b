// What stub_status answers.
#pragma once
#include <string>

namespace weir::runtime {
struct Runtime;
}  // namespace weir::runtime

namespace weir::admin {

// nginx's four lines (ngx_http_stub_status_module). Reading is the connections that are neither waiting nor have a
// request under way.
std::string stub_status(runtime::Runtime& runtime);

}  // namespace weir::admin
