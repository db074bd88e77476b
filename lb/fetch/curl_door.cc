#include "fetch/curl_door.h"

#include <curl/curl.h>

#include <mutex>
#include <utility>

#include "base/bytes.h"

namespace weir::fetch {
namespace {

struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

// What comes in, while a question is under way.
struct Incoming {
  Answer answer;
  size_t most_bytes = 0;
  bool too_long = false;
  bool head_is_enough = false;
  bool has_body = false;
};

size_t on_body(char* bytes, size_t, size_t count, void* arg) {
  auto& incoming = *static_cast<Incoming*>(arg);
  incoming.has_body = true;
  if (incoming.head_is_enough) return 0;
  if (incoming.answer.body.size() + count > incoming.most_bytes) {
    incoming.too_long = true;
    return 0;
  }
  incoming.answer.body.append(bytes, count);
  return count;
}

size_t on_field(char* bytes, size_t, size_t count, void* arg) {
  constexpr size_t kMostFields = 200;
  auto& incoming = *static_cast<Incoming*>(arg);
  std::string_view line(bytes, count);
  if (line.starts_with("HTTP/")) incoming.answer.fields.clear();  // those before were of a 1xx
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos && incoming.answer.fields.size() < kMostFields)
    incoming.answer.fields[lowered(line.substr(0, colon))] = trim_ows(line.substr(colon + 1));
  return count;
}

int on_progress(void* arg, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& is_stopped = *static_cast<const std::function<bool()>*>(arg);
  return is_stopped && is_stopped() ? 1 : 0;
}

class CurlDoor final : public HttpDoor {
 public:
  explicit CurlDoor(CurlOptions options) : options_(std::move(options)) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    easy_.reset(curl_easy_init());
  }

  Result<Answer> ask(const Request& request) override {
    if (easy_ == nullptr) return Unexpected{std::string("libcurl: out of memory")};
    CURL* easy = easy_.get();
    curl_easy_reset(easy);  // connections are kept
    Incoming incoming;
    incoming.most_bytes = options_.most_bytes;
    incoming.head_is_enough = options_.head_is_enough;
    char why[CURL_ERROR_SIZE] = {};
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "weir/" WEIR_VERSION);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &incoming);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_field);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &incoming);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &options_.is_stopped);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // who is stopped does not wait for the resolver
    if (!options_.trusted_certificate.empty())
      curl_easy_setopt(easy, CURLOPT_CAINFO, options_.trusted_certificate.c_str());
    std::unique_ptr<curl_slist, ListFree> route;
    if (!options_.only_address.empty()) {
      route.reset(curl_slist_append(nullptr, ("::" + options_.only_address).c_str()));
      curl_easy_setopt(easy, CURLOPT_CONNECT_TO, route.get());
      curl_easy_setopt(easy, CURLOPT_PROXY, "");
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    std::unique_ptr<curl_slist, ListFree> fields;
    const auto add = [&fields](const std::string& line) {
      curl_slist* longer = curl_slist_append(fields.get(), line.c_str());
      if (longer == nullptr) return;
      (void)fields.release();
      fields.reset(longer);
    };
    if (!request.accept.empty()) add("Accept: " + request.accept);
    for (const auto& [name, value] : request.fields) {
      std::string line = name;
      value.empty() ? line.append(";") : line.append(": ").append(value);
      add(line);
    }
    if (request.method == "HEAD") {
      curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (request.method == "POST") {
      add("Content-Type: " + request.content_type);
      add("Expect:");
      curl_easy_setopt(easy, CURLOPT_POST, 1L);
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    }
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields.get());
    const CURLcode code = curl_easy_perform(easy);
    // Pointers into this call do not outlive it.
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_reset(easy);
    if (incoming.too_long)
      return Unexpected{"an answer of more than " + std::to_string(options_.most_bytes) + " bytes"};
    const bool has_enough = code == CURLE_WRITE_ERROR && incoming.head_is_enough && incoming.has_body;
    if (code != CURLE_OK && !has_enough)
      return Unexpected{std::string(why[0] != '\0' ? why : curl_easy_strerror(code))};
    incoming.answer.status = static_cast<int>(status);
    return std::move(incoming.answer);
  }

 private:
  const CurlOptions options_;
  std::unique_ptr<CURL, EasyFree> easy_;
};

}  // namespace

std::unique_ptr<HttpDoor> make_curl_door(CurlOptions options) {
  return std::make_unique<CurlDoor>(std::move(options));
}

}  // namespace weir::fetch
