// Which name was meant by one that nobody knows.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace {

// The fewest letters inserted, left out, changed, or swapped with their neighbour.
std::size_t edit_distance(std::string_view one, std::string_view other);

// Of several equally near, the first. `names` is not empty.
const std::string& nearest(std::string_view name, const std::vector<std::string>& names);

}  // namespace millrace
