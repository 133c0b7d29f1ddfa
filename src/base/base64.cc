#include "base/base64.h"

#include <array>
#include <cstdint>

namespace millrace {
namespace {

constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoLetter = 0xff;

constexpr std::array<std::uint8_t, 256> kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoLetter);
  for (std::size_t i = 0; i < kLetters.size(); ++i) {
    values[static_cast<std::uint8_t>(kLetters[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

}  // namespace

std::string base64(ByteView bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t left = bytes.size() - at;
    const std::uint32_t word = std::uint32_t{bytes[at]} << 16 |
                               (left > 1 ? std::uint32_t{bytes[at + 1]} << 8 : 0) |
                               (left > 2 ? std::uint32_t{bytes[at + 2]} : 0);
    out += kLetters[word >> 18 & 63];
    out += kLetters[word >> 12 & 63];
    out += left > 1 ? kLetters[word >> 6 & 63] : '=';
    out += left > 2 ? kLetters[word & 63] : '=';
  }
  return out;
}

std::optional<std::string> base64_decoded(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const bool last = at + 4 == text.size();
    const std::size_t letters = last ? 4 - padding : 4;
    std::uint32_t word = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint8_t value =
          i < letters ? kValues[static_cast<std::uint8_t>(text[at + i])] : std::uint8_t{0};
      if (value == kNoLetter) return std::nullopt;
      word = word << 6 | value;
    }
    // Bits that stand for nothing must be zero, or two texts would say the same.
    if (letters == 2 && (word & 0xffff) != 0) return std::nullopt;
    if (letters == 3 && (word & 0xff) != 0) return std::nullopt;
    out += static_cast<char>(word >> 16);
    if (letters > 2) out += static_cast<char>(word >> 8 & 0xff);
    if (letters > 3) out += static_cast<char>(word & 0xff);
  }
  return out;
}

}  // namespace millrace
