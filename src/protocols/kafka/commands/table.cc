#include "protocols/kafka/commands/table.h"

#include "protocols/kafka/commands/error_codes.h"
#include "protocols/kafka/commands/handlers.h"
#include "protocols/kafka/wire/codec.h"

namespace millrace::kafka {
namespace {

template <auto kHandler, class Request, class Response>
Task<Result<ByteChain>> decode_and_run(Context context, std::int32_t correlation_id, Bytes body) {
  std::int16_t version = context.version;
  auto request = decode<Request>(std::move(body), version);
  if (!request) co_return std::unexpected(request.error());
  bool answered = true;
  if constexpr (std::is_same_v<Request, ProduceRequest>) answered = request->acks != 0;
  KafkaStats& stats = context.connection.stats;
  Response response = co_await kHandler(std::move(context), std::move(*request));
  for_each_error(response,
                 [&stats](std::int16_t code) { ++stats.of(Response::kKey).errors[code]; });
  if (!answered) co_return ByteChain{};
  co_return encode_response(correlation_id, response, version);
}

template <auto kHandler, class Response, class Request>
constexpr Command row(ApiKey key, Task<Response> (*)(Context, Request), bool pipelined) {
  return {key, &decode_and_run<kHandler, Request, Response>, pipelined};
}

template <auto kHandler>
constexpr Command serve(ApiKey key, bool pipelined = false) {
  return row<kHandler>(key, kHandler, pipelined);
}

// In the order of the keys.
constexpr Command kCommands[] = {
    serve<produce>(ApiKey::produce, true),
    serve<fetch>(ApiKey::fetch),
    serve<list_offsets>(ApiKey::list_offsets),
    serve<metadata>(ApiKey::metadata),
    serve<offset_commit>(ApiKey::offset_commit),
    serve<offset_fetch>(ApiKey::offset_fetch),
    serve<find_coordinator>(ApiKey::find_coordinator),
    serve<join_group>(ApiKey::join_group),
    serve<heartbeat>(ApiKey::heartbeat),
    serve<leave_group>(ApiKey::leave_group),
    serve<sync_group>(ApiKey::sync_group),
    serve<describe_groups>(ApiKey::describe_groups),
    serve<list_groups>(ApiKey::list_groups),
    serve<api_versions>(ApiKey::api_versions),
    serve<create_topics>(ApiKey::create_topics),
    serve<delete_topics>(ApiKey::delete_topics),
    serve<delete_records>(ApiKey::delete_records),
    serve<init_producer_id>(ApiKey::init_producer_id),
    serve<offset_for_leader_epoch>(ApiKey::offset_for_leader_epoch),
    serve<describe_configs>(ApiKey::describe_configs),
    serve<alter_configs>(ApiKey::alter_configs),
    serve<describe_log_dirs>(ApiKey::describe_log_dirs),
    serve<create_partitions>(ApiKey::create_partitions),
    serve<delete_groups>(ApiKey::delete_groups),
    serve<elect_leaders>(ApiKey::elect_leaders),
    serve<incremental_alter_configs>(ApiKey::incremental_alter_configs),
    serve<offset_delete>(ApiKey::offset_delete),
    serve<describe_cluster>(ApiKey::describe_cluster),
    serve<describe_producers>(ApiKey::describe_producers),
    serve<list_config_resources>(ApiKey::list_config_resources),
    serve<describe_topic_partitions>(ApiKey::describe_topic_partitions),
};

}  // namespace

std::span<const Command> commands() { return kCommands; }

const Command* find_command(std::int16_t key) {
  for (const Command& command : kCommands) {
    if (static_cast<std::int16_t>(command.key) == key) return &command;
  }
  return nullptr;
}

}  // namespace millrace::kafka
