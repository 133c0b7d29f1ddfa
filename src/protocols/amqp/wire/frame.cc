#include "protocols/amqp/wire/frame.h"

#include <fmt/format.h>

#include <algorithm>

namespace millrace::amqp {
namespace {

constexpr bool known_type(std::uint8_t type) {
  return (type >= 1 && type <= 3) || type == static_cast<std::uint8_t>(FrameType::heartbeat);
}

std::unexpected<Error> wrong_header(std::uint8_t type, std::uint16_t channel, std::uint32_t size,
                                    std::size_t frame_bytes_max) {
  std::string text;
  if (!known_type(type)) {
    text = fmt::format("a frame of type {}, expected 1, 2, 3 or 8", type);
  } else if (size + kFrameOverheadBytes > frame_bytes_max) {
    text = fmt::format("a frame of {} bytes on channel {}, the negotiated frame-max is {}",
                       size + kFrameOverheadBytes, channel, frame_bytes_max);
  } else {
    text = fmt::format("a heartbeat on channel {} with {} bytes, expected channel 0 and none",
                       channel, size);
  }
  return fail(ErrorCode::invalid_request, std::move(text));
}

std::unexpected<Error> wrong_end(std::uint16_t channel, std::uint8_t end) {
  return fail(ErrorCode::invalid_request,
              fmt::format("a frame on channel {} ends with octet {}, expected {}", channel, end,
                          kFrameEnd));
}

constexpr std::array<std::uint8_t, kGreetingBytes> kGreeting10 = {'A', 'M', 'Q', 'P', 0, 1, 0, 0};
constexpr std::array<std::uint8_t, kGreetingBytes> kGreeting10Sasl = {'A', 'M', 'Q', 'P',
                                                                      3,   1,   0,   0};

bool begins(ByteView bytes, const std::array<std::uint8_t, kGreetingBytes>& greeting) {
  const std::size_t size = std::min(bytes.size(), kGreetingBytes);
  return std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size),
                    greeting.begin());
}

}  // namespace

Result<std::optional<FrameView>> next_frame(ByteView bytes, std::size_t frame_bytes_max) {
  if (bytes.size() < kFrameHeaderBytes) return std::nullopt;
  const std::uint8_t type = bytes[0];
  const auto channel = load_number<std::uint16_t>(bytes.data() + 1);
  const auto size = load_number<std::uint32_t>(bytes.data() + 3);
  const std::size_t whole = std::size_t{size} + kFrameOverheadBytes;
  const bool heartbeat = type == static_cast<std::uint8_t>(FrameType::heartbeat);
  if (!known_type(type) || whole > frame_bytes_max || (heartbeat && (channel != 0 || size != 0)))
      [[unlikely]]
    return wrong_header(type, channel, size, frame_bytes_max);
  if (bytes.size() < whole) return std::nullopt;
  if (bytes[whole - 1] != kFrameEnd) [[unlikely]]
    return wrong_end(channel, bytes[whole - 1]);
  return FrameView{.type = static_cast<FrameType>(type),
                   .channel = channel,
                   .payload = bytes.subspan(kFrameHeaderBytes, size),
                   .bytes = whole};
}

Greeting parse_greeting(ByteView bytes) {
  const bool whole = bytes.size() >= kGreetingBytes;
  if (begins(bytes, kGreeting)) return whole ? Greeting::amqp_0_9_1 : Greeting::incomplete;
  if (begins(bytes, kGreeting10)) return whole ? Greeting::amqp_1_0 : Greeting::incomplete;
  if (begins(bytes, kGreeting10Sasl)) return whole ? Greeting::amqp_1_0_sasl : Greeting::incomplete;
  return Greeting::other;
}

}  // namespace millrace::amqp
