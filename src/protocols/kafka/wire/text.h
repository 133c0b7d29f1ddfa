// A message as one line of text, for logs and test failures. Needs gen/<api>_fields.h.
//
//   to_text(request)  ->  HeartbeatRequest{group_id="g", generation_id=3, member_id="m", ...}
//
// Sensitive fields show only that they are there, bytes and records only their size, long arrays
// only their first elements: the text may go where the message's reader may not.
#pragma once

#include <concepts>
#include <string>
#include <type_traits>

#include "protocols/kafka/wire/message.h"

namespace millrace::kafka {

inline constexpr std::size_t kTextElementsMax = 8;

class TextVisitor {
 public:
  explicit TextVisitor(std::string& out) : out_(out) {}

  template <class T>
  void operator()(const FieldInfo& field, const T& value) {
    if (!first_) out_ += ", ";
    first_ = false;
    out_ += field.name;
    out_ += '=';
    if (field.sensitive)
      out_ += "(hidden)";
    else
      print(value);
  }

  template <class T>
  void print(const std::optional<T>& value) {
    if (value)
      print(*value);
    else
      out_ += "null";
  }
  template <class T>
  void print(const std::vector<T>& values) {
    out_ += '[';
    for (std::size_t i = 0; i < std::min(values.size(), kTextElementsMax); ++i) {
      if (i > 0) out_ += ", ";
      print(values[i]);
    }
    if (values.size() > kTextElementsMax)
      out_ += ", and " + std::to_string(values.size() - kTextElementsMax) + " more";
    out_ += ']';
  }
  template <class T>
  void print(const T& value) {
    if constexpr (std::same_as<T, bool>) {
      out_ += value ? "true" : "false";
    } else if constexpr (std::is_arithmetic_v<T>) {
      out_ += std::to_string(value);
    } else {
      out_ += '{';
      visit_fields(TextVisitor(out_), value);
      out_ += '}';
    }
  }
  void print(const std::string& value);
  void print(const Uuid& value) { out_ += to_text(value); }
  void print(const Bytes& value) { print_size(value.size()); }
  void print(const ByteChain& value) { print_size(value.size()); }

 private:
  void print_size(std::size_t size) { out_ += '(' + std::to_string(size) + " bytes)"; }

  std::string& out_;
  bool first_ = true;
};

template <class Message>
  requires requires { Message::kName; }
std::string to_text(const Message& message) {
  std::string text(Message::kName);
  TextVisitor(text).print(message);
  return text;
}

}  // namespace millrace::kafka
