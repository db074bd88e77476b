// Names of methods and versions, and look-ups in a field list.
#include "http/head.h"

#include <algorithm>

#include "base/bytes.h"

namespace weir::http {

std::string_view to_string(Version version) {
  switch (version) {
    case Version::kHttp10: return "HTTP/1.0";
    case Version::kHttp11: return "HTTP/1.1";
    case Version::kHttp2: return "HTTP/2.0";
  }
  return "HTTP/1.1";
}

Method parse_method(std::string_view text) {
  // Methods are case-sensitive (RFC 9110 9.1).
  switch (text.size()) {
    case 3:
      if (text == "GET") return Method::kGet;
      if (text == "PUT") return Method::kPut;
      if (text == "ACL") return Method::kAcl;
      break;
    case 4:
      if (text == "POST") return Method::kPost;
      if (text == "HEAD") return Method::kHead;
      if (text == "COPY") return Method::kCopy;
      if (text == "MOVE") return Method::kMove;
      if (text == "LOCK") return Method::kLock;
      break;
    case 5:
      if (text == "PATCH") return Method::kPatch;
      if (text == "TRACE") return Method::kTrace;
      if (text == "MKCOL") return Method::kMkcol;
      if (text == "PURGE") return Method::kPurge;
      if (text == "QUERY") return Method::kQuery;
      break;
    case 6:
      if (text == "DELETE") return Method::kDelete;
      if (text == "UNLOCK") return Method::kUnlock;
      if (text == "REPORT") return Method::kReport;
      if (text == "SEARCH") return Method::kSearch;
      break;
    case 7:
      if (text == "OPTIONS") return Method::kOptions;
      if (text == "CONNECT") return Method::kConnect;
      break;
    case 8:
      if (text == "PROPFIND") return Method::kPropfind;
      break;
    case 9:
      if (text == "PROPPATCH") return Method::kProppatch;
      break;
    case 10:
      if (text == "MKCALENDAR") return Method::kMkcalendar;
      break;
    default: break;
  }
  return Method::kOther;
}

bool is_idempotent(Method method) {
  return method != Method::kPost && method != Method::kLock && method != Method::kPatch && method != Method::kOther;
}

FieldList& FieldList::operator=(const FieldList& other) {
  if (this == &other) return *this;
  clear();
  if (other.size_ > kInline) make_room(other.size_);
  std::copy_n(other.fields_, other.size_, fields_);
  size_ = other.size_;
  return *this;
}

bool FieldList::make_room(int fields) {
  if (fields > kMost) return false;
  int room = room_ == kInline ? kKept : 2 * room_;
  while (room < fields) room *= 2;
  room = std::min(room, kMost);
  const bool reuses = room == kKept && large_ != nullptr;
  std::unique_ptr<Field[]> larger = reuses ? std::move(large_) : std::make_unique<Field[]>(static_cast<size_t>(room));
  std::copy_n(fields_, size_, larger.get());
  large_ = std::move(larger);
  fields_ = large_.get();
  room_ = room;
  return true;
}

const Field* FieldList::find(std::string_view name) const {
  for (const Field& f : *this)
    if (!f.dropped && iequals(f.name, name)) return &f;
  return nullptr;
}

void FieldList::drop(std::string_view name) {
  for (Field& f : *this)
    if (iequals(f.name, name)) f.dropped = true;
}

}  // namespace weir::http
