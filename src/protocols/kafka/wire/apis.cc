#include "protocols/kafka/wire/apis.h"

#include <algorithm>

namespace millrace::kafka {

const ApiInfo* find_api(std::int16_t key) {
  const auto all = apis();
  const auto found = std::ranges::lower_bound(
      all, key, {}, [](const ApiInfo& api) { return static_cast<std::int16_t>(api.key); });
  return found != all.end() && static_cast<std::int16_t>(found->key) == key ? &*found : nullptr;
}

}  // namespace millrace::kafka
