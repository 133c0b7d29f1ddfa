#include "protocols/kafka/wire/uuid.h"

namespace millrace::kafka {
namespace {
constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kTextSize = 22;
}  // namespace

std::string to_text(const Uuid& uuid) {
  std::string text;
  text.reserve(kTextSize);
  unsigned pending = 0;
  int bits = 0;
  for (std::uint8_t byte : uuid.bytes) {
    pending = pending << 8 | byte;
    for (bits += 8; bits >= 6; bits -= 6) text.push_back(kLetters[pending >> (bits - 6) & 63]);
  }
  text.push_back(kLetters[pending << (6 - bits) & 63]);
  return text;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != kTextSize) return std::nullopt;
  Uuid uuid;
  std::size_t filled = 0;
  unsigned pending = 0;
  int bits = 0;
  for (char letter : text) {
    const std::size_t value = kLetters.find(letter);
    if (value == std::string_view::npos) return std::nullopt;
    pending = pending << 6 | static_cast<unsigned>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    uuid.bytes[filled++] = static_cast<std::uint8_t>(pending >> bits);
  }
  // 22 letters carry 4 bits more than an id has.
  if (pending & 15) return std::nullopt;
  return uuid;
}

}  // namespace millrace::kafka
