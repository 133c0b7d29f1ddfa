#include "cli/json.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/base64.h"
#include "base/utf8.h"

namespace millrace::cli {

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void print_json(const Json& json) { fmt::print("{}\n", dump(json)); }

void set_bytes(Json& object, const std::string& name, const std::optional<ByteView>& bytes) {
  if (!bytes) {
    object[name] = nullptr;
  } else if (const std::string_view text = as_text(*bytes); is_utf8(text)) {
    object[name] = text;
  } else {
    object[name + "_base64"] = base64(*bytes);
  }
}

}  // namespace millrace::cli
