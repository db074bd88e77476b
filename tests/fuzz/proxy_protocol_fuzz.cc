// PROXY headers: no part of a header may be read differently from the whole, and what is announced must read the same
// when it is written again.
// uses: base http
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/proxy_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir::http;
  using State = ProxyHeaderRead::State;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ProxyHeader header;
  const ProxyHeaderRead whole = read_proxy_header(bytes, header);
  if (whole.state == State::kInvalid && whole.why.empty()) std::abort();
  if (whole.state == State::kMore && size >= kMostProxyV2 + 16) std::abort();
  if (whole.state != State::kDone) return 0;
  if (whole.size > size) std::abort();
  for (size_t n = 0; n < whole.size; n += n < 200 || n + 200 > whole.size ? 1 : 97) {
    ProxyHeader part;
    if (read_proxy_header(bytes.substr(0, n), part).state != State::kMore) std::abort();
  }
  if (!whole.announces) return 0;
  weir::Arena arena;
  for (const char* name : {"alpn", "ssl", "ssl_verify", "ssl_cn", "0x00", "0xff", "ssl_0x21"})
    if (const auto value = header.tlv(*proxy_tlv(name), arena); value && value->size() > kMostProxyV2) std::abort();
  for (const auto version : {ProxyProtocol::kV1, ProxyProtocol::kV2}) {
    const std::string_view text = proxy_header(version, header.source, header.destination, arena);
    ProxyHeader again;
    const ProxyHeaderRead read = read_proxy_header(text, again);
    if (read.state != State::kDone || !read.announces || read.size != text.size()) std::abort();
    if (!(again.source == header.source) || !(again.destination == header.destination)) std::abort();
  }
  return 0;
}
