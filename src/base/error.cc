#include "base/error.h"

#include <array>

#include "base/assert.h"

namespace millrace {
namespace {

struct Row {
  std::string_view name;
  std::int16_t kafka;
  std::uint16_t amqp;
  std::string_view text;
};

constexpr Row kRows[] = {
    {"ok", 0, 200, "no error"},
#define MILLRACE_ERROR(name, kafka, amqp, text) {#name, kafka, amqp, text},
#include "base/error_table.h"
#undef MILLRACE_ERROR
};

const Row& row(ErrorCode code) {
  auto index = static_cast<std::size_t>(code);
  ASSERT(index < std::size(kRows));
  return kRows[index];
}

}  // namespace

std::string_view error_name(ErrorCode code) { return row(code).name; }
std::string_view error_text(ErrorCode code) { return row(code).text; }
std::int16_t kafka_error_code(ErrorCode code) { return row(code).kafka; }
std::uint16_t amqp_reply_code(ErrorCode code) { return row(code).amqp; }

}  // namespace millrace
