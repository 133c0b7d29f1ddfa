// What a binding of a headers exchange asks for: its arguments beside the headers of a message.
//
//   {x-match: any, format: "pdf", owner: nothing}   a pdf, or anything that has an owner
//
// An argument without a value (void) asks only that the header is there. x-match itself is never
// compared, and other names that begin with x- only in the two modes that say so. As RabbitMQ does,
// all of nothing is a match and any of nothing is none. Values are compared with same_value().
#pragma once

#include <optional>

#include "base/value.h"

namespace millrace {

enum class HeadersMode : std::uint8_t { all, any, all_with_x, any_with_x };

// all when x-match is missing; nullopt when it is something else than the four texts.
std::optional<HeadersMode> headers_mode(const ValueTable& arguments);

bool headers_match(HeadersMode mode, const ValueTable& arguments, const ValueTable& headers);

}  // namespace millrace
