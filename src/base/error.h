// The one error system: Result<T> = value or Error. Exceptions are for start-up and for what cannot
// happen.
//
//   Result<Offset> find(WallMs time);
//   if (!found) return std::unexpected(found.error());
//
// Every code is one row of error_table.h with its name, Kafka code and default text; a protocol
// reads its column.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace millrace {

enum class ErrorCode : std::uint16_t {
  ok,
#define MILLRACE_ERROR(name, kafka, amqp, text) name,
#include "base/error_table.h"
#undef MILLRACE_ERROR
};

// The row's name, e.g. "offset_out_of_range".
std::string_view error_name(ErrorCode code);
// What a client is told when the error carries no text of its own.
std::string_view error_text(ErrorCode code);
// Kafka's int16 error code of the row.
std::int16_t kafka_error_code(ErrorCode code);
// AMQP 0-9-1's reply code of the row.
std::uint16_t amqp_reply_code(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::ok;
  std::string detail;  // empty: error_text(code)

  Error() = default;
  Error(ErrorCode code_in)
      : code(code_in) {}  // NOLINT: `return fail(ErrorCode::x)` and comparisons read better
  Error(ErrorCode code_in, std::string detail_in) : code(code_in), detail(std::move(detail_in)) {}

  std::string_view message() const {
    return detail.empty() ? error_text(code) : std::string_view(detail);
  }
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code) { return std::unexpected<Error>(Error(code)); }
inline std::unexpected<Error> fail(ErrorCode code, std::string detail) {
  return std::unexpected<Error>(Error(code, std::move(detail)));
}

}  // namespace millrace

// Leaves the enclosing function with the error of an expression that gave a Result.
#define TRY(expression)                                                         \
  do {                                                                          \
    if (auto try_result = (expression); !try_result)                            \
      return std::unexpected<::millrace::Error>(std::move(try_result).error()); \
  } while (false)
