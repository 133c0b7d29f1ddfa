// The codes that close a channel or a connection, and those of basic.return.
//
//   ChannelClose{.reply_code = 404, .reply_text = reply_text(ReplyCode::not_found, "no queue 'q' in
//   vhost '/'")}
//
// Clients parse the text: NAME - what happened, for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::amqp {

enum class ReplyCode : std::uint16_t {
  success = 200,
  content_too_large = 311,
  no_route = 312,
  no_consumers = 313,
  connection_forced = 320,
  invalid_path = 402,
  access_refused = 403,
  not_found = 404,
  resource_locked = 405,
  precondition_failed = 406,
  frame_error = 501,
  syntax_error = 502,
  command_invalid = 503,
  channel_error = 504,
  unexpected_frame = 505,
  resource_error = 506,
  not_allowed = 530,
  not_implemented = 540,
  internal_error = 541,
};

// What ends with it.
enum class ReplyScope { nothing, channel, connection };

// access_refused ends the connection all the same while it logs in.
ReplyScope reply_scope(ReplyCode code);
// "NOT_FOUND"
std::string_view reply_name(ReplyCode code);
// "NOT_FOUND - text", cut (between characters) to the 255 bytes that a reply text may have.
std::string reply_text(ReplyCode code, std::string_view text);

constexpr std::uint16_t reply_number(ReplyCode code) { return static_cast<std::uint16_t>(code); }

}  // namespace millrace::amqp
