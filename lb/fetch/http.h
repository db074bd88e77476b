// HTTP that weir itself asks of others, by calls that block: never on a loop. Behind an interface, so that what is done
// with the answers is tested without a network.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace weir::fetch {

struct Request {
  std::string method = "GET";  // GET, HEAD or POST
  std::string url = {};
  std::string content_type = {};  // of the body
  std::string accept = {};
  std::vector<std::pair<std::string, std::string>> fields = {};  // more of the head; no line ends in them
  std::string body = {};
};

struct Answer {
  int status = 0;
  std::map<std::string, std::string> fields;  // by lower-case name; of several the last
  std::string body;

  // Empty: there is none.
  std::string_view field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string_view() : std::string_view(found->second);
  }
};

class HttpDoor {
 public:
  virtual ~HttpDoor() = default;
  // Any status is an answer. The error is text for the operator: `Could not connect to server`.
  virtual Result<Answer> ask(const Request& request) = 0;
};

}  // namespace weir::fetch
