// Where a peer's count of requests in flight stands: apart from its other words, so that a balancer that compares the
// load of a thousand peers reads 64 cache lines and not a thousand. Cells are handed out line after line, the first 64
// of a block each in a line of their own: few peers share none, whose workers would wait for each other.
#pragma once
#include <atomic>
#include <cstdint>

namespace weir::policy {

class LoadCell {
 public:
  LoadCell();  // takes the first free cell of the process, at 0; any thread
  ~LoadCell();
  LoadCell(const LoadCell&) = delete;
  LoadCell& operator=(const LoadCell&) = delete;
  std::atomic<uint32_t>& count() const { return *count_; }

 private:
  std::atomic<uint32_t>* count_;
  uint32_t number_;
};

}  // namespace weir::policy
