// A body that stands in a file, or a text, on its way to the client: ranges decide what of it, then it is read as fast
// as it is taken.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "http/codec.h"
#include "http/head.h"
#include "http/ranges.h"
#include "io/file_reader.h"

namespace weir::proxy {

class Core;
class Exchange;

class FileAnswer {
 public:
  // Up to here a read, and a write together with the head, cost no more than sendfile does (note 0044).
  static constexpr int64_t kSmall = 16 * 1024;

  // Where in the file it stands, and what ranges are asked of.
  struct Body {
    int64_t begin = 0;
    int64_t size = 0;
    int64_t modified = -1;  // seconds; -1: not known
    std::string_view etag = {};
    std::string_view type = {};
    int64_t most_ranges = 0;
  };

  FileAnswer(Core& core, Exchange& exchange, io::FileReader& reader) : core_(core), x_(exchange), reader_(reader) {}
  FileAnswer(const FileAnswer&) = delete;
  FileAnswer& operator=(const FileAnswer&) = delete;

  http::ResponseHead& head() { return head_; }
  const http::ResponseHead& head() const { return head_; }
  // All of it.
  void take_whole(const Body& body);
  void take_text(std::string_view text);
  void take_nothing() { segments_.clear(); }
  // What the request's Range asks for; the head is that of the whole body. False: none of it is in the body, whose
  // answer is 416.
  bool take_ranges(const Body& body);
  // The head goes to the filters, and what was taken to the client. `has_body`: an answer of that status has one; a
  // HEAD's is declared all the same. `is_peers`: the head is what a peer has sent. May end the exchange.
  void begin(bool has_body, bool is_peers);
  void resume();
  // The reader has what was asked of it.
  void has_read_on();
  void go_on();
  bool has_begun() const { return begun_; }
  void end();

 private:
  // A part of the body: text, and then a part of the file.
  struct Segment {
    std::string_view text;
    int64_t begin = 0;
    int64_t end = 0;
  };

  bool is_changed_by_filters(const Body& body);
  void add_parts(const Body& body);
  // Gathers pieces of the body; true with the last of them.
  bool gather();
  // How much of what comes next can be sent without being read; 0: it is to be read.
  size_t sendable();
  void send_file(const http::OutResponse* head, size_t size);
  void advance(size_t bytes) {
    at_ += static_cast<int64_t>(bytes);
    in_this_turn_ += static_cast<int64_t>(bytes);
  }
  void go_on_later();
  bool read_next();
  bool has_read();
  void break_off(std::string_view why);

  Core& core_;
  Exchange& x_;
  io::FileReader& reader_;
  bool begun_ = false;  // the head was given to the filters
  bool is_peers_ = false;
  bool text_sent_ = false;  // of the segment
  std::vector<http::ByteRange> ranges_;
  std::vector<Segment> segments_;
  size_t segment_ = 0;
  int64_t at_ = 0;                     // in the file
  bool is_full_ = false;               // the kernel has not taken all of the file that it was given
  int refusals_ = 0;                   // how often running it has taken nothing
  int64_t in_this_turn_ = 0;           // bytes of the file
  uint64_t steps_ = 0;                 // begins of go_on() counted: what was to go on later has done so then
  std::shared_ptr<FileAnswer*> self_;  // made when it is first to go on later
  http::ResponseHead head_;
};

}  // namespace weir::proxy
