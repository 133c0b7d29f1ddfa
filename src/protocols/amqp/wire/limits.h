// What the wire of AMQP 0-9-1 may hold. Whatever is larger is refused with a reason that names the
// limit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace::amqp {

// No peer may negotiate less: the specification's 4096 are too few for the tokens of today.
inline constexpr std::uint32_t kFrameBytesMin = 8192;
inline constexpr std::uint32_t kFrameBytesDefault = 131'072;

inline constexpr std::size_t kShortTextBytesMax = 255;

// Tables and arrays inside of each other. Decoding is recursive: this bounds the stack.
inline constexpr unsigned kTableDepthMax = 32;
inline constexpr std::size_t kTableBytesMax = std::size_t{1} << 20;
// Values in one table with all that is nested in it. A value can be 1 byte in a frame and 72 in
// memory: this bounds what a decoded table takes at 5 MB.
inline constexpr std::size_t kTableValuesMax = 65'536;

}  // namespace millrace::amqp
