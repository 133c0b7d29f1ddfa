// Assertions stay on in production: a broker that no longer knows its state must stop before it
// answers anything.
#pragma once

namespace millrace {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}  // namespace millrace

#define ASSERT(expression)             \
  (__builtin_expect(!!(expression), 1) \
       ? (void)0                       \
       : ::millrace::assertion_failed(#expression, __FILE__, __LINE__))
