// Base64 (RFC 4648, section 4): bytes as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace millrace {

std::string base64(ByteView bytes);
// Nothing: it is none, or not padded as it should be.
std::optional<std::string> base64_decoded(std::string_view text);

}  // namespace millrace
