// Files: what the location's root and the path name is found, and sent piece by piece as the client takes it. The
// phases before (try_files, `if` that looks at files) ask through it too, so that a file which they have opened is not
// opened again.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/head.h"
#include "http/ranges.h"
#include "io/file_reader.h"
#include "io/off_loop.h"
#include "proxy/content.h"
#include "proxy/rewrite.h"

namespace weir::proxy {

class Core;
class Exchange;

class FileContent final : public Content, private io::FileReader::Handler, private io::OffLoop::Handler {
 public:
  FileContent(Core& core, Exchange& exchange);
  FileContent(const FileContent&) = delete;
  FileContent& operator=(const FileContent&) = delete;

  // --- for the phases: one question at a time
  using Candidate = io::FileReader::Candidate;
  // As FileReader::find, by the location's rules for links. False: Exchange::on_files_found() follows.
  bool find(std::span<const Candidate> candidates, size_t read_ahead);
  const io::FileReader& answer() const { return reader_; }
  // Where a phase goes on that waits for an answer.
  struct Paused {
    const RewriteSteps* steps = nullptr;  // null: none of them waits
    size_t at = 0;
    bool changed = false;
    std::span<const std::string_view> tried = {};  // of a try_files: the paths of its candidates. In the arena
  };
  Paused& paused() { return paused_; }
  // How much of a file is read with its opening, for this request.
  size_t read_ahead() const;

  void begin();

  // --- Content
  void on_request_body(std::string_view) override {}
  void resume() override;
  bool wants_request_body() override { return true; }  // it is thrown away
  void resume_response(const Chain& held) override;
  void abort(ErrorKind kind) override;
  void end() override;

 private:
  enum class Step : uint8_t { kIdle, kPhase, kIndex, kOpening, kListing, kSending };
  // A part of the body: text, and then a part of the file.
  struct Segment {
    std::string_view text;
    int64_t begin = 0;
    int64_t end = 0;
  };
  class Listing;

  void on_file_ready() override;
  void on_work_done(std::unique_ptr<io::OffLoop::Work> work) override;

  io::FileReader::Search search(size_t read_ahead) const;
  void find_index();
  void index_found();
  void list_directory();
  void open(std::string_view path);
  void opened();
  bool takes_gzip() const;
  // Errors of the file system: 404, 403 or 500, and a line in the error log.
  void refuse(int error);
  void log_refusal(int error, std::string_view path);

  void answer_file();
  bool choose_parts(std::string_view etag, std::string_view type);
  void add_parts(std::string_view type);
  void begin_answer(bool has_body);
  void go_on();
  // Gathers pieces of the body; true with the last of them.
  bool gather();
  bool read_next();
  bool has_read();
  void break_off(std::string_view why);

  Core& core_;
  Exchange& x_;
  io::FileReader reader_;
  io::OffLoop off_loop_;
  Paused paused_;
  Step step_ = Step::kIdle;
  bool opened_gzip_ = false;
  bool head_begun_ = false;                    // it was given to the filters
  bool text_sent_ = false;                     // of the segment
  bool index_is_absolute_ = false;             // the last of index_paths_
  std::vector<std::string_view> index_paths_;  // what the request goes to
  std::vector<http::ByteRange> ranges_;
  std::vector<Segment> segments_;
  size_t segment_ = 0;
  int64_t at_ = 0;  // in the file
  int64_t size_ = 0;
  std::string listing_;
  http::ResponseHead head_;
};

}  // namespace weir::proxy
