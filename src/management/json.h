// JSON as the management API speaks it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "admin/http_request.h"
#include "base/error.h"
#include "base/value.h"

namespace millrace::management {

using Json = nlohmann::ordered_json;

// Text of other encodings gets replacement characters.
std::string dump(const Json& json);

HttpAnswer answer_json(const Json& json, unsigned status = 200);
HttpAnswer no_content();
// {"error":"bad_request","reason":"..."}
HttpAnswer refuse(unsigned status, std::string_view reason);
// With the status that the error has here.
HttpAnswer refuse(const Error& error);

// Bytes become text, a timestamp its seconds, a decimal a fraction.
Json to_json(const Value& value);
Json to_json(const ValueTable& table);
// invalid_request when it is nested too deep or holds too large a number.
Result<Value> to_value(const Json& json);
// Of an object; an empty array is an empty table, as some clients have it.
Result<ValueTable> to_table(const Json& json);

}  // namespace millrace::management
