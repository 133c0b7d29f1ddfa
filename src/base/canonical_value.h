// A text that is equal for two tables exactly when they say the same: names in any order, numbers
// without their width. Whoever must tell bindings or declarations apart compares these, so that all
// agree, and a number that is not equal to itself (NaN) is still the same argument.
//
// Beyond same_value() it looks also into arrays and tables. Fractions are compared with integers
// below 2^53, where all are exact.
#pragma once

#include <string>

#include "base/value.h"

namespace millrace {

std::string canonical_text(const ValueTable& table);

}  // namespace millrace
