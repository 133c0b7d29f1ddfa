// Big-endian numbers in byte runs, as Kafka's formats and our files have them.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace millrace {

template <class Number>
Number load_big_endian(const std::uint8_t* bytes) {
  std::make_unsigned_t<Number> raw;
  std::memcpy(&raw, bytes, sizeof raw);
  if constexpr (sizeof raw > 1 && std::endian::native == std::endian::little)
    raw = std::byteswap(raw);
  return static_cast<Number>(raw);
}

template <class Number>
void store_big_endian(std::uint8_t* bytes, Number number) {
  auto raw = static_cast<std::make_unsigned_t<Number>>(number);
  if constexpr (sizeof raw > 1 && std::endian::native == std::endian::little)
    raw = std::byteswap(raw);
  std::memcpy(bytes, &raw, sizeof raw);
}

}  // namespace millrace
