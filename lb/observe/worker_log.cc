// A worker's log buffers: filled line by line, handed to the writer when full or due.
#include <algorithm>
#include <utility>

#include "observe/access_log.h"

namespace weir::observe {
namespace {

constexpr size_t kUsualLine = 4 * 1024;  // room behind the limit, so that the last line does not reallocate

}  // namespace

void WorkerLog::log(const LogFile& file, const AccessLogOptions& options, const route::VariableSource& source,
                    Arena& scratch, MonoMs now) {
  if (options.condition != nullptr) {
    const std::string_view condition = options.condition->render(source, scratch);
    if (condition.empty() || condition == "0") return;
  }
  const auto id = static_cast<size_t>(file.id());
  if (id >= buffers_.size()) buffers_.resize(id + 1);
  Buffer& buffer = buffers_[id];
  if (buffer.text.empty()) {
    buffer.text = writer_.take_buffer(options.buffer + kUsualLine);
    buffer.file = file;
  }
  options.format->render(source, scratch, buffer.text);
  // Several logs may share the file: the most impatient one decides.
  buffer.due = std::min(buffer.due, now + options.flush.count());
  if (buffer.text.size() >= options.buffer) hand_over(id);
}

MonoMs WorkerLog::flush(MonoMs now, bool all) {
  MonoMs next = kNever;
  for (size_t id = 0; id < buffers_.size(); ++id) {
    if (buffers_[id].due == kNever) continue;
    if (all || buffers_[id].due <= now)
      hand_over(id);
    else
      next = std::min(next, buffers_[id].due);
  }
  return next;
}

void WorkerLog::hand_over(size_t id) {
  Buffer& buffer = buffers_[id];
  writer_.write(buffer.file, std::exchange(buffer.text, {}));
  buffer.file = {};
  buffer.due = kNever;
}

}  // namespace weir::observe
