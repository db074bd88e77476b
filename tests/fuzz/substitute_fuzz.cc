// sub_filter against the obvious way to do it, over any cut of the body. Of the input: a byte of options, a byte of the
// cut, then patterns, replacements and the body, one behind the other, each ended by a zero byte.
// uses: base http route filter
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "filter/filter.h"
#include "filter/substitute.h"

namespace {

void must(bool fact) {
  if (!fact) std::abort();
}

class NoVariables final : public weir::route::VariableSource {
 public:
  weir::route::VariableValue variable(const weir::route::VariableRef&, weir::Arena&) const override { return {}; }
};

struct Pair {
  std::string from, to;
  bool done = false;
};

std::string obvious(std::string_view body, std::vector<Pair> pairs, bool once) {
  std::string out;
  const std::string lower = weir::lowered(body);
  for (size_t at = 0; at < body.size();) {
    Pair* found = nullptr;
    for (Pair& each : pairs)
      if (found == nullptr && !each.done && lower.compare(at, each.from.size(), weir::lowered(each.from)) == 0)
        found = &each;
    if (found == nullptr) {
      out += body[at++];
      continue;
    }
    out += found->to;
    at += found->from.size();
    found->done = once;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3 || size > 4096) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto next = [&] {
    const size_t end = rest.find('\0');
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return std::string(text);
  };
  std::vector<Pair> pairs;
  weir::filter::SubstituteOptions options;
  options.once = (data[0] & 1) != 0;
  for (int i = 0; i < 1 + (data[0] >> 1 & 3); ++i) {
    Pair pair{next(), next()};
    if (pair.from.empty()) continue;
    options.list.push_back({weir::route::Template::literal(pair.from), weir::route::Template::literal(pair.to)});
    pairs.push_back(std::move(pair));
  }
  if (pairs.empty()) return 0;
  const std::string_view body = rest;

  const auto filter = weir::filter::make_substitute(options);
  NoVariables variables;
  weir::Arena arena;
  weir::ChunkPool chunks;
  weir::filter::State* state = nullptr;
  weir::SocketAddress client;
  weir::filter::Context context{variables, arena, chunks, {}, state, client, false};
  weir::http::ResponseHead head;
  head.status = 200;
  head.framing = weir::http::Framing::kChunked;
  head.fields.add("Content-Type", "text/html", weir::http::HeaderToken::kContentType);
  must(filter->on_response(context, head) == weir::filter::Verdict::kContinue);
  must(filter->takes_response_body(state));
  std::string text;
  {
    weir::Chain out(chunks);
    weir::filter::Sink sink(out);
    const size_t cut = 1 + data[1] % 64;
    for (size_t at = 0; at < body.size(); at += cut)
      filter->on_response_body(context, {body.substr(at, cut), true, false}, sink);
    filter->on_response_body(context, {{}, true, true}, sink);
    out.copy_to(text);
  }
  state->~State();
  must(text == obvious(body, std::move(pairs), options.once));
  return 0;
}
