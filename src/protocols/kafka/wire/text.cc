#include "protocols/kafka/wire/text.h"

namespace millrace::kafka {

// A string of a client can hold anything: what would break the line is escaped.
void TextVisitor::print(const std::string& value) {
  constexpr char kDigits[] = "0123456789abcdef";
  out_ += '"';
  for (char letter : value) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < 0x20 || byte == 0x7f || letter == '"' || letter == '\\') {
      out_ += "\\x";
      out_ += kDigits[byte >> 4];
      out_ += kDigits[byte & 15];
    } else {
      out_ += letter;
    }
  }
  out_ += '"';
}

}  // namespace millrace::kafka
