// Body: the JSON object that a client sent, field by field. The first mistake is kept.
//
//   Body body(request.body);
//   body.take("durable", durable);           // stays as it is when the field is not there
//   body.need("routing_key", key);
//   if (body.error()) co_return refuse(*body.error());
//
// Numbers and booleans may come as texts, as rabbitmqadmin sends them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "management/json.h"

namespace millrace::management {

class Body {
 public:
  // An empty text is an empty object.
  explicit Body(const std::string& text);
  // Of an object in a larger text.
  static Body of(Json object);

  void take(std::string_view name, bool& out);
  void take(std::string_view name, std::int64_t& out);
  void take(std::string_view name, std::string& out);
  void take(std::string_view name, ValueTable& out);
  template <class T>
  void need(std::string_view name, T& out) {
    if (!find(name)) return wrong(name, "it is missing");
    take(name, out);
  }
  // Null when it is not there, or is null.
  const Json* find(std::string_view name) const;
  void wrong(std::string_view name, std::string_view why);
  // AMQP says names and keys in 255 bytes at most.
  void need_short(std::string_view name, std::string_view text);

  const Json& json() const { return json_; }
  const std::optional<Error>& error() const { return error_; }

 private:
  Body() = default;
  Json json_;
  std::optional<Error> error_;
};

}  // namespace millrace::management
