// Frames by backtrace(3), places by the program headers, another thread by a signal to it.
#include "base/stack.h"

#include <execinfo.h>
#include <link.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <mutex>

#include "base/system.h"

namespace weir::stack {
namespace {

// A file of which a part is mapped to be run.
struct Module {
  uintptr_t base = 0, begin = 0, end = 0;
  std::array<char, 48> name{};
};
constexpr size_t kMostModules = 64;
std::array<Module, kMostModules> modules;
size_t module_count = 0;
std::array<char, 129> build_id_text{};

void read_build_id(const dl_phdr_info& info, const ElfW(Phdr) & header) {
  const auto* at = reinterpret_cast<const char*>(info.dlpi_addr + header.p_vaddr);  // NOLINT: the loader tells numbers
  const char* const end = at + header.p_memsz;
  while (at + sizeof(ElfW(Nhdr)) <= end) {
    ElfW(Nhdr) note{};
    std::memcpy(&note, at, sizeof note);
    const auto padded = [](size_t size) { return (size + 3) & ~size_t{3}; };
    const char* const name = at + sizeof note;
    const char* const bytes = name + padded(note.n_namesz);
    if (bytes + note.n_descsz > end) return;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0) {
      constexpr char kHex[] = "0123456789abcdef";
      const size_t size = std::min<size_t>(note.n_descsz, (build_id_text.size() - 1) / 2);
      for (size_t i = 0; i < size; ++i) {
        const auto byte = static_cast<unsigned char>(bytes[i]);
        build_id_text[2 * i] = kHex[byte >> 4];
        build_id_text[2 * i + 1] = kHex[byte & 15];
      }
      return;
    }
    at = bytes + padded(note.n_descsz);
  }
}

int note_module(dl_phdr_info* info, size_t, void*) {
  const bool program = module_count == 0;  // it comes first, without a name
  const std::string_view path = program ? "weir" : std::string_view(info->dlpi_name);
  const std::string_view name = path.substr(path.rfind('/') + 1);
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    if (program && header.p_type == PT_NOTE) read_build_id(*info, header);
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0 || module_count == kMostModules) continue;
    Module& module = modules[module_count++];
    module.base = info->dlpi_addr;
    module.begin = info->dlpi_addr + header.p_vaddr;
    module.end = module.begin + header.p_memsz;
    module.name[name.copy(module.name.data(), module.name.size() - 1)] = '\0';
  }
  return 0;
}

// What of_thread() asks of one thread, and the answer.
enum class Phase : int { kIdle, kAsked, kWriting, kDone };
std::atomic<Phase> phase{Phase::kIdle};
std::atomic<pid_t> asked{0};
std::array<void*, kMostFrames> told;
int told_count = 0;

int ask_signal() {
  return SIGRTMIN + 4;
}

pid_t own_id() {
  return static_cast<pid_t>(::syscall(SYS_gettid));
}

void answer(int) {
  const int kept = errno;
  Phase expected = Phase::kAsked;
  if (asked.load(std::memory_order_acquire) == own_id() && phase.compare_exchange_strong(expected, Phase::kWriting)) {
    told_count = of_caller(told);
    phase.store(Phase::kDone, std::memory_order_release);
  }
  errno = kept;
}

void pause_shortly() {
  const timespec millisecond{0, 1'000'000};
  ::nanosleep(&millisecond, nullptr);
}

// False: it has not answered in time, and will not.
bool wait_for_answer(Millis patience) {
  const MonoMs end = monotonic_ms() + patience.count();
  while (phase.load(std::memory_order_acquire) != Phase::kDone) {
    Phase expected = Phase::kAsked;
    if (monotonic_ms() >= end && phase.compare_exchange_strong(expected, Phase::kIdle)) return false;
    pause_shortly();
  }
  return true;
}

}  // namespace

void prepare() {
  static std::once_flag once;
  std::call_once(once, [] {
    ::dl_iterate_phdr(note_module, nullptr);
    std::array<void*, 4> first{};
    (void)of_caller(first);  // loads the unwinder
    struct sigaction action {};
    action.sa_handler = answer;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    ::sigaction(ask_signal(), &action, nullptr);
  });
}

int of_caller(std::span<void*> frames) {
  return ::backtrace(frames.data(), static_cast<int>(frames.size()));
}

size_t describe(const void* frame, std::span<char> out) {
  const auto address = reinterpret_cast<uintptr_t>(frame);
  const Module* found = nullptr;
  for (size_t i = 0; i < module_count; ++i)
    if (address >= modules[i].begin && address < modules[i].end) found = &modules[i];
  size_t length = 0;
  const auto put = [&](char c) {
    if (length < out.size()) out[length++] = c;
  };
  for (const char* c = found != nullptr ? found->name.data() : "?"; *c != '\0'; ++c) put(*c);
  for (const char c : {'+', '0', 'x'}) put(c);
  const uintptr_t offset = found != nullptr ? address - found->base : address;
  bool any = false;
  for (int shift = static_cast<int>(sizeof offset) * 8 - 4; shift >= 0; shift -= 4) {
    const auto digit = static_cast<size_t>(offset >> shift) & 15;
    any = any || digit != 0 || shift == 0;
    if (any) put("0123456789abcdef"[digit]);
  }
  return length;
}

std::string_view build_id() {
  return build_id_text.data();
}

Result<std::vector<std::string>> of_thread(pid_t thread, Millis patience) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  prepare();
  asked.store(thread, std::memory_order_release);
  phase.store(Phase::kAsked, std::memory_order_release);
  if (::syscall(SYS_tgkill, ::getpid(), thread, ask_signal()) != 0) {
    phase.store(Phase::kIdle, std::memory_order_release);
    return Unexpected{call_failed("tgkill()", errno)};
  }
  if (!wait_for_answer(patience)) return Unexpected{std::string("the thread takes no signals")};
  std::vector<std::string> frames;
  for (int i = 0; i < told_count; ++i) {
    std::array<char, 96> text{};
    frames.emplace_back(text.data(), describe(told[static_cast<size_t>(i)], text));
  }
  phase.store(Phase::kIdle, std::memory_order_release);
  return frames;
}

}  // namespace weir::stack
