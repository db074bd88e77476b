// Texts replaced in a body that comes in pieces: what may be the begin of one is held back until the next piece.
#include "filter/substitute.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "filter/compress.h"

namespace weir::filter {
namespace {

struct Pattern {
  std::string_view text;  // lower case
  const route::Template* to = nullptr;
  std::string_view replacement;
  bool rendered = false;  // the replacement is
  bool done = false;      // replaced once
};

enum class Match : uint8_t { kNone, kPart, kWhole };

// As far as there are bytes.
Match match_at(std::string_view bytes, std::string_view lower) {
  const size_t size = std::min(bytes.size(), lower.size());
  for (size_t i = 0; i < size; ++i)
    if (to_lower(bytes[i]) != lower[i]) return Match::kNone;
  return size == lower.size() ? Match::kWhole : Match::kPart;
}

class Substituting final : public State {
 public:
  // `patterns`: in the arena of the exchange, none of them empty.
  Substituting(Pattern* patterns, size_t count, bool once, Arena& arena)
      : patterns_(patterns), count_(count), once_(once) {
    for (size_t i = 0; i < count; ++i) longest_ = std::max(longest_, patterns[i].text.size());
    held_ = arena.allocate(2 * longest_);
    find_first_bytes();
  }

  void run(Context& context, const Piece& piece, Sink& sink) {
    std::string_view bytes = piece.bytes;
    if (held_size_ > 0) bytes.remove_prefix(run_held(context, bytes, piece.end, sink));
    if (held_size_ > 0) return;  // the piece was too short to tell
    const size_t taken = scan(context, bytes, bytes.size(), piece.end, sink);
    held_size_ = bytes.size() - taken;
    if (held_size_ > 0) std::memcpy(held_, bytes.data() + taken, held_size_);
  }

 private:
  // What was held back, with as much of the piece as the longest pattern needs behind it. Returns what was taken of the
  // piece.
  size_t run_held(Context& context, std::string_view bytes, bool end, Sink& sink) {
    const size_t before = held_size_;
    const size_t joined = std::min(bytes.size(), longest_);
    if (joined > 0) std::memcpy(held_ + before, bytes.data(), joined);
    const std::string_view text(held_, before + joined);
    const bool is_end = end && joined == bytes.size();
    const size_t taken = scan(context, text, before, is_end, sink);
    if (taken >= before) {
      held_size_ = 0;
      return taken - before;
    }
    // Still the begin of a pattern up to the end of the piece.
    held_size_ = text.size() - taken;
    std::memmove(held_, held_ + taken, held_size_);
    return joined;
  }

  // Writes what can be decided of `text` and returns its size; matches that begin at `limit` or behind it are not
  // looked for.
  size_t scan(Context& context, std::string_view text, size_t limit, bool end, Sink& sink) {
    size_t written = 0;
    size_t at = 0;
    while (at < limit) {
      if (left_ == 0 || !first_bytes_[static_cast<unsigned char>(text[at])]) {
        at = left_ == 0 ? limit : at + 1;
        continue;
      }
      Pattern* found = nullptr;
      const Match match = find(text.substr(at), end, found);
      if (match == Match::kPart) break;
      if (match != Match::kWhole) {
        ++at;
        continue;
      }
      sink.write(text.substr(written, at - written));
      replace(context, *found, sink);
      at += found->text.size();
      written = at;
    }
    if (at > written) sink.write(text.substr(written, at - written));
    return at;
  }

  // The first pattern in order that matches, or that the text is too short for (not at the end).
  Match find(std::string_view text, bool end, Pattern*& found) {
    for (size_t i = 0; i < count_; ++i) {
      if (patterns_[i].done) continue;
      const Match match = match_at(text, patterns_[i].text);
      if (match == Match::kNone || (match == Match::kPart && end)) continue;
      found = &patterns_[i];
      return match;
    }
    return Match::kNone;
  }

  void replace(Context& context, Pattern& pattern, Sink& sink) {
    if (!std::exchange(pattern.rendered, true))
      pattern.replacement = pattern.to->render(context.variables, context.arena);
    sink.write(pattern.replacement);
    if (!once_) return;
    pattern.done = true;
    find_first_bytes();
  }

  void find_first_bytes() {
    first_bytes_.fill(false);
    left_ = 0;
    for (size_t i = 0; i < count_; ++i) {
      if (patterns_[i].done) continue;
      ++left_;
      const auto first = static_cast<unsigned char>(patterns_[i].text.front());
      first_bytes_[first] = true;
      if (is_alpha(static_cast<char>(first))) first_bytes_[first & ~0x20U] = true;
    }
  }

  Pattern* const patterns_;
  const size_t count_;
  const bool once_;
  size_t longest_ = 0;
  size_t left_ = 0;       // patterns that are still looked for
  char* held_ = nullptr;  // room for the begin of the longest pattern and as much again of the next piece
  size_t held_size_ = 0;
  std::array<bool, 256> first_bytes_{};
};

class Substitute final : public Filter {
 public:
  explicit Substitute(SubstituteOptions options) : options_(std::move(options)) {}

  Order order() const override { return Order::kSubstitute; }
  Verdict on_response(Context& context, http::ResponseHead& head) const override {
    context.forget();
    if (!changes_body(context, head)) return Verdict::kContinue;
    size_t count = 0;
    Pattern* const patterns = render(context, count);
    if (count == 0) return Verdict::kContinue;
    if (!options_.keep_last_modified) {
      head.fields.drop(http::HeaderToken::kLastModified);
      head.fields.drop(http::HeaderToken::kEtag);
    }
    mark_transformed(head.fields, context.arena);
    drop_length(head);
    head.content_length = -1;
    if (head.framing != http::Framing::kNone)
      context.state<Substituting>(patterns, count, options_.once, context.arena);
    return Verdict::kContinue;
  }
  bool changes_body(Context&, const http::ResponseHead& head) const override {
    static const ContentTypes only_html;
    const http::Field* type = head.fields.find(http::HeaderToken::kContentType);
    const ContentTypes& types = options_.types != nullptr ? *options_.types : only_html;
    // A part of a body has its place in the whole one.
    return head.status != 206 && head.content_length != 0 && types.has(type == nullptr ? "" : type->value);
  }
  bool takes_response_body(const State* state) const override { return state != nullptr; }
  Verdict on_response_body(Context& context, const Piece& piece, Sink& sink) const override {
    static_cast<Substituting*>(context.slot)->run(context, piece, sink);
    return Verdict::kContinue;
  }

 private:
  Pattern* render(Context& context, size_t& count) const {
    auto* const patterns =
        reinterpret_cast<Pattern*>(context.arena.allocate(options_.list.size() * sizeof(Pattern), alignof(Pattern)));
    for (const Substitution& each : options_.list) {
      const std::string_view text = each.from.render(context.variables, context.arena);
      if (text.empty()) continue;
      char* const lower = context.arena.allocate(text.size());
      std::transform(text.begin(), text.end(), lower, to_lower);
      new (&patterns[count++]) Pattern{.text = {lower, text.size()}, .to = &each.to, .replacement = {}};
    }
    return patterns;
  }

  SubstituteOptions options_;
};

}  // namespace

std::shared_ptr<const Filter> make_substitute(SubstituteOptions options) {
  return std::make_shared<Substitute>(std::move(options));
}

}  // namespace weir::filter
