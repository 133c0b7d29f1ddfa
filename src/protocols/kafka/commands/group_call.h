// One call to a group's coordinator, with the reply that fits the command.
#pragma once

#include "protocols/kafka/commands/context.h"

namespace millrace::kafka {

// `reply` with its error set when the coordinator could not be asked.
template <class Reply, class Command>
Task<Reply> call_group(BrokerCore* broker, Command command) {
  std::string group = command.group;
  auto answer = co_await broker->group(std::move(group), std::move(command));
  if (answer) co_return std::get<Reply>(std::move(*answer));
  Reply reply;
  reply.error = answer.error().code;
  co_return reply;
}

inline Blob to_blob(const Bytes& bytes) {
  ByteView view = bytes.view();
  return Blob(view.begin(), view.end());
}
inline std::optional<std::string> null_if_empty(std::string text) {
  return text.empty() ? std::nullopt : std::optional(std::move(text));
}

}  // namespace millrace::kafka
