// Files: where they are, what is tried, and how they are sent.
#include <algorithm>

#include "config/builder.h"
#include "config/fields.h"
#include "config/words.h"

namespace weir::config {
namespace {

using proxy::FileOptions;
using proxy::Location;
using Alias = FileOptions::Alias;
constexpr auto kLoc = &Level::location;
constexpr auto kFiles = &Location::files;

FileOptions& files_of(const Scope& scope) {
  return scope.level->location.files;
}

// Whether the block says another of the two as well.
bool is_doubled(const Call& call, std::string_view other) {
  if (call.block == nullptr) return false;
  return std::any_of(call.block->begin(), call.block->end(), [&](const Directive& each) { return each.name == other; });
}

std::optional<route::Template> compile_root(Call& call, bool is_alias) {
  std::string text = call.arg(0);
  for (const std::string_view variable : {"document_root", "realpath_root"}) {
    for (const std::string_view form : {"$", "${"}) {
      if (text.find(std::string(form).append(variable)) == std::string::npos) continue;
      call.error_at(0, "the $" + std::string(variable) + " variable cannot be used in the \"" + call.directive.name +
                           "\" directive");
      return std::nullopt;
    }
  }
  if (text.empty()) {
    call.invalid(0, "a directory");
    return std::nullopt;
  }
  if (text[0] != '$') text = call.builder.absolute(text);
  if (!is_alias && text.ends_with('/')) text.pop_back();
  auto compiled = route::Template::compile(text, call.builder.names());
  if (compiled) return std::move(*compiled);
  call.error_at(0, std::move(compiled.error()));
  return std::nullopt;
}

void take_root(Call& call, bool is_alias) {
  auto root = compile_root(call, is_alias);
  if (!root) return;
  FileOptions& files = files_of(call.scope);
  files.base = root->text().starts_with('$') ? call.builder.absolute("") : "";
  files.root = std::move(*root);
  files.alias = Alias::kNone;
  files.replaced = 0;
}

void apply_root(Call& call) {
  if (is_doubled(call, "alias"))
    return call.error("\"root\" directive is duplicate, the block has an \"alias\" directive too");
  take_root(call, false);
}
std::vector<std::string> show_root(const Scope& scope) {
  const FileOptions& files = files_of(scope);
  if (!files.root || files.alias != Alias::kNone) return {};
  return {files.root->text().empty() ? "/" : quote_word(files.root->text())};
}

void apply_alias(Call& call) {
  using Kind = route::LocationKind;
  const LocationModel& location = *call.scope.location;
  if (location.kind == Kind::kNamed)
    return call.error("the \"alias\" directive cannot be used inside the named location");
  take_root(call, true);
  FileOptions& files = files_of(call.scope);
  const bool is_regex = location.kind == Kind::kRegex || location.kind == Kind::kRegexNoCase;
  files.alias = is_regex ? Alias::kRegex : Alias::kPrefix;
  files.replaced = is_regex ? 0 : location.pattern.size();
}
std::vector<std::string> show_alias(const Scope& scope) {
  const FileOptions& files = files_of(scope);
  if (!files.root || files.alias == Alias::kNone) return {};
  return {quote_word(files.root->text())};
}

void apply_index(Call& call) {
  std::vector<route::Template> names;
  auto& index = files_of(call.scope).index;
  if (!call.first && index != nullptr) names = *index;
  for (size_t i = 0; i < call.count(); ++i) {
    if (call.arg(i).empty()) return call.invalid(i, "the name of a file");
    if (call.arg(i).starts_with('/') && i + 1 < call.count())
      call.warning("only the last index in \"index\" directive should be absolute");
    auto name = call.compile(i);
    if (!name) return;
    names.push_back(std::move(*name));
  }
  index = std::make_shared<const std::vector<route::Template>>(std::move(names));
}
std::vector<std::string> show_index(const Scope& scope) {
  const auto& index = files_of(scope).index;
  if (index == nullptr) return {"index.html"};
  std::string line;
  for (const route::Template& each : *index) line += (line.empty() ? "" : " ") + quote_word(each.text());
  return {line};
}

// What is done when nothing is found.
bool read_last(Call& call, proxy::TryFiles& tries) {
  const size_t last = call.count() - 1;
  const std::string& word = call.arg(last);
  if (word.starts_with('=')) {
    const auto status = parse_decimal(std::string_view(word).substr(1));
    if (!status || *status > 999 || *status == 0) {
      call.error_at(last, "invalid code \"" + word + "\"");
      return false;
    }
    tries.status = static_cast<int>(*status);
    return true;
  }
  auto compiled = call.compile(last);
  if (!compiled) return false;
  tries.last = std::move(*compiled);
  if (!word.starts_with('/') && !word.starts_with('@') && !word.starts_with('$'))
    call.warning("\"" + word +
                 "\" is no path, no named location and no \"=STATUS\": requests that get there are answered 404");
  return true;
}

void apply_try_files(Call& call) {
  proxy::TryFiles tries;
  if (!read_last(call, tries)) return;
  for (size_t i = 0; i < call.count(); ++i) tries.written += (i == 0 ? "" : " ") + quote_word(call.arg(i));
  for (size_t i = 0; i + 1 < call.count(); ++i) {
    std::string text = call.arg(i);
    proxy::TryFiles::Name name;
    name.is_directory = text.ends_with('/');
    if (name.is_directory) text.pop_back();
    auto compiled = route::Template::compile(text, call.builder.names());
    if (!compiled) return call.error_at(i, std::move(compiled.error()));
    name.text = std::move(*compiled);
    tries.names.push_back(std::move(name));
  }
  FileOptions& files = files_of(call.scope);
  if (!files.root) call.warning("\"try_files\" finds nothing: there is no \"root\" (nginx takes \"html\")");
  files.tries = std::make_shared<const proxy::TryFiles>(std::move(tries));
}
std::vector<std::string> show_try_files(const Scope& scope) {
  const auto& tries = files_of(scope).tries;
  if (tries == nullptr) return {};
  return {tries->written};
}

template <class Value, size_t N>
void apply_choice(Call& call, const std::pair<std::string_view, Value> (&choices)[N], Value& value) {
  std::string known;
  for (size_t i = 0; i < N; ++i) {
    if (call.arg(0) == choices[i].first) {
      value = choices[i].second;
      return;
    }
    known.append(i == 0 ? "" : i + 1 == N ? " or " : ", ").append(choices[i].first);
  }
  call.invalid(0, known);
}
template <class Value, size_t N>
std::string show_choice(const std::pair<std::string_view, Value> (&choices)[N], Value value) {
  for (const auto& [word, each] : choices)
    if (each == value) return std::string(word);
  return {};
}

constexpr std::pair<std::string_view, http::ModifiedSince> kModifiedSince[] = {
    {"off", http::ModifiedSince::kOff},
    {"exact", http::ModifiedSince::kExact},
    {"before", http::ModifiedSince::kBefore}};
constexpr std::pair<std::string_view, proxy::UseGzip> kGzip[] = {
    {"on", proxy::UseGzip::kOn}, {"off", proxy::UseGzip::kOff}, {"always", proxy::UseGzip::kAlways}};
constexpr std::pair<std::string_view, http::ListingFormat> kListing[] = {
    {"html", http::ListingFormat::kHtml}, {"xml", http::ListingFormat::kXml}, {"json", http::ListingFormat::kJson}};
constexpr std::pair<std::string_view, io::Links> kLinks[] = {
    {"off", io::Links::kFollow}, {"on", io::Links::kRefuse}, {"if_not_owner", io::Links::kSameOwner}};

void apply_modified_since(Call& call) {
  apply_choice(call, kModifiedSince, files_of(call.scope).modified_since);
}
std::vector<std::string> show_modified_since(const Scope& scope) {
  return {show_choice(kModifiedSince, files_of(scope).modified_since)};
}
void apply_gzip_static(Call& call) {
  apply_choice(call, kGzip, files_of(call.scope).gzip);
}
std::vector<std::string> show_gzip_static(const Scope& scope) {
  return {show_choice(kGzip, files_of(scope).gzip)};
}
void apply_listing(Call& call) {
  if (call.arg(0) == "jsonp") return call.error_at(0, "\"jsonp\" is not supported, \"json\" is");
  apply_choice(call, kListing, files_of(call.scope).listing);
}
std::vector<std::string> show_listing(const Scope& scope) {
  return {show_choice(kListing, files_of(scope).listing)};
}

void apply_max_ranges(Call& call) {
  const auto most = parse_decimal(call.arg(0));
  if (!most || *most > INT32_MAX) return call.invalid(0, "a number below 2147483648");
  files_of(call.scope).max_ranges = *most;
}
std::vector<std::string> show_max_ranges(const Scope& scope) {
  const int64_t most = files_of(scope).max_ranges;
  if (most > INT32_MAX) return {};
  return {std::to_string(most)};
}

void apply_symlinks(Call& call) {
  FileOptions& files = files_of(call.scope);
  apply_choice(call, kLinks, files.links);
  files.trusted = {};
  if (call.count() < 2) return;
  const std::string& from = call.arg(1);
  if (!from.starts_with("from=") || from.size() == 5) return call.invalid(1, "from=PART of the path");
  if (files.links == io::Links::kFollow) return call.error_at(1, "\"from=\" does not go with \"off\"");
  auto part = route::Template::compile(std::string_view(from).substr(5), call.builder.names());
  if (!part) return call.error_at(1, std::move(part.error()));
  files.trusted = std::move(*part);
}
std::vector<std::string> show_symlinks(const Scope& scope) {
  const FileOptions& files = files_of(scope);
  std::string line = show_choice(kLinks, files.links);
  if (!files.trusted.empty()) line += " " + quote_word("from=" + files.trusted.text());
  return {line};
}

const Row kRows[] = {
    {
        .name = "root",
        .contexts = kAnywhere | kIfLocation,
        .kind = {.form = "DIRECTORY", .apply = apply_root, .show = show_root},
        .help = "Serves files: the path of a request is one below this directory. Relative to the configuration's "
                "directory. Without a root, a request that nothing else answers is 404; nginx takes html.",
    },
    {
        .name = "alias",
        .contexts = kLocation,
        .kind = {.form = "DIRECTORY | FILE", .apply = apply_alias, .show = show_alias},
        .help = "Serves files: stands in the place of the location's prefix; in a location with a regex it is the "
                "whole path of the file.",
    },
    {
        .name = "index",
        .contexts = kAnywhere,
        .kind = {.form = "FILE ...", .most_args = -1, .apply = apply_index, .show = show_index},
        .weir_default = "index.html",
        .nginx_default = "index.html",
        .help = "The file that stands for a directory: the first that is there. The request goes there internally.",
        .times = Times::kMany,
    },
    {
        .name = "try_files",
        .contexts = kServer | kLocation,
        .kind = {.form = "FILE ... PATH | @NAME | =STATUS",
                 .least_args = 2,
                 .most_args = -1,
                 .apply = apply_try_files,
                 .show = show_try_files},
        .help =
            "The request is for the first of these files that is there (with a \"/\" at its end: directories), else "
            "it goes internally to the last word.",
        .turn = Turn::kWhole,
    },
    {
        .name = "etag",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kFiles, &FileOptions::etag>,
        .weir_default = "on",
        .nginx_default = "on",
        .help = "Whether files have an ETag, of their time and size.",
    },
    {
        .name = "if_modified_since",
        .contexts = kAnywhere,
        .kind = {.form = "off | exact | before", .apply = apply_modified_since, .show = show_modified_since},
        .weir_default = "exact",
        .nginx_default = "exact",
        .help = "Which dates of If-Modified-Since get 304 for a file: its own, or later ones too. If-None-Match goes "
                "before it.",
    },
    {
        .name = "max_ranges",
        .contexts = kAnywhere,
        .kind = {.form = "NUMBER", .apply = apply_max_ranges, .show = show_max_ranges},
        .help = "The most ranges of a file that are answered as such; 0: none.",
    },
    {
        .name = "log_not_found",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kFiles, &FileOptions::log_not_found>,
        .weir_default = "on",
        .nginx_default = "on",
        .help = "Whether missing files are named in the error log.",
    },
    {
        .name = "sendfile",
        .contexts = kAnywhere | kIfLocation,
        .kind = kFlag<kLoc, kFiles, &FileOptions::sendfile>,
        .weir_default = "on",
        .nginx_default = "off",
        .help = "Whether the kernel sends files larger than 16 KB by itself (sendfile) as far as it has them in its "
                "cache, to clients without TLS and where no filter and no limit_rate looks at them. Off: they are read "
                "and written, as all others are.",
    },
    {
        .name = "sendfile_max_chunk",
        .contexts = kAnywhere,
        .kind = kSize<kLoc, kFiles, &FileOptions::most_in_a_turn>,
        .weir_default = "2m",
        .nginx_default = "2m",
        .help = "The most of a file that one client is sent, however fast it takes it, before the others of its worker "
                "have their turn; 0: no bound.",
    },
    {
        .name = "gzip_static",
        .contexts = kAnywhere,
        .kind = {.form = "on | off | always", .apply = apply_gzip_static, .show = show_gzip_static},
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Sends FILE.gz, where it is there, for FILE, with Vary: Accept-Encoding.",
    },
    {
        .name = "disable_symlinks",
        .contexts = kAnywhere,
        .kind = {.form = "off | on [from=PART] | if_not_owner [from=PART]",
                 .most_args = 2,
                 .apply = apply_symlinks,
                 .show = show_symlinks},
        .weir_default = "off",
        .nginx_default = "off",
        .help =
            "Which symbolic links in the path of a file are refused with 403; the part at its beginning is trusted.",
    },
    {
        .name = "autoindex",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kFiles, &FileOptions::autoindex>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Lists a directory that has no index.",
    },
    {
        .name = "autoindex_exact_size",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kFiles, &FileOptions::exact_size>,
        .weir_default = "on",
        .nginx_default = "on",
        .help = "Sizes in bytes, or rounded to K, M and G.",
    },
    {
        .name = "autoindex_format",
        .contexts = kAnywhere,
        .kind = {.form = "html | xml | json", .apply = apply_listing, .show = show_listing},
        .weir_default = "html",
        .nginx_default = "html",
        .help = "What a listing is written in.",
    },
    {
        .name = "autoindex_localtime",
        .contexts = kAnywhere,
        .kind = kFlag<kLoc, kFiles, &FileOptions::local_time>,
        .weir_default = "off",
        .nginx_default = "off",
        .help = "Whether the times of an HTML listing are local ones.",
    },
};

}  // namespace

std::span<const Row> file_rows() {
  return kRows;
}

}  // namespace weir::config
