// Brotli (RFC 7932) by libbrotlienc. Its streams cannot be begun anew: each has memory of its own.
#include <brotli/encode.h>

#include "filter/encoder.h"
#include "filter/filter.h"

namespace weir::filter {
namespace {

class BrotliEncoder final : public Encoder {
 public:
  BrotliEncoder(const EncoderOptions& options, size_t& total) : memory_(total) {
    const auto allocate = [](void* memory, size_t size) { return static_cast<CountedMemory*>(memory)->allocate(size); };
    const auto release = [](void* memory, void* block) { static_cast<CountedMemory*>(memory)->release(block); };
    state_ = BrotliEncoderCreateInstance(allocate, release, &memory_);
    if (state_ == nullptr) return;
    BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, static_cast<uint32_t>(options.level));
    BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN, static_cast<uint32_t>(options.window_bits));
  }
  ~BrotliEncoder() override {
    if (state_ != nullptr) BrotliEncoderDestroyInstance(state_);
  }
  BrotliEncoder(const BrotliEncoder&) = delete;
  BrotliEncoder& operator=(const BrotliEncoder&) = delete;
  bool is_good() const { return state_ != nullptr; }

  std::optional<size_t> encode(std::string_view bytes, Flush flush, Sink& sink) override {
    static constexpr BrotliEncoderOperation kOperations[] = {BROTLI_OPERATION_PROCESS, BROTLI_OPERATION_FLUSH,
                                                             BROTLI_OPERATION_FINISH};
    const BrotliEncoderOperation operation = kOperations[static_cast<size_t>(flush)];
    const auto* in = reinterpret_cast<const uint8_t*>(bytes.data());
    size_t in_left = bytes.size();
    size_t written = 0;
    do {
      size_t no_room = 0;  // the encoder's own memory is read instead
      uint8_t* nowhere = nullptr;
      if (BrotliEncoderCompressStream(state_, operation, &in_left, &in, &no_room, &nowhere, nullptr) == BROTLI_FALSE)
        return std::nullopt;
      size_t count = 0;  // as much as there is
      const uint8_t* out = BrotliEncoderTakeOutput(state_, &count);
      if (count > 0) sink.write({reinterpret_cast<const char*>(out), count});
      written += count;
    } while (in_left > 0 || BrotliEncoderHasMoreOutput(state_) == BROTLI_TRUE ||
             (flush == Flush::kEnd && BrotliEncoderIsFinished(state_) == BROTLI_FALSE));
    return written;
  }
  bool restart(const EncoderOptions&) override { return false; }
  bool is_reusable() const override { return false; }
  size_t bytes() const override { return memory_.bytes(); }

 private:
  CountedMemory memory_;
  BrotliEncoderState* state_ = nullptr;
};

}  // namespace

std::unique_ptr<Encoder> make_brotli_encoder(const EncoderOptions& options, size_t& total) {
  auto made = std::make_unique<BrotliEncoder>(options, total);
  if (!made->is_good()) return nullptr;
  return made;
}

}  // namespace weir::filter
