// UTF-8, one character at a time, for what may hold anything.
//
//   while (!text.empty()) {
//     Utf8Character character = first_utf8_character(text);
//     ...
//     text.remove_prefix(character.size);
//   }
#pragma once

#include <cstddef>
#include <string_view>

namespace millrace {

struct Utf8Character {
  char32_t value = 0;    // the byte, when it is not valid
  std::size_t size = 1;  // in bytes
  bool is_valid = true;
};

// Of a text that is not empty. Overlong forms, surrogates and what is above U+10FFFF are not valid
// (RFC 3629); a byte that is not valid stands for itself alone.
Utf8Character first_utf8_character(std::string_view text);
// All of it.
bool is_utf8(std::string_view text);

}  // namespace millrace
