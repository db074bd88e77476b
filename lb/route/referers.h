// valid_referers: whether a request comes from pages that may lead here (nginx's ngx_http_referer_module).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/regex.h"
#include "base/result.h"
#include "route/host_table.h"

namespace weir::route {

// As written: "none", "blocked", "server_names", a host with wildcards and the beginning of a path, "~REGEX".
struct RefererOptions {
  std::vector<std::string> words;
  bool none = false;          // requests without a Referer are valid
  bool blocked = false;       // those whose Referer is no address
  bool server_names = false;  // those from the server's own names
};

class Referers {
 public:
  // `own`: the server's names.
  static Result<Referers> make(const RefererOptions& options, const std::vector<std::string>& own);
  // Whether there is a host or a regex at all: without one every request is valid.
  bool empty() const { return hosts_.empty() && regexes_.empty(); }
  bool is_valid(std::optional<std::string_view> referer) const;

 private:
  Status<> add(const std::string& word);

  bool none_ = false, blocked_ = false;
  HostTable hosts_;
  std::vector<std::string> paths_;  // by the index in hosts_; empty: any
  std::vector<Regex> regexes_;      // of all behind the scheme
};

}  // namespace weir::route
