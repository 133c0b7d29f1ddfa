#include "protocols/amqp/wire/reply_codes.h"

#include <algorithm>
#include <iterator>

#include "base/assert.h"
#include "protocols/amqp/wire/limits.h"

namespace millrace::amqp {
namespace {

struct Row {
  ReplyCode code;
  ReplyScope scope;
  std::string_view name;
};

constexpr Row kRows[] = {
    {ReplyCode::success, ReplyScope::nothing, "REPLY_SUCCESS"},
    {ReplyCode::content_too_large, ReplyScope::channel, "CONTENT_TOO_LARGE"},
    {ReplyCode::no_route, ReplyScope::nothing, "NO_ROUTE"},
    {ReplyCode::no_consumers, ReplyScope::nothing, "NO_CONSUMERS"},
    {ReplyCode::connection_forced, ReplyScope::connection, "CONNECTION_FORCED"},
    {ReplyCode::invalid_path, ReplyScope::connection, "INVALID_PATH"},
    {ReplyCode::access_refused, ReplyScope::channel, "ACCESS_REFUSED"},
    {ReplyCode::not_found, ReplyScope::channel, "NOT_FOUND"},
    {ReplyCode::resource_locked, ReplyScope::channel, "RESOURCE_LOCKED"},
    {ReplyCode::precondition_failed, ReplyScope::channel, "PRECONDITION_FAILED"},
    {ReplyCode::frame_error, ReplyScope::connection, "FRAME_ERROR"},
    {ReplyCode::syntax_error, ReplyScope::connection, "SYNTAX_ERROR"},
    {ReplyCode::command_invalid, ReplyScope::connection, "COMMAND_INVALID"},
    {ReplyCode::channel_error, ReplyScope::connection, "CHANNEL_ERROR"},
    {ReplyCode::unexpected_frame, ReplyScope::connection, "UNEXPECTED_FRAME"},
    {ReplyCode::resource_error, ReplyScope::connection, "RESOURCE_ERROR"},
    {ReplyCode::not_allowed, ReplyScope::connection, "NOT_ALLOWED"},
    {ReplyCode::not_implemented, ReplyScope::connection, "NOT_IMPLEMENTED"},
    {ReplyCode::internal_error, ReplyScope::connection, "INTERNAL_ERROR"},
};

const Row& row(ReplyCode code) {
  const Row* found = std::ranges::find(kRows, code, &Row::code);
  ASSERT(found != std::end(kRows));
  return *found;
}

bool inside_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

ReplyScope reply_scope(ReplyCode code) { return row(code).scope; }
std::string_view reply_name(ReplyCode code) { return row(code).name; }

std::string reply_text(ReplyCode code, std::string_view text) {
  std::string whole(reply_name(code));
  whole.append(" - ").append(text);
  if (whole.size() <= kShortTextBytesMax) return whole;
  std::size_t size = kShortTextBytesMax;
  while (size > 0 && inside_character(whole[size])) --size;
  whole.resize(size);
  return whole;
}

}  // namespace millrace::amqp
