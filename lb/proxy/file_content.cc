// Finding the file of a request: by its path, by the index of a directory, or the directory's own listing. FileAnswer
// sends it.
#include "proxy/file_content.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/log.h"
#include "base/system.h"
#include "filter/compress.h"
#include "http/conditional.h"
#include "http/date.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace weir::proxy {
namespace {

using Want = io::FileReader::Want;
using http::HeaderToken;

// With its opening so much of a file is read: small ones are answered with what one look at the disk brings.
constexpr size_t kReadAhead = 128 * 1024;

constexpr http::TokenSet kConditions{HeaderToken::kIfModifiedSince, HeaderToken::kIfNoneMatch, HeaderToken::kRange};

// As nginx writes it, so that a fleet of both has one tag for one file.
std::string_view etag_of(const io::FileFacts& facts, Arena& arena) {
  char text[48];
  const int size = std::snprintf(text, sizeof text, "\"%llx-%llx\"", static_cast<unsigned long long>(facts.modified),
                                 static_cast<unsigned long long>(facts.size));
  return arena.copy({text, static_cast<size_t>(size)});
}

bool is_missing(int error) {
  return error == -ENOENT || error == -ENOTDIR || error == -ENAMETOOLONG;
}

}  // namespace

// A directory read and written as text, on a thread.
class FileContent::Listing final : public io::OffLoop::Work {
 public:
  Listing(std::string_view path, std::string_view uri, const http::ListingStyle& style)
      : path_(path), uri_(uri), style_(style) {}
  void run() override {
    std::vector<io::DirectoryEntry> entries;
    error = io::list_directory(path_.c_str(), entries);
    if (error != 0) return;
    std::vector<http::ListedFile> files;
    files.reserve(entries.size());
    for (io::DirectoryEntry& each : entries) {
      using Kind = http::ListedFile::Kind;
      const Kind kind = each.facts.kind == io::FileFacts::Kind::kDirectory ? Kind::kDirectory
                        : each.facts.kind == io::FileFacts::Kind::kRegular ? Kind::kFile
                                                                           : Kind::kOther;
      files.push_back({std::move(each.name), kind, each.facts.size, each.facts.modified});
    }
    text = http::write_listing(uri_, std::move(files), style_);
  }
  const std::string& path() const { return path_; }

  std::string text;
  int error = 0;

 private:
  const std::string path_, uri_;
  const http::ListingStyle style_;
};

FileContent::FileContent(Core& core, Exchange& exchange)
    : core_(core),
      x_(exchange),
      reader_(core.loop(), *this, core.options().asks_file_caches),
      answer_(core, exchange, reader_),
      off_loop_(core.loop(), *this) {}

io::FileReader::Search FileContent::search(size_t read_ahead) const {
  const FileOptions& files = x_.location().files;
  io::FileReader::Search search{.links = files.links, .trusted = 0, .read_ahead = read_ahead};
  if (x_.takes_files()) search.most_read_ahead = FileAnswer::kSmall;
  if (files.links != io::Links::kFollow) search.trusted = files.trusted.render(x_, x_.arena()).size();
  return search;
}

bool FileContent::find(std::span<const Candidate> candidates, size_t read_ahead) {
  if (reader_.find(candidates, search(read_ahead))) return true;
  step_ = Step::kPhase;
  return false;
}

size_t FileContent::read_ahead() const {
  const http::RequestHead& head = x_.request().head;
  if (head.method != http::Method::kGet) return 0;
  for (const http::Field& field : head.fields)
    if (kConditions.has(field.token)) return 0;  // likely to be answered with less
  return kReadAhead;
}

void FileContent::begin() {
  x_.run(*this);
  http::RequestHead& head = x_.request().head;
  if (x_.request().state == RequestState::kReceiving) x_.move(RequestState::kDiscarding);
  if (head.method != http::Method::kGet && head.method != http::Method::kHead && head.method != http::Method::kPost) {
    x_.answer_with(405, "Allow", "GET, HEAD");
    return;
  }
  if (x_.location().files.alias != FileOptions::Alias::kNone && x_.path_replaced()) {
    LogLimit& limit = x_.server().log->files;
    if (limit.pass(core_.loop().now()))
      log::error("request ", x_.uri(), ": no file (alias in a location where the path was rewritten; connection ",
                 x_.downstream().connection().number, ")", limit.dropped());
    x_.answer(500);
    return;
  }
  if (x_.uri().ends_with('/')) {
    find_index();
  } else {
    open(x_.file_path(x_.uri(), x_.arena()));
  }
}

void FileContent::on_file_ready() {
  switch (step_) {
    case Step::kPhase: x_.on_files_found(); break;
    case Step::kIndex: index_found(); break;
    case Step::kOpening: opened(); break;
    case Step::kSending: answer_.has_read_on(); break;
    case Step::kIdle:
    case Step::kListing: break;
  }
}

// --- a directory
// ----------------------------------------------------------------------------------------------------------

void FileContent::find_index() {
  static const std::vector<route::Template> usual{route::Template::literal("index.html")};
  const FileOptions& files = x_.location().files;
  const std::string_view directory = x_.file_path(x_.uri(), x_.arena());
  if (directory.empty()) return refuse(-ENOENT);
  std::vector<Candidate> candidates;
  index_paths_.clear();
  bool& has_absolute = index_is_absolute_;
  has_absolute = false;
  for (const route::Template& name : files.index != nullptr ? *files.index : usual) {
    const std::string_view text = name.render(x_, x_.arena());
    has_absolute = text.starts_with('/');
    index_paths_.push_back(has_absolute ? text : x_.arena().concat({x_.uri(), text}));
    if (has_absolute) break;
    candidates.push_back({x_.arena().concat({directory, text}), Want::kFile});
  }
  if (!has_absolute) candidates.push_back({directory, Want::kDirectory});
  step_ = Step::kIndex;
  if (candidates.empty()) return x_.follow_index(index_paths_.back());
  if (reader_.find(candidates, search(read_ahead()))) index_found();
}

void FileContent::index_found() {
  const int found = reader_.found();
  const bool has_directory = reader_.facts().kind == io::FileFacts::Kind::kDirectory;
  if (found >= 0 && !has_directory) {
    x_.follow_index(index_paths_[static_cast<size_t>(found)]);
  } else if (index_is_absolute_ && is_missing(reader_.error())) {
    x_.follow_index(index_paths_.back());  // it is a path of its own, and not looked for
  } else if (!has_directory) {
    refuse(reader_.error());
  } else if (x_.location().files.autoindex && x_.request().head.method != http::Method::kPost) {
    list_directory();
  } else {
    log_refusal(0, reader_.path());
    x_.answer(403);
  }
}

void FileContent::list_directory() {
  const FileOptions& files = x_.location().files;
  http::ListingStyle style{.format = files.listing, .exact_size = files.exact_size};
  if (files.local_time) style.utc_offset = core_.utc_offset(core_.loop().wall_us());
  step_ = Step::kListing;
  off_loop_.start(std::make_unique<Listing>(reader_.path(), x_.uri(), style));
}

void FileContent::on_work_done(std::unique_ptr<io::OffLoop::Work> work) {
  auto& listing = static_cast<Listing&>(*work);
  if (listing.error != 0) {
    log_refusal(listing.error, listing.path());
    x_.answer(is_missing(listing.error) ? 404 : listing.error == -EACCES ? 403 : 500);
    return;
  }
  listing_ = std::move(listing.text);
  http::ResponseHead& head = answer_.head();
  head.clear();
  head.status = 200;
  head.fields.add_clean("Content-Type", http::content_type(x_.location().files.listing), HeaderToken::kContentType);
  answer_.take_text(listing_);
  step_ = Step::kSending;
  answer_.begin(true, false);
}

// --- a file
// ---------------------------------------------------------------------------------------------------------------

bool FileContent::takes_gzip() const {
  const UseGzip use = x_.location().files.gzip;
  if (use != UseGzip::kOn) return use == UseGzip::kAlways;
  return filter::takes_gzip(x_.location().compress, x_.request().head, {}, core_.loop().wall_us());
}

void FileContent::open(std::string_view path) {
  step_ = Step::kOpening;
  opened_gzip_ = false;
  const bool takes_compressed = takes_gzip();
  if (!takes_compressed && reader_.is_open() && reader_.path() == path) return opened();
  if (path.empty()) return refuse(-ENOENT);
  if (takes_compressed) {
    const Candidate both[] = {{x_.arena().concat({path, ".gz"}), Want::kRegular}, {path, Want::kOpened}};
    if (reader_.find(both, search(read_ahead()))) opened();
  } else {
    const Candidate one[] = {{path, Want::kOpened}};
    if (reader_.find(one, search(read_ahead()))) opened();
  }
}

void FileContent::opened() {
  if (reader_.found() < 0) return refuse(reader_.error());
  opened_gzip_ = takes_gzip() && reader_.found() == 0;
  const io::FileFacts& facts = reader_.facts();
  if (facts.kind == io::FileFacts::Kind::kDirectory) return x_.redirect_to_directory();
  if (facts.kind != io::FileFacts::Kind::kRegular) {
    log_refusal(0, reader_.path());
    x_.answer(404);
    return;
  }
  if (x_.request().head.method == http::Method::kPost) {
    x_.answer_with(405, "Allow", "GET, HEAD");
    return;
  }
  if (reader_.error() != 0) return refuse(reader_.error());  // of what was read with its opening
  answer_file();
}

void FileContent::answer_file() {
  const io::FileFacts& facts = reader_.facts();
  const FileOptions& files = x_.location().files;
  Arena& arena = x_.arena();
  FileAnswer::Body body{.size = facts.size, .modified = facts.modified, .most_ranges = files.max_ranges};
  const auto ahead = static_cast<int64_t>(reader_.bytes().size());
  if (ahead > 0 && ahead < std::min(body.size, static_cast<int64_t>(kReadAhead)))
    body.size = ahead;  // it has shrunk meanwhile
  body.etag = files.etag ? etag_of(facts, arena) : std::string_view();
  body.type = x_.content_type();
  // The page of another status holds whatever is asked.
  const bool is_own = x_.shown_status() == 0 || x_.shown_status() == 200;
  http::ResponseHead& head = answer_.head();
  head.clear();
  head.status = 200;
  answer_.take_whole(body);
  auto precondition = http::Precondition::kHolds;
  if (x_.heeds_conditions())
    precondition = http::check_preconditions(x_.request().head, {body.modified, body.etag}, files.modified_since);
  if (precondition == http::Precondition::kFailed) {
    x_.answer(412);
    return;
  }
  const bool is_modified = precondition == http::Precondition::kHolds;
  http::FieldList& fields = head.fields;
  if (is_modified && !body.type.empty()) fields.add("Content-Type", body.type, HeaderToken::kContentType);
  http::DateText text;
  if (is_own)
    fields.add_clean("Last-Modified", arena.copy(http::imf_fixdate(body.modified * 1'000'000, text)),
                     HeaderToken::kLastModified);
  if (!body.etag.empty()) fields.add_clean("ETag", body.etag, HeaderToken::kEtag);
  if (opened_gzip_ && is_modified) fields.add_clean("Content-Encoding", "gzip", HeaderToken::kContentEncoding);
  if (files.gzip == UseGzip::kOn) filter::vary_by_accept_encoding(fields);
  if (!is_modified) {
    head.status = 304;
    answer_.take_nothing();
  } else if (x_.heeds_conditions() && !answer_.take_ranges(body)) {
    x_.answer_with(416, "Content-Range", http::unsatisfied_range(body.size, arena));
    return;
  }
  if (is_own && head.status == 200 && files.max_ranges > 0)
    fields.add_clean("Accept-Ranges", "bytes", HeaderToken::kOther);
  step_ = Step::kSending;
  answer_.begin(is_modified, false);
}

void FileContent::refuse(int error) {
  const bool missing = is_missing(error);
  if (!missing || x_.location().files.log_not_found) log_refusal(error, reader_.path());
  x_.answer(missing ? 404 : error == -EACCES || error == -ELOOP || error == -EMLINK ? 403 : 500);
}

// Clients can cause as many of these as they like.
void FileContent::log_refusal(int error, std::string_view path) {
  LogLimit& limit = x_.server().log->files;
  if (!limit.pass(core_.loop().now())) return;
  const std::string why = error != 0              ? call_failed("open() \"" + std::string(path) + "\"", -error)
                          : step_ == Step::kIndex ? "directory \"" + std::string(path) + "\" has no index"
                                                  : "\"" + std::string(path) + "\" is no regular file";
  log::error("request ", x_.uri(), ": no file (", why, "; connection ", x_.downstream().connection().number, ")",
             limit.dropped());
}

void FileContent::resume_response(const Chain&) {
  answer_.go_on();
}

void FileContent::resume() {
  if (step_ == Step::kSending) answer_.resume();
}

void FileContent::abort(ErrorKind) {
  step_ = Step::kIdle;  // nothing more of it is sent
  reader_.close();
  off_loop_.cancel();
}

void FileContent::end() {
  step_ = Step::kIdle;
  paused_ = {};
  answer_.end();
  reader_.close();
  off_loop_.cancel();
  if (listing_.capacity() > 4096) listing_ = std::string();
}

}  // namespace weir::proxy
