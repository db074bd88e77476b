#include "base/system.h"

#include <unistd.h>

#include <cstring>

namespace weir {

std::string call_failed(std::string_view call, int code) {
  char buffer[128];
  const char* text = ::strerror_r(code, buffer, sizeof buffer);  // GNU's: the text need not be in the buffer
  return std::string(call) + " failed (" + std::to_string(code) + ": " + text + ")";
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

}  // namespace weir
