// What the generated messages are made of, and the few things that are said of all of them.
//
// A generated header (gen/<api>.h) has two plain structs, e.g. ProduceRequest and ProduceResponse,
// whose parts are ProduceRequest::Topic and so on. (These are aliases: a struct with default values
// that is declared inside of another has no constructor yet where std::optional asks for one.) Each
// message knows its kName, kKey, kVersions and kFlexibleFrom; codec.h turns it into bytes and back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "protocols/kafka/wire/uuid.h"

namespace millrace::kafka {

class Reader;
class Writer;

// Both ends belong to it.
struct VersionRange {
  std::int16_t min = 0;
  std::int16_t max = 0;

  constexpr bool contains(std::int16_t version) const { return min <= version && version <= max; }
  friend bool operator==(const VersionRange&, const VersionRange&) = default;
};

// A first flexible version that no API reaches.
inline constexpr std::int16_t kNeverFlexible = std::numeric_limits<std::int16_t>::max();

// What the generated visit_fields (gen/<api>_fields.h) tells of a field.
struct FieldInfo {
  std::string_view name;
  VersionRange versions;
  std::optional<VersionRange> nullable;
  bool sensitive = false;
};

inline bool same(const Bytes& a, const Bytes& b) { return std::ranges::equal(a.view(), b.view()); }
// The same bytes, however they are cut into parts.
bool same(const ByteChain& a, const ByteChain& b);
template <class T>
bool same(const std::optional<T>& a, const std::optional<T>& b) {
  return a.has_value() == b.has_value() && (!a || same(*a, *b));
}

}  // namespace millrace::kafka
