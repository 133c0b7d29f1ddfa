// Which method: its class and its number in it, as one number, so that a switch can name them:
//
//   switch (method_id(payload)) {
//     case BasicPublish::kId: ...
#pragma once

#include <cstdint>

namespace millrace::amqp {

enum class MethodId : std::uint32_t {};

constexpr MethodId make_method_id(std::uint16_t class_id, std::uint16_t method_id) {
  return static_cast<MethodId>(std::uint32_t{class_id} << 16 | method_id);
}
constexpr std::uint16_t class_number(MethodId id) {
  return static_cast<std::uint16_t>(static_cast<std::uint32_t>(id) >> 16);
}
constexpr std::uint16_t method_number(MethodId id) {
  return static_cast<std::uint16_t>(static_cast<std::uint32_t>(id));
}

}  // namespace millrace::amqp
