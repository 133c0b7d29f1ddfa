#include "management/body.h"

#include <fmt/format.h>

#include <charconv>

namespace millrace::management {

Body::Body(const std::string& text) : json_(Json::object()) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return;
  json_ = Json::parse(text, nullptr, false);
  if (json_.is_array() && json_.empty()) json_ = Json::object();
  if (!json_.is_object()) error_ = Error(ErrorCode::invalid_request, "the body is no JSON object");
}

Body Body::of(Json object) {
  Body body;
  body.json_ = std::move(object);
  if (!body.json_.is_object()) {
    body.error_ = Error(ErrorCode::invalid_request, "an object is needed");
  }
  return body;
}

const Json* Body::find(std::string_view name) const {
  if (!json_.is_object()) return nullptr;
  const auto found = json_.find(name);
  return found == json_.end() || found->is_null() ? nullptr : &*found;
}

void Body::wrong(std::string_view name, std::string_view why) {
  if (!error_) error_ = Error(ErrorCode::invalid_request, fmt::format("'{}': {}", name, why));
}

void Body::need_short(std::string_view name, std::string_view text) {
  constexpr std::size_t kBytesMax = 255;
  if (text.size() > kBytesMax) wrong(name, "it has more than 255 bytes");
}

void Body::take(std::string_view name, bool& out) {
  const Json* found = find(name);
  if (!found) return;
  if (found->is_boolean()) {
    out = found->get<bool>();
  } else if (*found == "true" || *found == "false") {
    out = *found == "true";
  } else {
    wrong(name, "true or false is needed");
  }
}

void Body::take(std::string_view name, std::int64_t& out) {
  const Json* found = find(name);
  if (!found) return;
  if (found->is_number_integer()) {
    out = found->get<std::int64_t>();
    return;
  }
  const std::string* text = found->get_ptr<const std::string*>();
  if (text) {
    const char* end = text->data() + text->size();
    auto [at, error] = std::from_chars(text->data(), end, out);
    if (!text->empty() && error == std::errc{} && at == end) return;
  }
  wrong(name, "an integer is needed");
}

void Body::take(std::string_view name, std::string& out) {
  const Json* found = find(name);
  if (!found) return;
  if (!found->is_string()) return wrong(name, "a text is needed");
  out = found->get<std::string>();
}

void Body::take(std::string_view name, ValueTable& out) {
  const Json* found = find(name);
  if (!found) return;
  auto table = to_table(*found);
  if (!table) return wrong(name, table.error().message());
  out = std::move(*table);
}

}  // namespace millrace::management
