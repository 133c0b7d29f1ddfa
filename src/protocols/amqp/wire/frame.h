// Frames: type, channel, size, payload, and an octet that ends them.
//
//   while (true) {
//     Result<std::optional<FrameView>> frame = next_frame(received, frame_bytes_max);
//     if (!frame) ...            // the connection ends with 501 and this text
//     if (!*frame) break;        // more must come
//     ... (*frame)->payload ...
//     received = received.subspan((*frame)->bytes);
//   }
//
// Nothing is copied: a payload is a part of what was received.
//
// Before its first frame a client greets with 8 bytes, which tell AMQP 0-9-1 from 1.0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/error.h"
#include "protocols/amqp/wire/big_endian.h"

namespace millrace::amqp {

enum class FrameType : std::uint8_t { method = 1, header = 2, body = 3, heartbeat = 8 };

inline constexpr std::size_t kFrameHeaderBytes = 7;
inline constexpr std::size_t kFrameOverheadBytes = 8;  // the header and the octet at the end
inline constexpr std::uint8_t kFrameEnd = 0xCE;

struct FrameView {
  FrameType type = FrameType::method;
  std::uint16_t channel = 0;
  ByteView payload;
  std::size_t bytes = 0;  // of the whole frame
};

// The first frame of `bytes`; nothing when its end has not come yet. An error (501) as soon as the
// frame's header is there and wrong: an unknown type, a size above `frame_bytes_max`, a heartbeat
// with a channel or a payload; and when the octet at its end is not 0xCE.
// `frame_bytes_max` is the negotiated frame-max: with the 8 bytes around the payload. It must be a
// real one: who negotiated 0 ("no limit") gives a limit of its own.
Result<std::optional<FrameView>> next_frame(ByteView bytes, std::size_t frame_bytes_max);

// Writes a frame's header; returns where its payload begins.
inline std::uint8_t* store_frame_header(std::uint8_t* to, FrameType type, std::uint16_t channel,
                                        std::size_t payload_bytes) {
  to = store_number(to, static_cast<std::uint8_t>(type));
  to = store_number(to, channel);
  return store_number(to, static_cast<std::uint32_t>(payload_bytes));
}

enum class Greeting {
  incomplete,     // fewer than 8 bytes, and none of them wrong
  amqp_0_9_1,     //
  amqp_1_0,       // AMQP 1.0 without SASL
  amqp_1_0_sasl,  // AMQP 1.0, SASL first
  other,          // answer with kGreeting and close
};

inline constexpr std::size_t kGreetingBytes = 8;
inline constexpr std::array<std::uint8_t, kGreetingBytes> kGreeting = {'A', 'M', 'Q', 'P',
                                                                       0,   0,   9,   1};

// What the first bytes of a connection ask for.
Greeting parse_greeting(ByteView bytes);

}  // namespace millrace::amqp
