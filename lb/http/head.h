// Message heads as values. All text is a view into the arena of the exchange that the head belongs to.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "http/header_token.h"

namespace weir::http {

enum class Version : uint8_t { kHttp10, kHttp11, kHttp2 };
std::string_view to_string(Version version);  // "HTTP/1.1"

enum class Method : uint8_t {
  kGet,
  kHead,
  kPost,
  kPut,
  kDelete,
  kOptions,
  kPatch,
  kTrace,
  kConnect,
  // WebDAV and friends, as nginx knows them
  kMkcol,
  kCopy,
  kMove,
  kPropfind,
  kProppatch,
  kLock,
  kUnlock,
  kPurge,
  kReport,
  kSearch,
  kMkcalendar,
  kAcl,
  kQuery,
  kOther,  // any other token
};
inline constexpr size_t kLongestMethod = 10;  // of those above, but for kOther
Method parse_method(std::string_view text);
// Whether it may be sent again once bytes went upstream (SEMANTICS 2.6): nginx's list, every method but POST, LOCK and
// PATCH; but a method that is not known here is not known to be idempotent either.
bool is_idempotent(Method method);

// How a message's end is found (RFC 9112 6.3).
enum class Framing : uint8_t {
  kNone,    // no body
  kLength,  // Content-Length
  kChunked,
  kClose,  // responses only: until the connection closes
};

struct Field {
  std::string_view name;  // as received: case is kept
  std::string_view value;
  HeaderToken token = HeaderToken::kOther;
  bool added = false;    // by weir, not received
  bool dropped = false;  // received, but not to be forwarded; $upstream_http_* still sees it
  bool clean = false;    // the value holds no control byte: received (the pre-scan saw to it), or weir's own words
};

// Most heads fit the inline part, so that a thousand requests under way stay within the caches. The first larger one
// makes room for kKept on the heap, which the list keeps; what one needs beyond that (max_headers, proxy_max_headers)
// is given back when the list is cleared.
class FieldList {
 public:
  static constexpr int kInline = 24;
  static constexpr int kKept = 144;
  static constexpr int kMost = 8192;           // whatever the limits say
  static constexpr int kMostReceived = 8'000;  // the rest is for what weir adds

  int size() const { return size_; }
  bool full() const { return size_ == kMost; }
  size_t heap_bytes() const {
    return large_ == nullptr ? 0 : static_cast<size_t>(std::max(room_, kKept)) * sizeof(Field);
  }
  void clear() {
    if (room_ > kKept) large_.reset();
    size_ = 0;
    room_ = kInline;
    fields_ = inline_.data();
  }
  Field* begin() { return fields_; }
  Field* end() { return fields_ + size_; }
  const Field* begin() const { return fields_; }
  const Field* end() const { return fields_ + size_; }
  // False when full.
  bool add(std::string_view name, std::string_view value, HeaderToken token, bool added = true) {
    if (size_ == room_ && !make_room(size_ + 1)) return false;
    Field& field = fields_[size_++];
    field.name = name;
    field.value = value;
    field.token = token;
    field.added = added;
    field.dropped = false;
    field.clean = !added;
    return true;
  }
  // A field of weir's own whose value is known to be clean: an address, a number, what was received elsewhere.
  bool add_clean(std::string_view name, std::string_view value, HeaderToken token) {
    if (!add(name, value, token)) return false;
    fields_[size_ - 1].clean = true;
    return true;
  }
  // The first field of that token that is not dropped.
  Field* find(HeaderToken token) {
    for (Field& f : *this)
      if (f.token == token && !f.dropped) return &f;
    return nullptr;
  }
  const Field* find(HeaderToken token) const { return const_cast<FieldList*>(this)->find(token); }
  // By name, case-insensitively; for names without a token.
  const Field* find(std::string_view name) const;
  void drop(HeaderToken token) {
    for (Field& f : *this)
      if (f.token == token) f.dropped = true;
  }
  void drop(std::string_view name);

  FieldList() { fields_ = inline_.data(); }
  FieldList(const FieldList& other) : FieldList() { *this = other; }
  FieldList& operator=(const FieldList& other);

 private:
  // False for more than kMost.
  bool make_room(int fields);

  int size_ = 0;
  int room_ = kInline;
  Field* fields_;
  std::unique_ptr<Field[]> large_;
  std::array<Field, kInline> inline_;
};

enum class TargetForm : uint8_t { kOrigin, kAbsolute, kAsterisk };

// A request that has passed the pre-scan, llhttp and the framing checks: whoever holds one may believe it.
struct RequestHead {
  Method method = Method::kOther;
  Version version = Version::kHttp11;
  TargetForm form = TargetForm::kOrigin;
  Framing framing = Framing::kNone;
  bool keep_alive = true;  // what the client asked for (version and Connection)
  bool expect_continue = false;
  bool websocket = false;      // HTTP/1.1 GET with Upgrade: websocket and Connection: upgrade
  int64_t content_length = 0;  // for kLength
  std::string_view method_text;
  std::string_view
      target;  // raw, origin form ("/a?b", "*"): what is forwarded. An absolute-form target is cut to its path.
  std::string_view request_line;  // raw, without CRLF: $request
  std::string_view path;          // target up to '?', raw
  std::string_view query;         // after '?', raw, may be empty
  bool has_query = false;
  std::string_view host_field;  // Host as the client wrote it, or the authority of an absolute-form target; $http_host
  std::string_view
      host;  // lower-cased, without port and trailing dot: routing, $host. Empty for HTTP/1.0 without Host.
  size_t head_bytes = 0;  // on the wire: $request_length counts them
  FieldList fields;

  void clear() {
    fields.clear();
    method = Method::kOther;
    version = Version::kHttp11;
    form = TargetForm::kOrigin;
    framing = Framing::kNone;
    keep_alive = true;
    expect_continue = websocket = has_query = false;
    content_length = 0;
    method_text = target = request_line = path = query = host_field = host = {};
    head_bytes = 0;
  }
};

struct ResponseHead {
  int status = 0;
  Version version = Version::kHttp11;
  Framing framing = Framing::kNone;  // already decided with the request's method and the status (HEAD, 204, 304: kNone)
  bool keep_alive = true;
  bool upgraded = false;        // 101 with a matching Upgrade and Connection
  int64_t content_length = -1;  // as declared, -1 when absent; set for HEAD and 304 too
  int keep_alive_timeout = -1;  // seconds, of `Keep-Alive: timeout=N`; -1 when absent
  std::string_view reason;
  size_t head_bytes = 0;
  FieldList fields;

  void clear() {
    fields.clear();
    status = 0;
    version = Version::kHttp11;
    framing = Framing::kNone;
    keep_alive = true;
    upgraded = false;
    content_length = -1;
    keep_alive_timeout = -1;
    reason = {};
    head_bytes = 0;
  }
};

}  // namespace weir::http
