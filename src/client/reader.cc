#include "client/reader.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <set>
#include <thread>

#include "client/batch_walk.h"
#include "client/offsets.h"
#include "client/server_error.h"
#include "protocols/kafka/wire/gen/fetch.h"

namespace millrace::client {
namespace {

using kafka::FetchRequest;
using kafka::FetchResponse;

constexpr std::int16_t kNamesCap = 12;  // later versions name topics by their ids
constexpr std::int16_t kOffsetOutOfRange = 1;
constexpr Milliseconds kRetryPause{100};

}  // namespace

void Reader::assign(std::vector<ReadPosition> positions) {
  positions_ = std::move(positions);
  forget_ahead();
}

void Reader::forget_ahead() {
  ++generation_;
  for (ReadPosition& position : positions_) position.ahead = position.next;
}

ReadPosition* Reader::find(const std::string& topic, std::int32_t partition) {
  auto found = std::ranges::find_if(positions_, [&](const ReadPosition& each) {
    return each.partition == partition && each.topic == topic;
  });
  return found == positions_.end() ? nullptr : &*found;
}

void Reader::drop(const std::string& topic, std::int32_t partition) {
  std::erase_if(positions_, [&](const ReadPosition& each) {
    return each.partition == partition && each.topic == topic;
  });
}

Result<std::int64_t> Reader::poll(const OnRecord& on_record) {
  const Deadline deadline(client_.options().timeout + options_.wait);
  auto fetched = exchange();
  while (!fetched) {
    if (!is_retriable(fetched.error()) || deadline.passed())
      return std::unexpected(fetched.error());
    std::this_thread::sleep_for(kRetryPause);
    find_leaders_again();
    fetched = exchange();
  }
  // A failure to ask on is found again, and treated, by the next call.
  [[maybe_unused]] const auto asked = request_missing();
  std::int64_t records = 0;
  bool go_on = true;
  for (const Fetched& each : *fetched) {
    auto count = hand_over(each, on_record, go_on);
    if (!count) return std::unexpected(count.error());
    records += *count;
    if (!go_on) {
      forget_ahead();
      break;
    }
  }
  return records;
}

Result<Reader::FetchedList> Reader::exchange() {
  TRY(request_missing());
  auto ready = wait_for_lanes();
  if (!ready) return std::unexpected(ready.error());
  FetchedList fetched;
  for (const std::int32_t leader : *ready) TRY(take(leader, fetched));
  return fetched;
}

Result<void> Reader::request_missing() {
  std::set<std::int32_t> leaders;
  for (const ReadPosition& position : positions_) leaders.insert(position.leader);
  for (const std::int32_t leader : leaders)
    if (!lanes_.contains(leader)) TRY(request(leader));
  return {};
}

Result<void> Reader::request(std::int32_t leader) {
  FetchRequest request;
  request.max_wait_ms = static_cast<std::int32_t>(options_.wait.count());
  request.min_bytes = options_.bytes_min;
  request.max_bytes = options_.bytes_max;
  for (const ReadPosition& position : positions_) {
    if (position.leader != leader) continue;
    auto topic = std::ranges::find(request.topics, position.topic, &FetchRequest::Topic::topic);
    if (topic == request.topics.end()) {
      request.topics.emplace_back().topic = position.topic;
      topic = std::prev(request.topics.end());
    }
    topic->partitions.push_back({.partition = position.partition,
                                 .fetch_offset = position.ahead,
                                 .partition_max_bytes = options_.partition_bytes_max});
  }
  auto connection = client_.broker(leader);
  if (!connection) return std::unexpected(connection.error());
  auto sent = (*connection)->send(request, kNamesCap);
  if (!sent) return std::unexpected(sent.error());
  lanes_[leader] = {*connection, *sent, generation_};
  return {};
}

// The leaders whose answers have begun to come.
Result<std::vector<std::int32_t>> Reader::wait_for_lanes() {
  const Deadline deadline(client_.options().timeout + options_.wait);
  for (;;) {
    std::vector<pollfd> sockets;
    std::vector<std::int32_t> ready;
    for (const auto& [leader, lane] : lanes_) {
      sockets.push_back({lane.connection->descriptor(), POLLIN, 0});
      if (lane.connection->has_buffered()) ready.push_back(leader);
    }
    if (!ready.empty() || sockets.empty()) return ready;
    ::poll(sockets.data(), sockets.size(), deadline.poll_ms());
    std::size_t index = 0;
    for (const auto& [leader, lane] : lanes_)
      if (sockets[index++].revents != 0) ready.push_back(leader);
    if (!ready.empty()) return ready;
    if (deadline.passed())
      return fail(ErrorCode::timed_out,
                  fmt::format("the broker took a request for records and did not answer it within "
                              "{} (--timeout)",
                              text_of(client_.options().timeout)));
  }
}

Result<void> Reader::take(std::int32_t leader, FetchedList& fetched) {
  const Lane lane = std::move(lanes_.at(leader));
  lanes_.erase(leader);
  auto response = lane.connection->receive<FetchResponse>(lane.sent);
  if (!response) return std::unexpected(response.error());
  if (lane.generation != generation_) return {};
  TRY(check(response->error_code));
  for (const auto& topic : response->responses) {
    for (const auto& partition : topic.partitions) {
      ReadPosition* position = find(topic.topic, partition.partition_index);
      if (position == nullptr) continue;
      if (partition.error_code == kOffsetOutOfRange) {
        TRY(reset_lost(*position));
        continue;
      }
      if (partition.error_code != 0) {
        Error error = server_error(partition.error_code);
        error.detail = fmt::format("{} partition {}: {}", topic.topic, partition.partition_index,
                                   error.message());
        return std::unexpected(std::move(error));
      }
      if (!partition.records || partition.records->empty()) continue;
      Fetched each{topic.topic, partition.partition_index, partition.records->parts().front()};
      auto next = end_of_batches(each.records.view());
      if (!next) return std::unexpected(next.error());
      if (*next <= position->ahead)
        return fail(ErrorCode::corrupt_message,
                    fmt::format("{} partition {}: the server sent what lies before offset {}",
                                topic.topic, partition.partition_index, position->ahead));
      position->ahead = *next;
      fetched.push_back(std::move(each));
    }
  }
  return {};
}

Result<std::int64_t> Reader::hand_over(const Fetched& fetched, const OnRecord& on_record,
                                       bool& go_on) {
  std::int64_t records = 0;
  BatchWalk walk(fetched.records.view());
  while (auto batch = walk.next()) {
    ReadPosition* position = find(fetched.topic, fetched.partition);
    if (position == nullptr) return records;  // the callback dropped it
    if (!checksum_matches(batch->bytes))
      return fail(ErrorCode::corrupt_message,
                  fmt::format("{} partition {}: the batch at offset {} fails its checksum",
                              fetched.topic, fetched.partition, batch->header.base_offset.value()));
    if (!batch->header.is_control()) {
      RecordReader reader(batch->bytes, kReadLimits);
      while (auto record = reader.next()) {
        if (record->offset.value() < position->next) continue;
        position->next = record->offset.value() + 1;
        ++records;
        go_on = on_record({fetched.topic, fetched.partition, *record});
        if (!go_on) return records;
        position = find(fetched.topic, fetched.partition);
        if (position == nullptr) return records;
      }
      if (!reader.ok())
        return fail(
            ErrorCode::corrupt_message,
            fmt::format("{} partition {}: the batch at offset {} can't be read", fetched.topic,
                        fetched.partition, batch->header.base_offset.value()));
    }
    position->next = std::max(position->next, batch->header.next_offset().value());
  }
  return records;
}

// The log was cut on one of its sides.
Result<void> Reader::reset_lost(ReadPosition& position) {
  auto topic = client_.topic(position.topic);
  if (!topic) return std::unexpected(topic.error());
  auto first = find_offsets(client_, *topic, {position.partition}, kEarliest);
  if (!first) return std::unexpected(first.error());
  auto end = find_offsets(client_, *topic, {position.partition}, kLatest);
  if (!end) return std::unexpected(end.error());
  const ReadPosition before = position;
  position.next = std::clamp(position.next, first->at(position.partition),
                             std::max(first->at(position.partition), end->at(position.partition)));
  position.ahead = position.next;
  if (on_lost_ && position.next != before.next) on_lost_(before, position.next);
  return {};
}

void Reader::find_leaders_again() {
  // Answers under way on sound connections still come, and are passed over then.
  std::erase_if(lanes_, [](const auto& lane) { return lane.second.connection->broken(); });
  forget_ahead();
  std::set<std::string> names;
  for (const ReadPosition& position : positions_) names.insert(position.topic);
  for (const std::string& name : names) {
    auto topic = client_.topic(name);
    if (!topic) continue;  // the next attempt tells
    for (ReadPosition& position : positions_)
      if (position.topic == name && topic->check_partition(position.partition))
        position.leader = topic->partitions[static_cast<std::size_t>(position.partition)].leader;
  }
}

}  // namespace millrace::client
