// Which files a location serves, and how. Immutable; config/ fills it, file_content.h and the phases read it.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/conditional.h"
#include "http/directory_listing.h"
#include "io/file.h"
#include "route/template.h"

namespace weir::proxy {

// try_files NAME ... LAST.
struct TryFiles {
  struct Name {
    route::Template text;
    bool is_directory = false;  // written with a "/" at its end, which `text` has not
  };
  std::vector<Name> names;
  int status = 0;        // "=404"; 0: `last`
  route::Template last;  // "@name" or a path with arguments
  std::string written;   // of the last word
};

enum class UseGzip : uint8_t { kOff, kOn /* for clients that take it */, kAlways };

struct FileOptions {
  // root, or alias: what stands in the place of the first `replaced` bytes of the path. Nullopt: no files are served.
  std::optional<route::Template> root;
  enum class Alias : uint8_t { kNone, kPrefix, kRegex /* it is the whole path of the file */ };
  Alias alias = Alias::kNone;
  size_t replaced = 0;
  std::string base;  // with a "/": where relative paths begin that variables make; the configuration's directory

  std::shared_ptr<const std::vector<route::Template>> index;  // null: index.html
  std::shared_ptr<const TryFiles> tries;                      // null: none

  bool etag = true;
  http::ModifiedSince modified_since = http::ModifiedSince::kExact;
  int64_t max_ranges = INT64_MAX;  // 0: none are answered
  UseGzip gzip = UseGzip::kOff;    // FILE.gz is sent as FILE
  bool log_not_found = true;
  bool sendfile = true;  // the kernel sends what it has in its cache, where nothing else is to be done with it
  int64_t most_in_a_turn = 2 * 1024 * 1024;  // bytes, about; 0: no bound
  // disable_symlinks
  io::Links links = io::Links::kFollow;
  route::Template trusted;  // the part of the path that is not looked at

  bool autoindex = false;
  http::ListingFormat listing = http::ListingFormat::kHtml;
  bool exact_size = true;
  bool local_time = false;
};

}  // namespace weir::proxy
