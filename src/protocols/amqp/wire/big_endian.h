// Numbers as they stand in frames: big endian, two's complement, fractions as their bits.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace millrace::amqp {

template <class Number>
using RawNumber = std::conditional_t<
    sizeof(Number) == 1, std::uint8_t,
    std::conditional_t<sizeof(Number) == 2, std::uint16_t,
                       std::conditional_t<sizeof(Number) == 4, std::uint32_t, std::uint64_t>>>;

template <class Number>
inline Number load_number(const std::uint8_t* from) {
  RawNumber<Number> raw;
  std::memcpy(&raw, from, sizeof raw);
  if constexpr (std::endian::native == std::endian::little) raw = std::byteswap(raw);
  return std::bit_cast<Number>(raw);
}

// Returns where the next field begins.
template <class Number>
inline std::uint8_t* store_number(std::uint8_t* to, Number value) {
  auto raw = std::bit_cast<RawNumber<Number>>(value);
  if constexpr (std::endian::native == std::endian::little) raw = std::byteswap(raw);
  std::memcpy(to, &raw, sizeof raw);
  return to + sizeof raw;
}

}  // namespace millrace::amqp
