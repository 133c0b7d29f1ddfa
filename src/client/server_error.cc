#include "client/server_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace millrace::client {
namespace {

constexpr ErrorCode kKnown[] = {
#define MILLRACE_ERROR(name, kafka, amqp, text) ErrorCode::name,
#include "base/error_table.h"
#undef MILLRACE_ERROR
};

// What other brokers send and ours does not; the facts are Kafka's protocol guide, "Error Codes".
struct Foreign {
  std::int16_t code;
  ErrorCode ours;
  std::string_view text;
};
constexpr Foreign kForeign[] = {
    {-1, ErrorCode::io_error, "the server failed with an unexpected error, see its log"},
    {5, ErrorCode::would_block, "the partition has no leader at this moment"},
    {6, ErrorCode::would_block, "this broker does not lead the partition"},
    {18, ErrorCode::message_too_large, "the batch is larger than a segment of the topic"},
    {19, ErrorCode::timed_out, "too few replicas of the partition are in sync"},
    {20, ErrorCode::timed_out, "written, but too few replicas were in sync"},
    {30, ErrorCode::not_authorized, "not authorized for this group"},
    {31, ErrorCode::not_authorized, "not authorized for this on the cluster"},
    {33, ErrorCode::not_authorized, "the login method is not supported"},
    {34, ErrorCode::not_authorized, "a login is needed first; this client has none yet"},
    {41, ErrorCode::would_block, "this broker is not the controller"},
    {58, ErrorCode::not_authorized, "the login failed"},
    {73, ErrorCode::policy_violation, "deleting topics is switched off at this server"},
    {89, ErrorCode::policy_violation, "a quota of the server is used up"},
};

// Connections, elections, replicas that lag: all of them pass.
constexpr std::array<std::int16_t, 14> kRetriable = {5,  6,  7,  13, 14, 15, 16,
                                                     19, 20, 41, 56, 72, 74, 75};

}  // namespace

Error server_error(std::int16_t kafka_code, const std::optional<std::string>& message) {
  if (kafka_code == 0) return ErrorCode::ok;
  Error error(ErrorCode::io_error);
  const auto ours = std::ranges::find(kKnown, kafka_code, kafka_error_code);
  const auto foreign = std::ranges::find(kForeign, kafka_code, &Foreign::code);
  if (ours != std::end(kKnown)) {
    error = Error(*ours);
  } else if (foreign != std::end(kForeign)) {
    error = Error(foreign->ours, std::string(foreign->text));
  } else {
    error.detail = fmt::format("the server answered with Kafka's error code {}", kafka_code);
  }
  if (message && !message->empty()) error.detail = *message;
  return error;
}

bool is_retriable(std::int16_t kafka_code) {
  return std::ranges::find(kRetriable, kafka_code) != kRetriable.end();
}

bool is_retriable(const Error& error) { return is_retriable(kafka_error_code(error.code)); }

}  // namespace millrace::client
