// JSON as the commands print it: keys in the order they were set, one line.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace millrace::cli {

using Json = nlohmann::ordered_json;

// Text of other encodings, which a name on the wire may be, gets replacement characters.
std::string dump(const Json& json);
// One line on standard output.
void print_json(const Json& json);

// Bytes of a record under `name`: text where they are UTF-8, null where there are none, and
// otherwise base64 under `name` + "_base64".
void set_bytes(Json& object, const std::string& name, const std::optional<ByteView>& bytes);

}  // namespace millrace::cli
