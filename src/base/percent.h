// Percent-encoding (RFC 3986): text as a segment of a path, or as a value of a query.
#pragma once

#include <string>
#include <string_view>

namespace millrace {

// %XX for everything but letters, digits and "-._~".
std::string percent_encoded(std::string_view text);

}  // namespace millrace
