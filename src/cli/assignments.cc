#include "cli/assignments.h"

#include <fmt/format.h>

namespace millrace::cli {

std::string check_assignment(const std::string& text) {
  const auto sign = text.find('=');
  if (sign != std::string::npos && sign > 0) return {};
  return fmt::format("'{}' is not NAME=VALUE", text);
}

std::pair<std::string, std::string> split_assignment(const std::string& text) {
  const auto sign = text.find('=');
  if (sign == std::string::npos) return {text, {}};
  return {text.substr(0, sign), text.substr(sign + 1)};
}

}  // namespace millrace::cli
