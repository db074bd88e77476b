// gzip (RFC 1952) by zlib, the other way.
#include <zlib.h>

#include <algorithm>

#include "filter/filter.h"
#include "filter/gzip_decoder.h"

namespace weir::filter {
namespace {

constexpr int kGzipWindow = 15 + 16;  // the largest window; gzip's own head and checksum around the stream
constexpr size_t kOut = 16 * 1024;

class Decoder final : public GzipDecoder {
 public:
  explicit Decoder(size_t& total) : memory_(total) {
    stream_.opaque = &memory_;
    stream_.zalloc = [](void* memory, unsigned count, unsigned size) {
      return static_cast<CountedMemory*>(memory)->allocate(size_t{count} * size);
    };
    stream_.zfree = [](void* memory, void* block) { static_cast<CountedMemory*>(memory)->release(block); };
    is_good_ = inflateInit2(&stream_, kGzipWindow) == Z_OK;
  }
  ~Decoder() override {
    if (is_good_) inflateEnd(&stream_);
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  bool is_good() const { return is_good_; }

  Result decode(std::string_view& bytes, size_t most, Sink& sink) override {
    char out[kOut];
    size_t written = 0;
    for (;;) {
      if (ended_ && !bytes.empty()) {
        if (inflateReset(&stream_) != Z_OK) return Result::kBroken;
        ended_ = false;
      }
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib only reads it
      stream_.avail_in = static_cast<uInt>(bytes.size());
      stream_.next_out = reinterpret_cast<Bytef*>(out);
      stream_.avail_out = kOut;
      const int result = inflate(&stream_, Z_NO_FLUSH);
      const size_t taken = bytes.size() - stream_.avail_in;
      bytes.remove_prefix(taken);
      const size_t count = kOut - stream_.avail_out;
      if (count > 0) sink.write({out, count});
      written += count;
      begun_ = begun_ || taken > 0;
      ended_ = result == Z_STREAM_END;
      // Z_BUF_ERROR: nothing was left to do.
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return Result::kBroken;
      const bool has_more = !bytes.empty() || (stream_.avail_out == 0 && !ended_);
      if (!has_more) return Result::kTaken;
      if (written >= most) return Result::kMore;
    }
  }
  bool is_whole() const override { return ended_ || !begun_; }

 private:
  CountedMemory memory_;
  z_stream stream_{};
  bool is_good_ = false;
  bool begun_ = false;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<GzipDecoder> GzipDecoder::make(size_t& total) {
  auto made = std::make_unique<Decoder>(total);
  if (!made->is_good()) return nullptr;
  return made;
}

}  // namespace weir::filter
