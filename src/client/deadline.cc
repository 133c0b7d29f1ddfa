#include "client/deadline.h"

#include <fmt/format.h>

namespace millrace::client {

std::string text_of(Milliseconds duration) {
  if (duration.count() % 1000 == 0) return fmt::format("{} s", duration.count() / 1000);
  return fmt::format("{} ms", duration.count());
}

}  // namespace millrace::client
