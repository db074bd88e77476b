// Message framing, Connection, Upgrade, Expect and Host of a tokenized head.
#include "http/framing.h"

#include "base/bytes.h"
#include "http/host.h"

namespace weir::http {
namespace {

struct Connection {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
  bool names_framing = false;  // Content-Length, Transfer-Encoding or Host
  int options = 0;
};

void read_connection(std::string_view list, Connection& connection) {
  for_each_list_element(list, [&connection](std::string_view option) {
    ++connection.options;
    if (iequals(option, "close")) connection.close = true;
    if (iequals(option, "keep-alive")) connection.keep_alive = true;
    switch (header_token(option)) {
      case HeaderToken::kUpgrade: connection.upgrade = true; break;
      case HeaderToken::kContentLength:
      case HeaderToken::kTransferEncoding:
      case HeaderToken::kHost: connection.names_framing = true; break;
      default: break;
    }
  });
}

// What both directions look at; of fields that may come once only, the last value and the count.
struct Facts {
  Connection connection;
  int hosts = 0;
  int lengths = 0;
  bool lengths_differ = false;
  int codings = 0;
  int upgrades = 0;
  int expects = 0;
  std::string_view host;
  std::string_view length;
  std::string_view coding;
  std::string_view upgrade;
  std::string_view expect;
  std::string_view keep_alive;
  std::string_view websocket_version;
  std::string_view websocket_key;
};

Facts gather(const FieldList& fields) {
  Facts facts;
  for (const Field& field : fields) {
    switch (field.token) {
      case HeaderToken::kHost: ++facts.hosts, facts.host = field.value; break;
      case HeaderToken::kContentLength:
        facts.lengths_differ |= facts.lengths > 0 && facts.length != field.value;
        ++facts.lengths, facts.length = field.value;
        break;
      case HeaderToken::kTransferEncoding: ++facts.codings, facts.coding = field.value; break;
      case HeaderToken::kUpgrade: ++facts.upgrades, facts.upgrade = field.value; break;
      case HeaderToken::kExpect: ++facts.expects, facts.expect = field.value; break;
      case HeaderToken::kKeepAlive: facts.keep_alive = field.value; break;
      case HeaderToken::kSecWebSocketVersion: facts.websocket_version = field.value; break;
      case HeaderToken::kSecWebSocketKey: facts.websocket_key = field.value; break;
      case HeaderToken::kConnection: read_connection(field.value, facts.connection); break;
      default: break;
    }
  }
  return facts;
}

bool keeps_alive(Version version, const Connection& connection) {
  return !connection.close && (version == Version::kHttp11 || connection.keep_alive);
}

// `protocols`: a list; the wish of a request and the choice of a response is one of them.
bool upgrades_to(const Facts& facts, std::string_view protocols) {
  if (!facts.connection.upgrade || facts.upgrades != 1) return false;
  bool found = false;
  for_each_list_element(protocols, [&](std::string_view protocol) { found |= iequals(facts.upgrade, protocol); });
  return found;
}

bool is_token(std::string_view text) {
  for (const char c : text)
    if (!is_tchar(c)) return false;
  return !text.empty();
}

std::optional<Reject> check_host(const Facts& facts, RequestHead& head, Arena& arena) {
  if (facts.hosts > 1) return Reject{400, "more than one Host"};
  if (facts.hosts == 0 && head.version == Version::kHttp11) return Reject{400, "no Host"};
  if (facts.hosts == 1) {
    const auto host = routing_host(facts.host, arena);
    if (!host) return Reject{400, "invalid Host"};
    head.host = *host;
  }
  if (head.host_field.data() == nullptr) {
    head.host_field = facts.host;
    return std::nullopt;
  }
  // RFC 9112 3.2.2: the authority of an absolute form wins over Host.
  const auto host = routing_host(head.host_field, arena);
  if (!host) return Reject{400, "invalid authority in the request target"};
  head.host = *host;
  return std::nullopt;
}

std::optional<Reject> check_request_framing(const Facts& facts, RequestHead& head) {
  if (facts.codings > 0) {
    if (facts.lengths > 0) return Reject{400, "both Content-Length and Transfer-Encoding"};
    if (head.version != Version::kHttp11) return Reject{400, "Transfer-Encoding in HTTP/1.0"};
    if (facts.codings > 1) return Reject{400, "more than one Transfer-Encoding"};
    if (!iequals(facts.coding, "chunked")) {
      if (is_token(facts.coding)) return Reject{501, "unknown transfer coding"};
      return Reject{400, "Transfer-Encoding is not exactly chunked"};
    }
    head.framing = Framing::kChunked;
  } else if (facts.lengths > 0) {
    if (facts.lengths > 1) return Reject{400, "more than one Content-Length"};
    const auto length = parse_decimal(facts.length);
    if (!length) return Reject{400, "invalid Content-Length"};
    head.framing = Framing::kLength;
    head.content_length = *length;
  }
  return std::nullopt;
}

// `Keep-Alive: timeout=5, max=100`; -1 without a timeout.
int keep_alive_timeout(std::string_view value) {
  int timeout = -1;
  for_each_list_element(value, [&timeout](std::string_view parameter) {
    constexpr std::string_view kName = "timeout=";
    if (!iequals(parameter.substr(0, kName.size()), kName)) return;
    const auto seconds = parse_decimal(parameter.substr(kName.size()));
    if (seconds) timeout = static_cast<int>(*seconds < INT32_MAX ? *seconds : INT32_MAX);
  });
  return timeout;
}

}  // namespace

std::optional<Reject> check_request(RequestHead& head, Arena& arena) {
  const Facts facts = gather(head.fields);
  if (auto refused = check_request_framing(facts, head)) return refused;
  if (facts.connection.names_framing) return Reject{400, "Connection names Content-Length, Transfer-Encoding or Host"};
  if (facts.connection.options > kMostConnectionOptions) return Reject{400, "too many Connection options"};
  if (auto refused = check_host(facts, head, arena)) return refused;
  if (facts.expects > 0) {
    if (facts.expects > 1 || !iequals(facts.expect, "100-continue")) return Reject{417, "unknown Expect"};
    // RFC 9110 10.1.1: ignored in HTTP/1.0, pointless without a body.
    const bool has_body =
        head.framing == Framing::kChunked || (head.framing == Framing::kLength && head.content_length > 0);
    head.expect_continue = has_body && head.version == Version::kHttp11;
  }
  head.keep_alive = keeps_alive(head.version, facts.connection);
  head.websocket = head.method == Method::kGet && head.version == Version::kHttp11 && head.framing == Framing::kNone &&
                   upgrades_to(facts, kWebsocket) && facts.websocket_version == "13" && !facts.websocket_key.empty();
  return std::nullopt;
}

std::string_view check_response(ResponseHead& head, Method method, std::string_view upgrade) {
  const Facts facts = gather(head.fields);
  if (facts.connection.options > kMostConnectionOptions) return "too many Connection options";
  if (facts.codings > 0) {
    if (facts.lengths > 0) return "both Content-Length and Transfer-Encoding";
    if (head.version != Version::kHttp11) return "Transfer-Encoding in HTTP/1.0";
    if (facts.codings > 1) return "more than one Transfer-Encoding";
    if (!iequals(facts.coding, "chunked")) return "Transfer-Encoding is not exactly chunked";
  }
  // RFC 9112 6.3: the same length twice is one length.
  if (facts.lengths_differ) return "different Content-Lengths";
  if (facts.lengths > 0) {
    const auto length = parse_decimal(facts.length);
    if (!length) return "invalid Content-Length";
    head.content_length = *length;
  }
  head.keep_alive = keeps_alive(head.version, facts.connection);
  head.keep_alive_timeout = keep_alive_timeout(facts.keep_alive);
  if (head.status == 101) {
    if (upgrade.empty()) return "101 that was not asked for";
    if (head.version != Version::kHttp11 || !upgrades_to(facts, upgrade)) return "101 without a matching Upgrade";
    head.upgraded = true;
    return {};
  }
  if (head.status < 200 || head.status == 204 || head.status == 304 || method == Method::kHead) return {};
  if (facts.codings > 0) {
    head.framing = Framing::kChunked;
  } else if (facts.lengths > 0) {
    head.framing = Framing::kLength;
  } else {
    head.framing = Framing::kClose;
    head.keep_alive = false;
  }
  return {};
}

}  // namespace weir::http
