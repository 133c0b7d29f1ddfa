#include "runtime/gate.h"

namespace millrace {

std::string Gate::describe() const {
  std::string text;
  for (const auto& [name, count] : names_) {
    if (!text.empty()) text += ", ";
    text += std::string(name) + " x" + std::to_string(count);
  }
  return text;
}

}  // namespace millrace
