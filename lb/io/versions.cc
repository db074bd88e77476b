// What -V prints of the libraries.
#include "io/versions.h"

#include <ares.h>
#include <uv.h>

#include "base/hash.h"

namespace weir::io {

std::string library_versions() {
  return std::string("libuv ") + uv_version_string() + ", " + crypto_version() + ", c-ares " + ares_version(nullptr);
}

}  // namespace weir::io
