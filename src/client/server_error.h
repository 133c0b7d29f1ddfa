// Kafka's error codes, as a server sent them, back into our errors.
//
//   if (Error error = server_error(response.error_code, response.error_message)) ...
//
// Several of our errors share one of Kafka's codes: the first row of error_table.h speaks for it.
// Codes that this broker never sends keep their number in the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"

namespace millrace::client {

// ErrorCode::ok for 0. The server's own words come first, when it sent any.
Error server_error(std::int16_t kafka_code, const std::optional<std::string>& message = {});

// Nothing, or the error.
inline Result<void> check(std::int16_t kafka_code, const std::optional<std::string>& message = {}) {
  if (kafka_code == 0) return {};
  return std::unexpected(server_error(kafka_code, message));
}

// Trying again, after a moment and with fresh metadata, may succeed.
bool is_retriable(std::int16_t kafka_code);
bool is_retriable(const Error& error);

}  // namespace millrace::client
