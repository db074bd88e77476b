// valid_referers: what $invalid_referer is about.
#include "config/builder.h"
#include "config/fields.h"

namespace weir::config {
namespace {

void apply_referers(Call& call) {
  route::RefererOptions& options = call.scope.level->location.valid_referers;
  if (call.first) options = {};
  for (size_t i = 0; i < call.count(); ++i) {
    const std::string& word = call.arg(i);
    if (word == "none") {
      options.none = true;
    } else if (word == "blocked") {
      options.blocked = true;
    } else if (word == "server_names") {
      options.server_names = true;
    } else {
      options.words.push_back(word);
      if (const auto made = route::Referers::make(options, {}); !made) {
        options.words.pop_back();
        call.error_at(i, made.error());
      }
    }
  }
  if (options.words.empty() && !options.server_names)
    call.error(
        "the \"none\" or \"blocked\" referers are specified in the \"valid_referers\" directive without any valid "
        "referer");
}
std::vector<std::string> show_referers(const Scope& scope) {
  const route::RefererOptions& options = scope.level->location.valid_referers;
  std::string out;
  const auto add = [&out](const std::string& word) { out += (out.empty() ? "" : " ") + word; };
  if (options.none) add("none");
  if (options.blocked) add("blocked");
  if (options.server_names) add("server_names");
  for (const std::string& word : options.words) add(quote_word(word));
  if (out.empty()) return {};
  return {out};
}

// Tuning of nginx that weir has no part for.
void apply_hash_size(Call& call) {
  const auto number = parse_decimal(call.arg(0));
  if (!number || *number < 1) call.invalid(0, "a number");
}
constexpr Kind kHashSize{.form = "NUMBER", .apply = apply_hash_size};

const Row kRows[] = {
    {
        .name = "valid_referers",
        .contexts = kServer | kLocation,
        .kind = {.form = "none | blocked | server_names | HOST[/PATH] | ~REGEX ...",
                 .most_args = -1,
                 .apply = apply_referers,
                 .show = show_referers},
        .help = "From which pages requests may come: for others $invalid_referer is 1. Levels inherit all or nothing.",
        .times = Times::kMany,
    },
    {
        .name = "referer_hash_bucket_size",
        .contexts = kServer | kLocation,
        .kind = kHashSize,
        .help = "Accepted; weir needs no tuning here.",
    },
    {
        .name = "referer_hash_max_size",
        .contexts = kServer | kLocation,
        .kind = kHashSize,
        .help = "Accepted; weir needs no tuning here.",
    },
};

}  // namespace

std::span<const Row> referer_rows() {
  return kRows;
}

}  // namespace weir::config
