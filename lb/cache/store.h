// An answer on its way into a cache: what comes of its body is copied and written by the disk's thread into a file of
// its own, which takes its place when all of it is there. Whatever goes wrong before, nothing is kept.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "cache/key.h"
#include "cache/stored_head.h"
#include "cache/zone.h"

namespace weir::cache {

class Store {
 public:
  // `head` is copied; its body_bytes are found out. `digest`: its place, where it varies by more than the key.
  Store(std::shared_ptr<Zone> zone, const Zone::Found& found, const StoredHead& head);
  ~Store();  // without complete() before: nothing is kept
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  void add(std::string_view bytes);
  // False: it comes to nothing, as the disk is too slow or could not write, or as it is larger than all of the cache
  // may be. What is added then is dropped.
  bool keeps() const;
  // The body has ended. Once, last.
  void complete();
  // Instead of add() and complete(): the body is that of the file at `path`, as long as its head is still `head`.
  void complete_with_body_of(std::string path, std::string head);

 private:
  struct File;
  void spill();
  void give_up();

  std::shared_ptr<Zone> zone_;
  std::shared_ptr<File> file_;  // the disk's thread uses what is in it; null: given up, or over
  std::string buffer_;
  int64_t body_bytes_ = 0;
  int64_t most_bytes_;
};

}  // namespace weir::cache
