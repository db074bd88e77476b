// Files in the phases: which file a path is, try_files, and `if` that looks at one. Answers of the disk may come later;
// the request waits where it stands.
#include "base/log.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/file_content.h"
#include "route/location_table.h"

namespace weir::proxy {

using Alias = FileOptions::Alias;
using Want = io::FileReader::Want;

namespace {

// Such a path a client cannot ask for, but variables may make it.
bool climbs(std::string_view path) {
  for (size_t at = path.find(".."); at != std::string_view::npos; at = path.find("..", at + 2)) {
    const bool begins = at == 0 || path[at - 1] == '/';
    if (begins && (at + 2 == path.size() || path[at + 2] == '/')) return true;
  }
  return false;
}

}  // namespace

FileContent& Exchange::files() {
  if (files_ == nullptr) files_ = std::make_unique<FileContent>(core_, *this);
  return *files_;
}

void Exchange::run_files() {
  files().begin();
}

// Of the root or alias; a relative one that variables make is of the configuration's directory.
std::string_view Exchange::file_root(Arena& arena) const {
  const FileOptions& files = location_->files;
  if (!files.root) return {};
  const std::string_view root = files.root->render(*this, arena);
  return files.base.empty() || root.starts_with('/') ? root : arena.concat({files.base, root});
}

std::string_view Exchange::behind_root(std::string_view rest, Arena& arena) const {
  const bool is_path = location_->files.alias != Alias::kNone || rest.starts_with('/');
  if (!is_path || climbs(rest)) return {};
  const std::string_view made = arena.concat({file_root(arena), rest});
  return made.find('\0') == std::string_view::npos ? made : std::string_view();  // a variable's, which no file has
}

// nginx's ngx_http_map_uri_to_path.
std::string_view Exchange::file_path(std::string_view path, Arena& arena) const {
  const FileOptions& files = location_->files;
  if (!files.root) return {};
  std::string_view rest = path;
  if (files.alias == Alias::kPrefix) rest.remove_prefix(std::min(files.replaced, rest.size()));
  if (files.alias == Alias::kRegex && !path_behind_alias_) rest = {};
  return behind_root(rest, arena);
}

std::string_view Exchange::tried_path(std::string_view name) const {
  const FileOptions& files = location_->files;
  if (files.alias == Alias::kPrefix && name.starts_with(uri_.substr(0, files.replaced)))
    name.remove_prefix(std::min(files.replaced, name.size()));
  return name;
}

// nginx's ngx_http_try_files_handler. False: it waits, or the request has gone elsewhere.
bool Exchange::try_files() {
  const TryFiles& tries = *location_->files.tries;
  FileContent::Paused& paused = files().paused();
  if (paused.tried.empty() && location_->files.root) {
    auto* const names = reinterpret_cast<std::string_view*>(
        arena_.allocate(tries.names.size() * sizeof(std::string_view), alignof(std::string_view)));
    std::vector<FileContent::Candidate> candidates;
    const bool opens = !location_->pass;  // the content is the file then
    for (size_t i = 0; i < tries.names.size(); ++i) {
      const TryFiles::Name& each = tries.names[i];
      new (names + i) std::string_view(tried_path(each.text.render(*this, arena_)));
      candidates.push_back({behind_root(names[i], arena_), each.is_directory ? Want::kDirectory
                                                           : opens           ? Want::kFile
                                                                             : Want::kNotDirectory});
    }
    paused.tried = {names, tries.names.size()};
    if (!files_->find(candidates, opens ? files_->read_ahead() : 0)) {
      suspended_ = Suspended::kFiles;
      return false;
    }
  }
  const std::span<const std::string_view> tried = std::exchange(paused.tried, {});
  const int found = tried.empty() ? -1 : files_->answer().found();
  if (found >= 0) {
    take_tried(tried[static_cast<size_t>(found)], tries.names[static_cast<size_t>(found)].is_directory);
    return true;
  }
  if (tries.status != 0) {
    phase_ = Phase::kRunning;
    answer(tries.status);
    return false;
  }
  const std::string_view last = tries.last.render(*this, arena_);
  if (last.starts_with('@')) {
    redirect_to_named(last);
  } else {
    const size_t query = last.find('?');
    request_.head.query = query != std::string_view::npos ? last.substr(query + 1) : std::string_view();
    request_.head.has_query = !request_.head.query.empty();
    go_to(last.substr(0, query));
  }
  return false;
}

// The path is that of the file from here on.
void Exchange::take_tried(std::string_view name, bool is_directory) {
  switch (location_->files.alias) {
    case Alias::kNone: uri_ = name; break;
    case Alias::kPrefix: uri_ = arena_.concat({uri_.substr(0, location_->files.replaced), name}); break;
    case Alias::kRegex:
      if (is_directory) return;
      uri_ = name;
      path_behind_alias_ = true;
      break;
  }
}

void Exchange::redirect_to_named(std::string_view name) {
  const int index = server_->table.find_named(name);
  if (index < 0) {
    LogLimit& limit = server_->log->redirects;
    if (limit.pass(core_.loop().now()))
      log::error("request ", uri_, ": no location ", name, " (connection ", downstream_->connection().number, ")",
                 limit.dropped());
    phase_ = Phase::kRunning;
    answer(500);
    return;
  }
  enter_location(*server_->locations[static_cast<size_t>(index)]);
  match_ = {};
  redirect_internally(Phase::kRewrite);
}

// With what is asked of it, the request begins anew with another path.
void Exchange::go_to(std::string_view path) {
  uri_ = path;
  set_target();
  redirect_internally(Phase::kServerRewrite);
}

void Exchange::follow_index(std::string_view path) {
  content_ = nullptr;  // not ended: it has opened the file that it will be asked for
  go_to(path);
}

void Exchange::redirect_to_directory() {
  const http::RequestHead& head = request_.head;
  send_redirect(301, arena_.concat({route::escape_path(uri_, arena_), "/", head.query.empty() ? "" : "?", head.query}));
}

// Nullopt: the answer is waited for.
std::optional<bool> Exchange::is_file(const Condition& condition) {
  FileContent& files = this->files();
  if (!std::exchange(file_answered_, false)) {
    std::string_view path = condition.subject.render(*this, arena_);
    const std::string& base = location_->files.base;
    if (!path.starts_with('/') && !base.empty()) path = arena_.concat({base, path});
    if (path.empty() || path.find('\0') != std::string_view::npos) return false;
    const FileContent::Candidate one[] = {{path, Want::kAnything}};
    if (!files.find(one, 0)) {
      suspended_ = Suspended::kFiles;
      return std::nullopt;
    }
  }
  using Kind = io::FileFacts::Kind;
  const io::FileFacts& facts = files.answer().facts();
  switch (condition.kind) {
    case Condition::Kind::kRegularFile: return facts.kind == Kind::kRegular;
    case Condition::Kind::kDirectory: return facts.kind == Kind::kDirectory;
    case Condition::Kind::kExecutable: return facts.is_executable;
    default: return facts.kind != Kind::kNothing;
  }
}

// A phase goes on that had asked.
void Exchange::on_files_found() {
  const uint64_t life = life_;
  suspended_ = Suspended::kNothing;
  if (phase_ < Phase::kAccess) {
    file_answered_ = true;
    run_phases();
  }
  turn();
  if (life == life_) downstream_->update_read();  // it may have been paused meanwhile
}

void Exchange::stop_files() {
  if (files_ != nullptr) files_->end();
  file_answered_ = false;
  if (suspended_ == Suspended::kFiles) suspended_ = Suspended::kNothing;
}

}  // namespace weir::proxy
