// Content codings that weir makes: an encoder for each answer that is being compressed, and the loop's pool of them. An
// encoder has much memory (zlib's 264 KB, brotli's 1 to 30 MB): it is taken with the first bytes of a body, given back
// with the last, and what all of a loop hold is bounded.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace weir::filter {

class Sink;

enum class Coding : uint8_t { kGzip, kBrotli };
// As in Content-Encoding: "gzip", "br".
std::string_view to_string(Coding coding);

struct EncoderOptions {
  Coding coding = Coding::kGzip;
  int level = 1;         // gzip: 1 to 9, brotli: 0 to 11
  int window_bits = 15;  // of how much is looked back at: gzip 9 to 15, brotli 10 to 24
  int memory_level = 8;  // zlib's, 1 to 9
  bool operator==(const EncoderOptions&) const = default;
};
// With no larger a window than a body of that length needs; -1: not known. zlib's as nginx has it.
EncoderOptions fitted(EncoderOptions options, int64_t length);

class Encoder {
 public:
  enum class Flush : uint8_t {
    kNone,  // the library holds back as much as it likes
    kAll,   // the client can decode all that was given so far
    kEnd,   // the last; nothing may follow
  };
  virtual ~Encoder() = default;
  // Writes what comes of the bytes; how many those are, nullopt: the library failed.
  virtual std::optional<size_t> encode(std::string_view bytes, Flush flush, Sink& sink) = 0;
  // Begins a new stream in the memory of an old one. False: these options want other memory.
  virtual bool restart(const EncoderOptions& options) = 0;
  virtual bool is_reusable() const = 0;
  // That it holds now.
  virtual size_t bytes() const = 0;
};

// Not thread-safe: one a loop; outlives what is taken from it.
class EncoderPool {
 public:
  static constexpr size_t kMostBytes = 128 << 20;  // of the encoders that are lent

  EncoderPool() = default;
  ~EncoderPool();
  EncoderPool(const EncoderPool&) = delete;
  EncoderPool& operator=(const EncoderPool&) = delete;

  // Whether one more fits. Where none does answers go out as they are.
  bool has_room() const { return lent_bytes() < kMostBytes; }
  // Null: the library failed. It is given back, whatever has become of its stream.
  std::unique_ptr<Encoder> take(const EncoderOptions& options);
  void give(std::unique_ptr<Encoder> encoder);
  // To be called now and then: frees half of what nobody needed since the last time, down to kKept.
  bool can_trim() const { return idle_.size() > kKept; }
  void trim();
  // For what else codes bodies in this loop: counts their memory.
  size_t& counted() { return bytes_; }
  size_t lent_bytes() const { return bytes_ - idle_bytes_; }
  size_t idle() const { return idle_.size(); }

  static constexpr size_t kKept = 2;
  static constexpr size_t kMostIdle = 32;

 private:
  size_t bytes_ = 0;  // of all, the idle ones too: the encoders count
  size_t idle_bytes_ = 0;
  size_t least_idle_ = 0;                       // at any time since trim()
  std::vector<std::unique_ptr<Encoder>> idle_;  // that can be restarted; the longest idle first
};

// The libraries' memory, counted. For the encoders.
class CountedMemory {
 public:
  explicit CountedMemory(size_t& total) : total_(total) {}
  void* allocate(size_t size);  // null: there is none
  void release(void* memory);
  size_t bytes() const { return bytes_; }

 private:
  size_t& total_;
  size_t bytes_ = 0;
};

// Null: the library failed. `total` counts its memory.
std::unique_ptr<Encoder> make_gzip_encoder(const EncoderOptions& options, size_t& total);
std::unique_ptr<Encoder> make_brotli_encoder(const EncoderOptions& options, size_t& total);

}  // namespace weir::filter
