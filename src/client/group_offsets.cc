#include "client/group_offsets.h"

#include <fmt/format.h>

#include "client/server_error.h"
#include "protocols/kafka/wire/gen/offset_commit.h"
#include "protocols/kafka/wire/gen/offset_fetch.h"

namespace millrace::client {
namespace {

using kafka::OffsetCommitRequest;
using kafka::OffsetCommitResponse;
using kafka::OffsetFetchRequest;
using kafka::OffsetFetchResponse;

constexpr std::int16_t kOneGroupCap = 7;  // OffsetFetch: later versions take several groups
constexpr std::int16_t kNamesCap = 9;     // OffsetCommit: later versions name topics by their ids
constexpr std::int16_t kIllegalGeneration = 22;
constexpr std::int16_t kUnknownMember = 25;
constexpr std::int16_t kRebalanceInProgress = 27;

}  // namespace

Result<GroupOffsets> committed_offsets(Client& client, const std::string& group) {
  auto coordinator = client.coordinator(group);
  if (!coordinator) return std::unexpected(coordinator.error());
  OffsetFetchRequest request;
  request.group_id = group;
  request.topics = std::nullopt;
  auto response = (*coordinator)->call<OffsetFetchResponse>(request, kOneGroupCap);
  if (!response) return std::unexpected(response.error());
  TRY(check(response->error_code));
  GroupOffsets offsets;
  for (const auto& topic : response->topics) {
    for (const auto& partition : topic.partitions) {
      TRY(check(partition.error_code));
      if (partition.committed_offset >= 0)
        offsets[topic.name][partition.partition_index] = partition.committed_offset;
    }
  }
  return offsets;
}

Result<CommitOutcome> commit_offsets(Client& client, const std::string& group,
                                     const GroupOffsets& offsets, const CommitAs& as) {
  auto coordinator = client.coordinator(group);
  if (!coordinator) return std::unexpected(coordinator.error());
  OffsetCommitRequest request;
  request.group_id = group;
  request.generation_id_or_member_epoch = as.generation;
  request.member_id = as.member;
  for (const auto& [topic, partitions] : offsets) {
    OffsetCommitRequest::Topic& out = request.topics.emplace_back();
    out.name = topic;
    for (const auto& [partition, offset] : partitions)
      out.partitions.push_back({.partition_index = partition,
                                .committed_offset = offset,
                                .committed_metadata = std::string()});
  }
  auto response = (*coordinator)->call<OffsetCommitResponse>(request, kNamesCap);
  if (!response) return std::unexpected(response.error());
  for (const auto& topic : response->topics) {
    for (const auto& partition : topic.partitions) {
      const std::int16_t code = partition.error_code;
      if (code == kIllegalGeneration || code == kUnknownMember || code == kRebalanceInProgress)
        return CommitOutcome{code};
      if (code != 0) {
        Error error = server_error(code);
        error.detail = fmt::format("the offset of {} partition {} was not committed: {}",
                                   topic.name, partition.partition_index, error.message());
        return std::unexpected(std::move(error));
      }
    }
  }
  return CommitOutcome{};
}

}  // namespace millrace::client
