// Header fields: what is set towards peers and added towards clients.
#include "config/builder.h"
#include "config/fields.h"

namespace weir::config {
namespace {

bool check_name(const Call& call, size_t i) {
  const std::string& name = call.arg(i);
  if (!name.empty() && std::all_of(name.begin(), name.end(), is_tchar)) return true;
  call.invalid(i, "the name of a header field");
  return false;
}

// Long values are written over several lines. A line end on the wire would be a header of its own: it and the blanks
// around it are one blank.
std::string on_one_line(const Call& call, size_t i) {
  const std::string& text = call.arg(i);
  if (text.find_first_of("\r\n") == std::string::npos) return text;
  call.warning("the lines of the value are sent as one: a header field cannot hold a line end");
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find_first_of(" \t\r\n", at);
    const size_t next = std::min(text.find_first_not_of(" \t\r\n", end), text.size());
    out += text.substr(at, end - at);
    if (end == std::string::npos) break;
    const std::string_view blanks = std::string_view(text).substr(end, next - end);
    const bool folds = blanks.find_first_of("\r\n") != std::string_view::npos;
    if (!folds) out += blanks;
    if (folds && !out.empty() && next != text.size()) out += ' ';
    at = next;
  }
  return out;
}

// What clients say of the way they took.
void note_forwarded(const Call& call, const route::Template& value) {
  for (const route::Template::Part& part : value.parts())
    if (part.is_variable && part.variable.id == route::Var::kHttp && part.variable.arg.starts_with("x-forwarded-"))
      call.builder.note_forwarded(call.directive.at, "http_x_forwarded_" + part.variable.arg.substr(12));
}

std::optional<proxy::HeaderSetting> setting(Call& call) {
  if (!check_name(call, 0)) return std::nullopt;
  auto value = route::Template::compile(on_one_line(call, 1), call.builder.names());
  if (!value) return call.error_at(1, std::move(value.error())), std::nullopt;
  proxy::HeaderSetting out;
  out.name = call.arg(0);
  out.token = http::header_token(out.name);
  out.value = std::move(*value);
  return out;
}

std::vector<std::string> show_settings(const std::vector<proxy::HeaderSetting>& settings) {
  std::vector<std::string> out;
  out.reserve(settings.size());
  for (const proxy::HeaderSetting& each : settings)
    out.push_back(quote_word(each.name) + " " + quote_word(each.value.text()) + (each.always ? " always" : ""));
  return out;
}

// What an operator may say of Connection: close, keep-alive and upgrade. A variable's value is a hint that an upgrade
// is wanted or not, as in nginx's own example, whose "close" for plain requests would be a connection for each.
void apply_connection(Call& call, const proxy::HeaderSetting& made) {
  bool& closes = call.scope.level->location.close_upstream;
  if (!made.value.is_literal() || made.value.empty()) return;
  for_each_list_element(made.value.text(), [&](std::string_view option) {
    if (iequals(option, "close")) {
      closes = true;
    } else if (!iequals(option, "upgrade") && !iequals(option, "keep-alive")) {
      call.warning("weir writes the field Connection towards peers itself, \"" + std::string(option) +
                   "\" has no effect in it");
    }
  });
}

// What a message's framing and its connection are said with is written by weir.
void warn_of_own_field(const Call& call, http::HeaderToken token) {
  using http::HeaderToken;
  const bool is_own = token == HeaderToken::kContentLength || http::is_hop_by_hop(token);
  if (is_own && token != HeaderToken::kConnection && token != HeaderToken::kUpgrade)
    call.warning("weir writes the field " + call.arg(0) + " itself where it is needed, \"" + call.directive.name +
                 "\" of it has no effect");
}

// nginx sends the line as it is written. A peer that switches for a client that did not ask would be a tunnel to
// nobody.
void warn_of_fixed_upgrade(const Call& call, const proxy::HeaderSetting& made) {
  if (!made.value.is_literal() || made.value.empty()) return;
  const std::string protocol(made.value.text());
  const bool is_http = iequals(std::string_view(protocol).substr(0, 2), "h2") ||
                       iequals(std::string_view(protocol).substr(0, 5), "HTTP/");
  call.warning(is_http ? "weir never asks a peer for \"" + protocol + "\": requests in it would go past weir"
                       : "weir asks a peer for \"" + protocol +
                             "\" only where the client does and \"proxy_set_header Connection upgrade\" stands here");
}

void apply_set_header(Call& call) {
  auto& location = call.scope.level->location;
  if (call.first) location.set_headers.clear(), location.close_upstream = false;
  auto made = setting(call);
  if (!made) return;
  note_forwarded(call, made->value);
  if (!made->value.empty()) warn_of_own_field(call, made->token);
  if (made->token == http::HeaderToken::kConnection) apply_connection(call, *made);
  if (made->token == http::HeaderToken::kUpgrade) warn_of_fixed_upgrade(call, *made);
  location.set_headers.push_back(std::move(*made));
  // nginx passes an upgrade on where it is told to.
  if (call.scope.main->nginx_defaults)
    location.upgrade_websocket =
        std::any_of(location.set_headers.begin(), location.set_headers.end(),
                    [](const proxy::HeaderSetting& each) { return each.token == http::HeaderToken::kUpgrade; });
}
std::vector<std::string> show_set_header(const Scope& scope) {
  return show_settings(scope.level->location.set_headers);
}

template <auto List>
void apply_add_field(Call& call) {
  auto& list = call.scope.level->location.*List;
  if (call.first) list.clear();
  if (call.count() == 3 && call.arg(2) != "always") return call.invalid(2, "\"always\"");
  auto made = setting(call);
  if (!made) return;
  made->always = call.count() == 3;
  if (made->token == http::HeaderToken::kConnection)
    call.warning("weir writes the field Connection itself, \"" + call.directive.name + "\" of it has no effect");
  else
    warn_of_own_field(call, made->token);
  list.push_back(std::move(*made));
}
template <auto List>
std::vector<std::string> show_added_fields(const Scope& scope) {
  return show_settings(scope.level->location.*List);
}
template <auto List>
constexpr Kind kAddField{"FIELD VALUE [always]", 2, 3, apply_add_field<List>, show_added_fields<List>};

template <auto List>
void apply_names(Call& call) {
  auto& list = call.scope.level->location.*List;
  if (call.first) list.clear();
  if (check_name(call, 0)) list.push_back(lowered(call.arg(0)));
}
template <auto List>
std::vector<std::string> show_names(const Scope& scope) {
  return scope.level->location.*List;
}
template <auto List>
constexpr Kind kNames{"FIELD", 1, 1, apply_names<List>, show_names<List>};

const Row kRows[] = {
    {
        .name = "proxy_set_header",
        .contexts = kAnywhere,
        .kind = {.form = "FIELD VALUE",
                 .least_args = 2,
                 .most_args = 2,
                 .apply = apply_set_header,
                 .show = show_set_header},
        .help =
            "Replaces a field of the request to the peer; an empty value removes it. Levels inherit all or nothing.",
        .times = Times::kMany,
    },
    {
        .name = "proxy_hide_header",
        .contexts = kAnywhere,
        .kind = kNames<&proxy::Location::hide_headers>,
        .help = "A field of the peer's response that the client does not get.",
        .times = Times::kMany,
    },
    {
        .name = "proxy_pass_header",
        .contexts = kAnywhere,
        .kind = kNames<&proxy::Location::pass_headers>,
        .help = "A field that would otherwise be hidden.",
        .times = Times::kMany,
    },
    {
        .name = "add_header",
        .contexts = kAnywhere | kIfLocation,
        .kind = kAddField<&proxy::Location::add_headers>,
        .help = "Adds a field to responses of 200, 201, 204, 206, 301, 302, 303, 304, 307 and 308, or to all.",
        .times = Times::kMany,
    },
    {
        .name = "add_trailer",
        .contexts = kAnywhere | kIfLocation,
        .kind = kAddField<&proxy::Location::add_trailers>,
        .help =
            "Adds a field behind the body of the same responses, which go out in chunks then. HTTP/1.0 has no place "
            "for it. Variables are asked when the body has ended. Levels inherit all or nothing.",
        .times = Times::kMany,
    },
    {
        .name = "proxy_pass_trailers",
        .contexts = kAnywhere,
        .kind = kFlag<&Level::location, &proxy::Location::pass_trailers>,
        .weir_default = "off",
        .nginx_default = "off",
        .help =
            "Whether the fields behind a peer's chunked answer go to clients of HTTP/1.1. The peer is asked with \"TE: "
            "trailers\". Fields about framing, routing, cookies and caching do not, nor hidden ones.",
    },
};

}  // namespace

std::span<const Row> header_rows() {
  return kRows;
}

}  // namespace weir::config
