#include "cli/json.h"

#include <fmt/format.h>

#include <cstdio>

namespace millrace::cli {

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void print_json(const Json& json) { fmt::print("{}\n", dump(json)); }

void set_bytes(Json& object, const std::string& name, const std::optional<ByteView>& bytes) {
  if (!bytes) {
    object[name] = nullptr;
  } else if (const std::string_view text = as_text(*bytes); is_utf8(text)) {
    object[name] = text;
  } else {
    object[name + "_base64"] = base64(*bytes);
  }
}

// RFC 3629: the shortest form only, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) {
      ++at;
      continue;
    }
    const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || at + size > text.size()) return false;
    for (std::size_t i = 1; i < size; ++i)
      if ((byte(i) & 0xc0) != 0x80) return false;
    const unsigned char second = byte(1);
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
        (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
      return false;
    at += size;
  }
  return true;
}

std::string base64(ByteView bytes) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t left = bytes.size() - at;
    const std::uint32_t word =
        bytes[at] << 16 | (left > 1 ? bytes[at + 1] << 8 : 0) | (left > 2 ? bytes[at + 2] : 0);
    out += kLetters[word >> 18 & 63];
    out += kLetters[word >> 12 & 63];
    out += left > 1 ? kLetters[word >> 6 & 63] : '=';
    out += left > 2 ? kLetters[word & 63] : '=';
  }
  return out;
}

}  // namespace millrace::cli
