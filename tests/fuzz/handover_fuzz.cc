// What a weir is told by the one whose place it takes: any bytes are taken or refused, and what is taken reads the same
// when it is written again.
// uses: base process runtime
#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "process/handover_items.h"
#include "runtime/handed_state.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  constexpr MonoMs kNow = 1'000'000;
  if (const auto state = runtime::unpack_state(bytes, kNow)) {
    const std::string packed = runtime::pack_state(*state);
    const auto again = runtime::unpack_state(packed, kNow);
    if (!again || runtime::pack_state(*again) != packed) std::abort();
  }
  if (size == 0) return 0;
  std::vector<OwnedFd> descriptors;
  for (int i = 0; i < data[0] % 4; ++i) descriptors.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const size_t count = descriptors.size();
  if (const auto items = process::unpack_items(bytes.substr(1), std::move(descriptors))) {
    if (items->size() > count) std::abort();
    for (const process::HandoverItem& item : *items)
      if (item.fd.get() < 0) std::abort();
  }
  return 0;
}
