// The chunk decoder against a second one that is written the obvious way, and against any cut of its input.
// uses: base http
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "http/chunked.h"
#include "http/h1_writer.h"

namespace {

using weir::http::ChunkedDecoder;

void must(bool fact) {
  if (!fact) std::abort();
}

struct Decoded {
  std::string body;
  size_t consumed = 0;
  bool ended = false;
  bool failed = false;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view input, size_t first, size_t piece, bool bare_lf = false) {
  ChunkedDecoder decoder;
  decoder.reset(bare_lf);
  Decoded out;
  size_t size = first;
  while (out.consumed < input.size() && !out.ended && !out.failed) {
    const auto got = decoder.next(input.substr(out.consumed, size));
    out.consumed += got.consumed;
    out.body += got.data;
    out.failed = got.step == ChunkedDecoder::Step::kError;
    out.ended = got.step == ChunkedDecoder::Step::kEnd;
    must(got.step != ChunkedDecoder::Step::kNeedMore || got.data.empty());
    size = piece;
  }
  return out;
}

// Line by line; nullopt when incomplete or refused. Only for inputs too small for the limits on overhead.
std::optional<std::string> reference(std::string_view input, size_t& consumed) {
  std::string body;
  size_t at = 0;
  const auto line = [&]() -> std::optional<std::string_view> {
    const size_t end = input.find("\r\n", at);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view text = input.substr(at, end - at);
    at = end + 2;
    for (const char c : text)
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return std::nullopt;
    return text;
  };
  const auto token = [](std::string_view text, size_t from) {
    while (from < text.size() && weir::is_tchar(text[from])) ++from;
    return from;
  };
  while (true) {
    const auto head = line();
    if (!head) return std::nullopt;
    size_t i = 0;
    uint64_t size = 0;
    for (; i < head->size() && weir::hex_value((*head)[i]) >= 0; ++i) {
      if (i == 16 || size >> 59 != 0) return std::nullopt;
      size = size * 16 + static_cast<uint64_t>(weir::hex_value((*head)[i]));
    }
    if (i == 0) return std::nullopt;
    const size_t extension = i;
    while (i < head->size()) {
      if ((*head)[i] != ';') return std::nullopt;
      const size_t name = token(*head, i + 1);
      if (name == i + 1) return std::nullopt;
      i = name;
      if (i == head->size() || (*head)[i] != '=') continue;
      ++i;
      if (i < head->size() && (*head)[i] == '"') {
        for (++i; i < head->size() && (*head)[i] != '"'; ++i)
          if ((*head)[i] == '\\') ++i;
        if (i >= head->size()) return std::nullopt;
        ++i;
      } else {
        const size_t value = token(*head, i);
        if (value == i) return std::nullopt;
        i = value;
      }
    }
    if (head->size() - extension > ChunkedDecoder::kMostExtension) return std::nullopt;
    if (size == 0) break;
    if (input.size() - at < size || input.substr(at + size, 2) != "\r\n") return std::nullopt;
    body += input.substr(at, size);
    at += size + 2;
  }
  while (true) {
    const auto trailer = line();
    if (!trailer) return std::nullopt;
    if (trailer->empty()) break;
    const size_t colon = token(*trailer, 0);
    if (colon == 0 || colon == trailer->size() || (*trailer)[colon] != ':') return std::nullopt;
  }
  consumed = at;
  return body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Decoded whole = decode(input, input.size(), input.size());
  must(decode(input, 1 + data[0], 1 + data[0] / 8) == whole);
  must(decode(input, 1, 1) == whole);
  // Where LF alone ends a line, what was accepted without is the same, and cuts do not count either.
  const Decoded lenient = decode(input, input.size(), input.size(), true);
  must(decode(input, 1, 1, true) == lenient);
  must(!whole.ended || lenient == whole);
  if (size < 4096) {
    size_t consumed = 0;
    const auto expected = reference(input, consumed);
    must(expected.has_value() == whole.ended);
    if (expected) must(*expected == whole.body && consumed == whole.consumed);
  }
  // What the writer frames, the decoder reads.
  weir::http::OutBatch out;
  const std::string_view pieces[] = {input.substr(0, input.size() / 3), input.substr(input.size() / 3)};
  weir::http::write_body(true, pieces, 1, out);
  weir::http::write_body(true, pieces, 2, out);
  weir::http::write_end(true, out);
  std::string wire;
  for (int i = 0; i < out.size(); ++i) wire += out.pieces()[i];
  const Decoded again = decode(wire, 1 + data[0], wire.size());
  must(again.ended && again.consumed == wire.size() && again.body == std::string(pieces[0]) + std::string(input));
  return 0;
}
