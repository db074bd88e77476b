// match{}: what the answer to a health check must be.
#include "base/bytes.h"
#include "config/builder.h"
#include "config/dump.h"
#include "config/fields.h"
#include "config/parameters.h"

namespace weir::config {
namespace {

using upstream::Match;
using Op = Match::Header::Op;

std::optional<int> parse_status(std::string_view text) {
  const auto status = parse_decimal(text);
  if (text.size() != 3 || !status || *status < 100) return std::nullopt;
  return static_cast<int>(*status);
}

void apply_status(Call& call) {
  Match& match = *call.scope.match;
  size_t first = 0;
  if (call.arg(0) == "!") {
    match.status_negated = true;
    first = 1;
    if (call.count() == 1) return call.error("\"status !\" needs a status");
  }
  for (size_t i = first; i < call.count(); ++i) {
    const std::string_view text = call.arg(i);
    const size_t dash = text.find('-');
    const auto least = parse_status(text.substr(0, dash));
    const auto most = dash == std::string_view::npos ? least : parse_status(text.substr(dash + 1));
    if (!least || !most || *least > *most) {
      call.invalid(i, "a status like 200 or a range like 200-399");
    } else {
      match.statuses.push_back({*least, *most});
    }
  }
}
std::vector<std::string> show_status(const Scope& scope) {
  if (scope.match->statuses.empty()) return {};
  std::string out = scope.match->status_negated ? "!" : "";
  for (const Match::StatusRange& each : scope.match->statuses) {
    out += (out.empty() ? "" : " ") + std::to_string(each.least);
    if (each.least != each.most) out += "-" + std::to_string(each.most);
  }
  return {out};
}

// Reports and is null when the pattern is wrong.
std::shared_ptr<const Regex> compile_regex(const Call& call, size_t i) {
  auto regex = Regex::compile(call.arg(i), false);
  if (regex) return std::make_shared<const Regex>(std::move(*regex));
  call.error_at(i, regex.error() + " in \"" + call.arg(i) + "\"");
  return nullptr;
}

struct HeaderOp {
  std::string_view text;
  Op op;
};
constexpr HeaderOp kHeaderOps[] = {
    {"=", Op::kEquals}, {"!=", Op::kDiffers}, {"~", Op::kMatches}, {"!~", Op::kMatchesNot}};

bool is_regex(Op op) {
  return op == Op::kMatches || op == Op::kMatchesNot;
}

void apply_header(Call& call) {
  Match::Header header;
  header.op = Op::kPresent;
  size_t name = 0;
  if (call.count() == 2) {
    if (call.arg(0) != "!") return call.invalid(0, "\"! FIELD\", \"FIELD\" or \"FIELD OPERATOR VALUE\"");
    header.op = Op::kAbsent;
    name = 1;
  }
  header.name = call.arg(name);
  if (header.name.empty() || !std::all_of(header.name.begin(), header.name.end(), is_tchar))
    return call.invalid(name, "the name of a header field");
  if (call.count() == 3) {
    const auto* const it = std::find_if(std::begin(kHeaderOps), std::end(kHeaderOps),
                                        [&](const HeaderOp& each) { return each.text == call.arg(1); });
    if (it == std::end(kHeaderOps)) return call.invalid(1, "one of =, !=, ~ and !~");
    header.op = it->op;
    header.value = call.arg(2);
    if (is_regex(header.op) && !(header.regex = compile_regex(call, 2))) return;
  }
  call.scope.match->headers.push_back(std::move(header));
}
std::vector<std::string> show_header(const Scope& scope) {
  std::vector<std::string> out;
  for (const Match::Header& each : scope.match->headers) {
    std::string line = (each.op == Op::kAbsent ? "! " : "") + quote_word(each.name);
    for (const HeaderOp& op : kHeaderOps)
      if (op.op == each.op) line += " " + std::string(op.text) + " " + quote_word(each.value);
    out.push_back(line);
  }
  return out;
}

void apply_body(Call& call) {
  const std::string& op = call.arg(0);
  if (op != "~" && op != "!~" && op != "=" && op != "!=") return call.invalid(0, "one of ~, !~, = and !=");
  Match::Body body;
  body.negated = op.starts_with('!');
  body.pattern = call.arg(1);
  if (op.ends_with('~') && !(body.regex = compile_regex(call, 1))) return;
  call.scope.match->bodies.push_back(std::move(body));
}
std::vector<std::string> show_body(const Scope& scope) {
  std::vector<std::string> out;
  for (const Match::Body& each : scope.match->bodies)
    out.push_back(std::string(each.negated ? "!" : "") + (each.regex ? "~ " : "= ") + quote_word(each.pattern));
  return out;
}

// Declares the name whatever is wrong with the block, so that its uses are not reported as well.
void open_match(Call& call) {
  auto match = std::make_shared<Match>();
  match->name = call.arg(0);
  if (call.builder.find_match(match->name)) return call.error_at(0, "duplicate match \"" + match->name + "\"");
  Scope scope{.context = kMatch, .main = call.scope.main, .match = match.get()};
  call.builder.apply(*call.directive.block, scope);
  if (call.directive.block->empty()) call.error("match \"" + match->name + "\" is empty, everything would match");
  call.builder.model().matches.push_back(std::move(match));
}

void show_matches(Dump& dump, const Scope& scope) {
  for (const auto& each : scope.model->matches) {
    Match copy = *each;
    dump.block("match " + quote_word(each->name),
               {.context = kMatch, .model = scope.model, .main = scope.main, .match = &copy});
  }
}

const Row kRows[] = {
    {
        .name = "match",
        .contexts = kHttp,
        .kind = {.form = "NAME { ... }"},
        .help = "What the answer to a health check must be; all that stands in it must hold.",
        .times = Times::kMany,
        .turn = Turn::kNames,
        .open = open_match,
        .show = show_matches,
    },
    {
        .name = "status",
        .contexts = kMatch,
        .kind = {.form = "[!] CODE | CODE-CODE ...", .most_args = -1, .apply = apply_status, .show = show_status},
        .help = "One of these statuses, or none of them. Without it any will do.",
    },
    {
        .name = "header",
        .contexts = kMatch,
        .kind = {.form = "FIELD | ! FIELD | FIELD = | != | ~ | !~ VALUE",
                 .most_args = 3,
                 .apply = apply_header,
                 .show = show_header},
        .help =
            "A field is there, is not, has a value, has another, or one that matches a regular expression or does not.",
        .times = Times::kMany,
    },
    {
        .name = "body",
        .contexts = kMatch,
        .kind = {.form = "~ | !~ REGEX | = | != TEXT",
                 .least_args = 2,
                 .most_args = 2,
                 .apply = apply_body,
                 .show = show_body},
        .help = "The body, of which the first 256 KB are looked at, matches or does not; = is exactly, and weir's own.",
        .times = Times::kMany,
    },
};

}  // namespace

std::shared_ptr<const Match> Builder::find_match(const std::string& name) const {
  for (const auto& each : model_.matches)
    if (each->name == name) return each;
  return nullptr;
}

std::vector<std::string_view> Builder::match_names() const {
  std::vector<std::string_view> names;
  for (const auto& each : model_.matches) names.push_back(each->name);
  return names;
}

std::span<const Row> match_rows() {
  return kRows;
}

}  // namespace weir::config
