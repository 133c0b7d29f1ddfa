#include "routing/headers_match.h"

namespace millrace {

namespace {

constexpr std::string_view kMatch = "x-match";

bool is_compared(HeadersMode mode, std::string_view name) {
  if (name == kMatch) return false;
  const bool with_x = mode == HeadersMode::all_with_x || mode == HeadersMode::any_with_x;
  return with_x || !name.starts_with("x-");
}

bool entry_matches(const ValueTable::Entry& wanted, const ValueTable& headers) {
  const Value* header = headers.find(wanted.first);
  if (header == nullptr) return false;
  // Nearly all are texts.
  const std::string* text = wanted.second.as_text();
  if (text != nullptr) return header->as_text() != nullptr && *header->as_text() == *text;
  return wanted.second.is_null() || same_value(wanted.second, *header);
}

}  // namespace

std::optional<HeadersMode> headers_mode(const ValueTable& arguments) {
  const Value* mode = arguments.find(kMatch);
  if (mode == nullptr) return HeadersMode::all;
  const std::string* text = mode->as_text();
  if (text == nullptr) return std::nullopt;
  if (*text == "all") return HeadersMode::all;
  if (*text == "any") return HeadersMode::any;
  if (*text == "all-with-x") return HeadersMode::all_with_x;
  if (*text == "any-with-x") return HeadersMode::any_with_x;
  return std::nullopt;
}

bool headers_match(HeadersMode mode, const ValueTable& arguments, const ValueTable& headers) {
  const bool any = mode == HeadersMode::any || mode == HeadersMode::any_with_x;
  // The first entry that decides, decides: a match for any, a miss for all.
  for (const ValueTable::Entry& wanted : arguments.entries()) {
    if (is_compared(mode, wanted.first) && entry_matches(wanted, headers) == any) return any;
  }
  return !any;
}

}  // namespace millrace
