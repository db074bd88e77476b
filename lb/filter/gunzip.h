// gunzip: decodes answers of peers for clients that do not take gzip.
#pragma once
#include <memory>

#include "filter/compress.h"
#include "filter/filter.h"

namespace weir::filter {

// `clients`: who takes gzip, and whether an answer says that it varies (gzip_http_version, gzip_proxied, gzip_disable,
// gzip_vary).
std::shared_ptr<const Filter> make_gunzip(CompressOptions clients);

}  // namespace weir::filter
