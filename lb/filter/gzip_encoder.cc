// gzip (RFC 1952) by zlib.
#include <zlib.h>

#include "filter/encoder.h"
#include "filter/filter.h"

namespace weir::filter {
namespace {

constexpr int kGzipFormat = 16;  // on top of the window's bits: a header and a checksum of gzip around the stream
constexpr size_t kOut = 8 * 1024;

class GzipEncoder final : public Encoder {
 public:
  GzipEncoder(const EncoderOptions& options, size_t& total) : memory_(total), options_(options) {
    stream_.opaque = &memory_;
    stream_.zalloc = [](void* memory, unsigned count, unsigned size) {
      return static_cast<CountedMemory*>(memory)->allocate(size_t{count} * size);
    };
    stream_.zfree = [](void* memory, void* block) { static_cast<CountedMemory*>(memory)->release(block); };
    is_good_ = deflateInit2(&stream_, options.level, Z_DEFLATED, options.window_bits + kGzipFormat,
                            options.memory_level, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~GzipEncoder() override {
    if (is_good_) deflateEnd(&stream_);
  }
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;
  bool is_good() const { return is_good_; }

  std::optional<size_t> encode(std::string_view bytes, Flush flush, Sink& sink) override {
    static constexpr int kModes[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
    const int mode = kModes[static_cast<size_t>(flush)];
    char out[kOut];
    size_t written = 0;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib only reads it
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(out);
      stream_.avail_out = kOut;
      if (deflate(&stream_, mode) == Z_STREAM_ERROR) return std::nullopt;
      const size_t count = kOut - stream_.avail_out;
      if (count > 0) sink.write({out, count});
      written += count;
    } while (stream_.avail_out == 0);
    return written;
  }
  bool restart(const EncoderOptions& options) override {
    if (options.coding != Coding::kGzip || options.window_bits != options_.window_bits ||
        options.memory_level != options_.memory_level)
      return false;
    if (deflateReset(&stream_) != Z_OK) return false;
    if (options.level != options_.level && deflateParams(&stream_, options.level, Z_DEFAULT_STRATEGY) != Z_OK)
      return false;
    options_ = options;
    return true;
  }
  bool is_reusable() const override { return true; }
  size_t bytes() const override { return memory_.bytes(); }

 private:
  CountedMemory memory_;
  EncoderOptions options_;
  z_stream stream_{};
  bool is_good_ = false;
};

}  // namespace

std::unique_ptr<Encoder> make_gzip_encoder(const EncoderOptions& options, size_t& total) {
  auto made = std::make_unique<GzipEncoder>(options, total);
  if (!made->is_good()) return nullptr;
  return made;
}

}  // namespace weir::filter
