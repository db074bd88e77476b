// While this lives no thread can be made: none has a stack as large as all addresses.
#pragma once
#include <pthread.h>

#include <cstddef>

namespace weir {

class NoThreads {
 public:
  NoThreads() {
    pthread_attr_t attributes;
    good_ = ::pthread_getattr_default_np(&before_) == 0 && ::pthread_attr_init(&attributes) == 0 &&
            ::pthread_attr_setstacksize(&attributes, size_t{1} << 47) == 0 &&
            ::pthread_setattr_default_np(&attributes) == 0;
  }
  ~NoThreads() { ::pthread_setattr_default_np(&before_); }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;
  bool good() const { return good_; }

 private:
  pthread_attr_t before_;
  bool good_ = false;
};

}  // namespace weir
