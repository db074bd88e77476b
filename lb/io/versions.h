// The versions of the libraries that weir is linked with.
#pragma once
#include <string>

namespace weir::io {

std::string library_versions();  // "libuv 1.44.2, OpenSSL 3.0.17 ..., c-ares 1.18.1"

}  // namespace weir::io
