// The door to the network, by libcurl. The proxy of the environment (https_proxy) is used, redirects are not followed.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "fetch/http.h"

namespace weir::fetch {

struct CurlOptions {
  std::string trusted_certificate = {};  // a file of CAs; empty: the system's
  Millis connect_timeout{10'000};
  Millis timeout{30'000};           // of a whole question
  size_t most_bytes = 1024 * 1024;  // of an answer's body
  // Whoever the URL names, this address is asked, "127.0.0.1:443", without a proxy and whatever certificate it shows.
  std::string only_address = {};
  bool head_is_enough = false;            // an answer's body is not waited for
  std::function<bool()> is_stopped = {};  // asked about once a second: true ends the question
};

// One thread at a time.
std::unique_ptr<HttpDoor> make_curl_door(CurlOptions options);

}  // namespace weir::fetch
