#include "admin/http_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"

namespace millrace {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = lower(c);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

enum class Plus { itself, space };

Result<std::string> decoded(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+' && plus == Plus::space) {
      out += ' ';
      continue;
    }
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    const int high = at + 2 < text.size() ? hex_digit(text[at + 1]) : -1;
    const int low = at + 2 < text.size() ? hex_digit(text[at + 2]) : -1;
    if (high < 0 || low < 0) {
      return fail(ErrorCode::invalid_request,
                  fmt::format("a '%' with two hexadecimal digits is needed in '{}'", text));
    }
    out += static_cast<char>(high << 4 | low);
    at += 2;
  }
  return out;
}

std::string_view until(std::string_view& text, char end) {
  const auto at = text.find(end);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

}  // namespace

bool HttpRequest::Less::operator()(std::string_view a, std::string_view b) const {
  return std::ranges::lexicographical_compare(a, b, {}, lower, lower);
}

const std::string& HttpRequest::parameter(std::string_view name) const {
  const auto found = parameters.find(name);
  ASSERT(found != parameters.end());
  return found->second;
}

const std::string* HttpRequest::query_value(std::string_view name) const {
  const auto found = std::ranges::find(query, name, &std::pair<std::string, std::string>::first);
  return found == query.end() ? nullptr : &found->second;
}

const std::string* HttpRequest::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? nullptr : &found->second;
}

Result<void> take_target(HttpRequest& request, std::string_view target) {
  request.target = target;
  std::string_view path = until(target, '?');
  if (!path.starts_with('/')) return fail(ErrorCode::invalid_request, "the target is no path");
  path.remove_prefix(1);
  while (!path.empty()) {
    auto segment = decoded(until(path, '/'), Plus::itself);
    if (!segment) return std::unexpected(segment.error());
    request.segments.push_back(std::move(*segment));
  }
  while (!target.empty()) {
    std::string_view pair = until(target, '&');
    if (pair.empty()) continue;
    auto name = decoded(until(pair, '='), Plus::space);
    if (!name) return std::unexpected(name.error());
    auto value = decoded(pair, Plus::space);
    if (!value) return std::unexpected(value.error());
    request.query.emplace_back(std::move(*name), std::move(*value));
  }
  return {};
}

}  // namespace millrace
