// The table of the APIs described in schema/: keys, names, versions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "protocols/kafka/wire/gen/api_keys.h"
#include "protocols/kafka/wire/message.h"

namespace millrace::kafka {

struct ApiInfo {
  ApiKey key;
  std::string_view name;
  VersionRange valid;       // what decode and encode can do
  VersionRange served;      // what this broker works on
  VersionRange advertised;  // what it says in answer to ApiVersions
  std::int16_t flexible_from;

  constexpr bool flexible(std::int16_t version) const { return version >= flexible_from; }
};

// In the order of the keys.
std::span<const ApiInfo> apis();
// Null for a key that schema/ does not have.
const ApiInfo* find_api(std::int16_t key);

}  // namespace millrace::kafka
