#include "settings/nearest.h"

#include <algorithm>

#include "base/assert.h"

namespace millrace {

std::size_t edit_distance(std::string_view one, std::string_view other) {
  const std::size_t width = other.size() + 1;
  std::vector<std::size_t> table((one.size() + 1) * width);
  const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& {
    return table[i * width + j];
  };
  for (std::size_t i = 0; i <= one.size(); ++i) at(i, 0) = i;
  for (std::size_t j = 0; j <= other.size(); ++j) at(0, j) = j;
  for (std::size_t i = 1; i <= one.size(); ++i) {
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const bool same = one[i - 1] == other[j - 1];
      std::size_t best = at(i - 1, j - 1) + (same ? 0 : 1);
      best = std::min({best, at(i - 1, j) + 1, at(i, j - 1) + 1});
      if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
        best = std::min(best, at(i - 2, j - 2) + 1);
      at(i, j) = best;
    }
  }
  return at(one.size(), other.size());
}

const std::string& nearest(std::string_view name, const std::vector<std::string>& names) {
  ASSERT(!names.empty());
  return *std::ranges::min_element(
      names, {}, [&](const std::string& known) { return edit_distance(name, known); });
}

}  // namespace millrace
