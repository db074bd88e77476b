// What -V prints of libuv, OpenSSL and c-ares.
#include "io/versions.h"

#include <ares.h>
#include <openssl/crypto.h>
#include <uv.h>

namespace weir::io {

std::string library_versions() {
  return std::string("libuv ") + uv_version_string() + ", " + OpenSSL_version(OPENSSL_VERSION) + ", c-ares " +
         ares_version(nullptr);
}

}  // namespace weir::io
