// Files: what the location's root and the path name is found, and sent piece by piece as the client takes it. The
// phases before (try_files, `if` that looks at files) ask through it too, so that a file which they have opened is not
// opened again.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_reader.h"
#include "io/off_loop.h"
#include "proxy/content.h"
#include "proxy/file_answer.h"
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

  Core& core_;
  Exchange& x_;
  io::FileReader reader_;
  FileAnswer answer_;
  io::OffLoop off_loop_;
  Paused paused_;
  Step step_ = Step::kIdle;
  bool opened_gzip_ = false;
  bool index_is_absolute_ = false;             // the last of index_paths_
  std::vector<std::string_view> index_paths_;  // what the request goes to
  std::string listing_;
};

}  // namespace weir::proxy
