// The error codes in an answer, wherever they stand in it. Needs gen/<api>_fields.h.
//
//   for_each_error(response, [&](std::int16_t code) { ++errors[code]; });
//
// What is no error is passed over. Costs a comparison for each part of the answer.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocols/kafka/wire/message.h"

namespace millrace::kafka {

template <class Found>
class ErrorCodes {
 public:
  explicit ErrorCodes(Found& found) : found_(found) {}

  template <class T>
  void operator()(const FieldInfo& field, const T& value) {
    if constexpr (std::same_as<T, std::int16_t>) {
      if (value != 0 && field.name == "error_code") found_(value);
    } else {
      look_into(value);
    }
  }

 private:
  template <class T>
  void look_into(const std::optional<T>& value) {
    if (value) look_into(*value);
  }
  template <class T>
  void look_into(const std::vector<T>& values) {
    if constexpr (is_structure<T>) {
      for (const T& value : values) look_into(value);
    }
  }
  template <class T>
  void look_into(const T& value) {
    if constexpr (is_structure<T>) visit_fields(*this, value);
  }
  template <class T>
  static constexpr bool is_structure =
      requires(ErrorCodes& visitor, const T& value) { visit_fields(visitor, value); };

  Found& found_;
};

template <class Message, class Found>
void for_each_error(const Message& message, Found found) {
  ErrorCodes<Found> visitor(found);
  visit_fields(visitor, message);
}

}  // namespace millrace::kafka
