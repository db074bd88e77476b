// The rewrite phases: what the steps of a server{} or location{} make of the path, the arguments and the variables of a
// request (nginx's ngx_http_rewrite_module and ngx_http_script.c). They decide only; what they want to have answered is
// a decision that run_content() carries out behind the location's filters.
#include "base/bytes.h"
#include "base/log.h"
#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/file_content.h"
#include "proxy/request_trace.h"
#include "route/location_table.h"

namespace weir::proxy {
namespace {

// nginx's NGX_ESCAPE_ARGS.
bool is_escaped_in_args(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte <= 0x20 || byte >= 0x7f || std::string_view("#%&+;?").find(c) != std::string_view::npos;
}

// What a client had escaped, and a regex captured decoded, is escaped again where it becomes arguments or an address.
class EscapedCaptures final : public route::VariableSource {
 public:
  EscapedCaptures(const route::VariableSource& source, bool escapes, bool in_args)
      : source_(source), escapes_(escapes), in_args_(in_args) {}
  route::VariableValue variable(const route::VariableRef& ref, Arena& arena) const override {
    route::VariableValue value = source_.variable(ref, arena);
    if (escapes_ && ref.id == route::Var::kCapture)
      value.text = in_args_ ? escape_args(value.text, arena) : route::escape_path(value.text, arena);
    return value;
  }

 private:
  static std::string_view escape_args(std::string_view text, Arena& arena) {
    constexpr char kHex[] = "0123456789ABCDEF";
    char* out = arena.allocate(text.size() * 3);
    size_t n = 0;
    for (const char c : text) {
      if (is_escaped_in_args(c)) {
        out[n++] = '%';
        out[n++] = kHex[static_cast<unsigned char>(c) >> 4];
        out[n++] = kHex[static_cast<unsigned char>(c) & 15];
      } else {
        out[n++] = c;
      }
    }
    return {out, n};
  }

  const route::VariableSource& source_;
  bool escapes_, in_args_;
};

}  // namespace

void Exchange::capture(const Regex& regex, const RegexMatch& match) {
  const size_t bytes = sizeof(Captured) + static_cast<size_t>(match.count) * sizeof(std::string_view);
  auto* made = new (arena_.allocate(bytes, alignof(Captured))) Captured{&regex, captured_, match.count};
  for (int i = 0; i < match.count; ++i) new (made->groups() + i) std::string_view(match.group[i]);
  captured_ = made;
}

void Exchange::note_failed(const Regex& regex) const {
  if (phase_ < Phase::kRunning) pending_answer_ = 500;
  LogLimit& limit = server_->log->regexes;
  if (limit.pass(core_.loop().now()))
    log::error("request ", request_.head.target, ": regex \"", regex.pattern(),
               "\" gave up (it takes too many steps, or too much memory; connection ", downstream_->connection().number,
               ")", limit.dropped());
}

route::VariableValue Exchange::set_variable(const route::VariableRef& ref) const {
  for (const SetValue* value = set_values_; value != nullptr; value = value->next)
    if (value->slot == ref.index) return {value->text, true};
  if (const route::VariableValue value = named_capture(ref); value.found) return value;
  LogLimit& limit = server_->log->uninitialized;
  if (location_ != nullptr && location_->uninitialized_warn && limit.pass(core_.loop().now()))
    log::warn("request ", uri_, ": uninitialized variable \"", ref.arg, "\" is empty (connection ",
              downstream_->connection().number, ")", limit.dropped());
  return {{}, true};
}

route::VariableValue Exchange::named_capture(const route::VariableRef& ref) const {
  for (const Captured* each = captured_; each != nullptr; each = each->older)
    for (const auto& [name, index] : each->regex->names())
      if (index < each->count && iequals(name, ref.arg)) return {each->groups()[index], true};
  return {};
}

void Exchange::run_set(const RewriteStep& step) {
  const std::string_view text = step.value.render(*this, arena_);
  if (step.slot == RewriteStep::kArgs) {
    request_.head.query = text;
    request_.head.has_query = !text.empty();
    set_target();
    return;
  }
  if (step.slot == RewriteStep::kLimitRate) {
    asked_rate_ = text;
    return;
  }
  set_variable(step.slot, text);
}

void Exchange::set_variable(int slot, std::string_view text) {
  for (SetValue* value = set_values_; value != nullptr; value = value->next) {
    if (value->slot != slot) continue;
    value->text = text;
    return;
  }
  set_values_ = new (arena_.allocate(sizeof(SetValue), alignof(SetValue))) SetValue{slot, text, set_values_};
}

// What a peer is asked for from here on.
void Exchange::set_target() {
  const http::RequestHead& head = request_.head;
  internal_target_ = arena_.concat({route::escape_path(uri_, arena_), head.has_query ? "?" : "", head.query});
  target_changed_ = true;
}

bool Exchange::run_rewrite(const RewriteStep& step) {
  RegexMatch match;
  const Regex::Outcome outcome = step.regex->run(uri_, &match);
  if (outcome == Regex::Outcome::kFailed) note_failed(*step.regex);
  const bool is = outcome == Regex::Outcome::kYes;
  if (is || (captured_ != nullptr && captured_->count > 0))
    capture(*step.regex, is ? match : RegexMatch());  // as nginx: $1 is gone where none is
  if (!is) return false;
  http::RequestHead& head = request_.head;
  const bool was_escaped = head.path.find_first_of("%+") != std::string_view::npos;
  const EscapedCaptures in_args(*this, was_escaped, true);
  if (step.redirect_status != 0) {
    const EscapedCaptures in_address(*this, was_escaped, false);
    std::string_view to = step.value.render(in_address, arena_);
    if (step.has_new_args) to = arena_.concat({to, "?", step.new_args.render(in_args, arena_)});
    if (step.keeps_args && !head.query.empty()) to = arena_.concat({to, step.has_new_args ? "&" : "?", head.query});
    is_decided_ = true;
    decision_ = {.redirect_status = step.redirect_status, .redirect_to = to};
    return true;
  }
  const std::string_view path = step.value.render(*this, arena_);
  if (step.has_new_args) {
    const std::string_view args = step.new_args.render(in_args, arena_);
    const bool both = step.keeps_args && !head.query.empty() && !args.empty();
    head.query = both ? arena_.concat({args, "&", head.query}) : step.keeps_args && args.empty() ? head.query : args;
  } else if (!step.keeps_args) {
    head.query = {};
  }
  head.has_query = !head.query.empty();
  if (location_->rewrite_log) log::notice("request ", uri_, ": rewritten to ", path, " (", step.written, ")");
  uri_ = path;
  internal_ = true;
  set_target();
  return true;
}

std::optional<bool> Exchange::holds(const Condition& condition) {
  if (condition.kind >= Condition::Kind::kRegularFile) {
    const std::optional<bool> found = is_file(condition);
    return found ? std::optional(*found != condition.negated) : found;
  }
  const std::string_view text = condition.subject.render(*this, arena_);
  bool is = false;
  switch (condition.kind) {
    case Condition::Kind::kTrue: is = !text.empty() && text != "0"; break;
    case Condition::Kind::kEqual: is = text == condition.value.render(*this, arena_); break;
    case Condition::Kind::kMatch: {
      RegexMatch match;
      const Regex::Outcome outcome = condition.regex->run(text, &match);
      if (outcome == Regex::Outcome::kFailed) {
        note_failed(*condition.regex);
        return false;  // negated too
      }
      is = outcome == Regex::Outcome::kYes;
      if (is || (captured_ != nullptr && captured_->count > 0)) capture(*condition.regex, is ? match : RegexMatch());
      break;
    }
    default: break;  // those of files
  }
  return is != condition.negated;
}

Exchange::Rewritten Exchange::run_steps(const RewriteSteps& steps) {
  bool changed = false;
  std::optional<Rewritten> ended;
  if (file_answered_) {  // on from the `if` that waited for it
    const FileContent::Paused paused = std::exchange(files_->paused(), {});
    changed = paused.changed;
    ended = run_steps(*paused.steps, paused.at, changed);
  } else {
    ended = run_steps(steps, 0, changed);
  }
  return ended.value_or(changed ? Rewritten::kFindLocation : Rewritten::kGoOn);
}

// Nothing: they have run to their end. `changed`: the path is another, and a location is to be found for it.
std::optional<Exchange::Rewritten> Exchange::run_steps(const RewriteSteps& steps, size_t from, bool& changed) {
  RequestTrace* const trace = core_.options().trace;
  for (size_t i = from; i < steps.size(); ++i) {
    const RewriteStep& step = steps[i];
    const auto note = [&](bool took) {
      if (trace != nullptr) trace->on_step(step, took, uri_);
      return took;
    };
    switch (step.kind) {
      case RewriteStep::Kind::kSet:
        run_set(step);
        note(true);
        break;
      case RewriteStep::Kind::kBreak: note(true); return Rewritten::kGoOn;
      case RewriteStep::Kind::kReturn:
        note(true);
        is_decided_ = true;
        decision_ = {.returns = &step.returns};
        return Rewritten::kDecided;
      case RewriteStep::Kind::kRewrite:
        if (!note(run_rewrite(step))) break;
        if (is_decided_) return Rewritten::kDecided;
        if (!uri_.starts_with('/')) {
          LogLimit& limit = server_->log->redirects;
          if (limit.pass(core_.loop().now()))
            log::error("request ", request_.head.target, ": rewritten to \"", uri_, "\", which is no path (",
                       step.written, ")", limit.dropped());
          pending_answer_ = 500;
          return Rewritten::kDecided;
        }
        if (step.after == RewriteStep::After::kLast) return Rewritten::kFindLocation;
        if (step.after == RewriteStep::After::kBreak) {
          path_replaced_ = true;
          return Rewritten::kGoOn;
        }
        changed = true;
        break;
      case RewriteStep::Kind::kIf:
        if (const std::optional<bool> is = holds(step.condition); !is) {
          files_->paused() = {.steps = &steps, .at = i, .changed = changed};  // no `if` is inside another
          return Rewritten::kWaits;
        } else if (!note(*is)) {
          break;
        }
        if (step.settings != nullptr) location_ = step.settings.get();
        if (const std::optional<Rewritten> ended = run_steps(step.inside, 0, changed)) return ended;
        break;
    }
    if (pending_answer_ != 0) return Rewritten::kDecided;  // a regex has failed
  }
  return std::nullopt;
}

}  // namespace weir::proxy
