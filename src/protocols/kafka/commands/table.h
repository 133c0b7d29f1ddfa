// The table of commands: which APIs this broker serves, and by which function.
#pragma once

#include <span>

#include "protocols/kafka/commands/context.h"
#include "protocols/kafka/wire/header.h"

namespace millrace::kafka {

struct Command {
  ApiKey key;
  // Decodes, works and encodes: a whole frame, or nothing when there is no answer (acks=0). An
  // error means that the request can't be read: the connection is closed.
  Task<Result<ByteChain>> (*run)(Context context, std::int32_t correlation_id, Bytes body);
  // May overlap with the request behind it; the responses keep their order all the same.
  bool pipelined = false;
};

std::span<const Command> commands();
const Command* find_command(std::int16_t key);

}  // namespace millrace::kafka
