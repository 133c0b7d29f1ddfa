// Signed numbers of variable length inside records: zigzag, then seven bits a byte, lowest first,
// the top bit saying "more". Source: Apache Kafka's protocol guide, "Varint" and "Varlong".
//
//   const std::uint8_t* at = begin;
//   std::int32_t length;
//   if (!read_varint(at, end, length)) -> truncated, or more bits than the type has
//
// Reading never passes `end` and never takes more than 5 (10) bytes; `at` moves only on success.
// Longer encodings than needed (80 00 for 0) are read, as all clients do; bits that do not fit the
// type are refused, where some clients would cut them off and read another number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace millrace {

inline constexpr std::size_t kVarintSizeMax = 5;
inline constexpr std::size_t kVarlongSizeMax = 10;

template <class Number>
constexpr std::make_unsigned_t<Number> zigzag_encode(Number value) {
  using Raw = std::make_unsigned_t<Number>;
  return static_cast<Raw>(static_cast<Raw>(value) << 1) ^
         static_cast<Raw>(value >> (sizeof(Number) * 8 - 1));
}

template <class Raw>
constexpr std::make_signed_t<Raw> zigzag_decode(Raw raw) {
  return static_cast<std::make_signed_t<Raw>>((raw >> 1) ^ (~(raw & 1) + 1));
}

template <class Number>
struct ReadNumber {
  const std::uint8_t* next = nullptr;  // null: no number was read
  Number value = 0;
};

// The general case. Results by value: a reference to the position would keep it in memory all
// through the loops that the fast path below is inlined into.
template <class Number>
ReadNumber<Number> read_varint_slow(const std::uint8_t* at, const std::uint8_t* end) {
  using Raw = std::make_unsigned_t<Number>;
  constexpr int kBits = sizeof(Number) * 8;
  Raw raw = 0;
  for (int shift = 0; shift < kBits; shift += 7) {
    if (at == end) return {};
    const std::uint8_t byte = *at++;
    const Raw bits = byte & 0x7f;
    if (shift + 7 > kBits && bits >> (kBits - shift) != 0) return {};
    raw |= static_cast<Raw>(bits << shift);
    if (byte < 0x80) return {at, zigzag_decode(raw)};
  }
  return {};
}

// Numbers of one and two bytes, which are nearly all, without a call.
template <class Number>
[[gnu::always_inline]] inline bool read_varint_of(const std::uint8_t*& at, const std::uint8_t* end,
                                                  Number& value) {
  using Raw = std::make_unsigned_t<Number>;
  if (at == end) [[unlikely]]
    return false;
  const Raw low = at[0];
  if (low < 0x80) {
    value = zigzag_decode(low);
    at += 1;
    return true;
  }
  if (end - at >= 2 && at[1] < 0x80) {
    value = zigzag_decode(static_cast<Raw>((low & 0x7f) | static_cast<Raw>(at[1]) << 7));
    at += 2;
    return true;
  }
  const ReadNumber<Number> read = read_varint_slow<Number>(at, end);
  if (read.next == nullptr) return false;
  value = read.value;
  at = read.next;
  return true;
}

inline bool read_varint(const std::uint8_t*& at, const std::uint8_t* end, std::int32_t& value) {
  return read_varint_of(at, end, value);
}
inline bool read_varlong(const std::uint8_t*& at, const std::uint8_t* end, std::int64_t& value) {
  return read_varint_of(at, end, value);
}

// Bytes that write_varint() or write_varlong() takes for `value`, in the shortest encoding.
template <class Number>
constexpr std::size_t varint_size(Number value) {
  auto raw = zigzag_encode(value);
  std::size_t size = 1;
  while (raw >= 0x80) {
    raw = static_cast<decltype(raw)>(raw >> 7);
    ++size;
  }
  return size;
}

template <class Number>
void append_varint_of(std::vector<std::uint8_t>& to, Number value) {
  auto raw = zigzag_encode(value);
  while (raw >= 0x80) {
    to.push_back(static_cast<std::uint8_t>(raw | 0x80));
    raw = static_cast<decltype(raw)>(raw >> 7);
  }
  to.push_back(static_cast<std::uint8_t>(raw));
}

inline void append_varint(std::vector<std::uint8_t>& to, std::int32_t value) {
  append_varint_of(to, value);
}
inline void append_varlong(std::vector<std::uint8_t>& to, std::int64_t value) {
  append_varint_of(to, value);
}

}  // namespace millrace
