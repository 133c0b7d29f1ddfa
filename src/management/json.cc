#include "management/json.h"

#include <cmath>
#include <cstdint>
#include <limits>

namespace millrace::management {
namespace {

constexpr unsigned kDepthMax = 16;

std::string_view error_of(unsigned status) {
  switch (status) {
    case 400:
      return "bad_request";
    case 401:
      return "not_authorized";
    case 404:
      return "Object Not Found";
    case 405:
      return "Method Not Allowed";
    case 501:
      return "not_implemented";
    case 503:
      return "unavailable";
    default:
      return "error";
  }
}

unsigned status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::unsupported_feature:
      return 501;
    case ErrorCode::stopping:
    case ErrorCode::timed_out:
    case ErrorCode::storage_full:
    case ErrorCode::storage_failed:
    case ErrorCode::outcome_unknown:
    case ErrorCode::io_error:
      return 503;
    default:
      return 400;
  }
}

struct ToJson {
  Json operator()(std::monostate) const { return nullptr; }
  Json operator()(const Decimal& decimal) const {
    return decimal.digits / std::pow(10.0, decimal.scale);
  }
  Json operator()(TimestampSeconds time) const { return time.value; }
  Json operator()(const ByteString& bytes) const { return bytes.bytes; }
  Json operator()(const ValueArray& array) const {
    Json out = Json::array();
    for (const Value& value : array) out.push_back(to_json(value));
    return out;
  }
  Json operator()(const ValueTable& table) const { return to_json(table); }
  Json operator()(const auto& plain) const { return plain; }
};

Result<Value> to_value(const Json& json, unsigned depth);

Result<ValueTable> to_table(const Json& json, unsigned depth) {
  ValueTable table;
  for (const auto& [key, each] : json.items()) {
    auto value = to_value(each, depth + 1);
    if (!value) return std::unexpected(value.error());
    table.set(key, std::move(*value));
  }
  return table;
}

Result<Value> to_value(const Json& json, unsigned depth) {
  if (depth > kDepthMax) return fail(ErrorCode::invalid_request, "it is nested too deep");
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value(json.get<bool>());
    case Json::value_t::number_unsigned:
      if (json.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
        return fail(ErrorCode::invalid_request, "a number does not fit into 64 bits");
      }
      return Value(json.get<std::int64_t>());
    case Json::value_t::number_integer:
      return Value(json.get<std::int64_t>());
    case Json::value_t::number_float:
      return Value(json.get<double>());
    case Json::value_t::string:
      return Value(json.get<std::string>());
    case Json::value_t::array: {
      ValueArray array;
      for (const Json& each : json) {
        auto value = to_value(each, depth + 1);
        if (!value) return std::unexpected(value.error());
        array.push_back(std::move(*value));
      }
      return Value(std::move(array));
    }
    case Json::value_t::object: {
      auto table = to_table(json, depth);
      if (!table) return std::unexpected(table.error());
      return Value(std::move(*table));
    }
    default:
      return Value();
  }
}

}  // namespace

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

HttpAnswer answer_json(const Json& json, unsigned status) {
  return {.status = status, .content_type = "application/json", .body = dump(json)};
}

HttpAnswer no_content() { return {.status = 204, .content_type = "application/json"}; }

HttpAnswer refuse(unsigned status, std::string_view reason) {
  return answer_json({{"error", error_of(status)}, {"reason", reason}}, status);
}

HttpAnswer refuse(const Error& error) { return refuse(status_of(error.code), error.message()); }

Json to_json(const Value& value) { return std::visit(ToJson{}, value.variant()); }

Json to_json(const ValueTable& table) {
  Json out = Json::object();
  for (const auto& [key, value] : table.entries()) out[key] = to_json(value);
  return out;
}

Result<Value> to_value(const Json& json) { return to_value(json, 0); }

Result<ValueTable> to_table(const Json& json) {
  if (json.is_array() && json.empty()) return ValueTable();
  if (!json.is_object()) return fail(ErrorCode::invalid_request, "an object is needed");
  return to_table(json, 0);
}

}  // namespace millrace::management
