// ScopedLeakCheckOff: what is allocated while it lives is not reported as leaked. Only for tests
// that crash a simulated broker, whose suspended coroutines nobody can end.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define MILLRACE_LEAK_CHECK 1
#endif
#endif

namespace millrace {

class ScopedLeakCheckOff {
 public:
  ScopedLeakCheckOff(const ScopedLeakCheckOff&) = delete;
#ifdef MILLRACE_LEAK_CHECK
  ScopedLeakCheckOff() { __lsan_disable(); }
  ~ScopedLeakCheckOff() { __lsan_enable(); }
#else
  ScopedLeakCheckOff() {}
  ~ScopedLeakCheckOff() {}
#endif
};

}  // namespace millrace
