#include "base/utf8.h"

#include <bit>
#include <cstdint>

#include "base/assert.h"

namespace millrace {

Utf8Character first_utf8_character(std::string_view text) {
  ASSERT(!text.empty());
  const auto first = static_cast<std::uint8_t>(text.front());
  const Utf8Character invalid{first, 1, false};
  if (first < 0x80) return {first, 1, true};
  const auto size = static_cast<std::size_t>(std::countl_one(first));
  if (size < 2 || size > 4 || size > text.size()) return invalid;
  char32_t value = first & (0xffu >> (size + 1));
  for (char next : text.substr(1, size - 1)) {
    const auto byte = static_cast<std::uint8_t>(next);
    if ((byte & 0xc0u) != 0x80u) return invalid;
    value = value << 6 | (byte & 0x3fu);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = value >= 0xd800 && value < 0xe000;
  if (value < kSmallest[size] || is_surrogate || value > 0x10ffff) return invalid;
  return {value, size, true};
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Utf8Character character = first_utf8_character(text);
    if (!character.is_valid) return false;
    text.remove_prefix(character.size);
  }
  return true;
}

}  // namespace millrace
