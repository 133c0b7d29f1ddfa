// The producer's traffic: requests to leaders, their answers, and what is sent again.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <thread>

#include "client/producer_state.h"
#include "client/server_error.h"

namespace millrace::client {
namespace {

using kafka::ProduceRequest;
using kafka::ProduceResponse;

constexpr std::int16_t kNamesCap = 12;  // later versions name topics by their ids
constexpr std::int16_t kOutOfOrder = 45;
constexpr std::int16_t kDuplicate = 46;
constexpr Milliseconds kRetryPause{100};

}  // namespace

// Where each partition's batches go. Lanes stay where they are: batches under way belong to them.
Result<void> Producer::refresh_leaders() {
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    const std::int32_t leader = topic_.partitions[i].leader;
    auto lane = std::ranges::find(lanes_, leader, [](const auto& each) { return each->leader; });
    if (lane == lanes_.end()) {
      lanes_.push_back(std::make_unique<Lane>());
      lanes_.back()->leader = leader;
      lane = std::prev(lanes_.end());
    }
    partitions_[i].lane = static_cast<std::size_t>(lane - lanes_.begin());
  }
  return {};
}

Result<void> Producer::pump(Clock::duration wait) {
  if (!failure_) {
    auto exchanged = exchange(wait);
    if (exchanged) return exchanged;
    failure_ = std::move(exchanged).error();
    take_last_answers();
  }
  return std::unexpected(*failure_);
}

void Producer::take_last_answers() {
  for (const auto& lane : lanes_) {
    while (!lane->flights.empty() && lane->connection && !lane->connection->broken()) {
      const Lane::Flight flight = std::move(lane->flights.front());
      lane->flights.pop_front();
      auto response = lane->connection->receive<ProduceResponse>(flight.sent);
      if (!response) break;
      for (const auto& topic : response->responses)
        for (const auto& partition : topic.partition_responses)
          for (const BatchPtr& batch : flight.batches)
            if (batch->partition == partition.index && partition.error_code == 0)
              acknowledge(*batch, partition.base_offset);
    }
  }
}

Result<void> Producer::exchange(Clock::duration wait) {
  for (const auto& lane : lanes_) {
    if (auto sent = send_ready(*lane); !sent) TRY(start_over(*lane, sent.error()));
  }
  if (wait > Clock::duration{}) TRY(wait_for_answers(wait));
  for (const auto& lane : lanes_) {
    while (!lane->flights.empty()) {
      pollfd ready{lane->connection->descriptor(), POLLIN, 0};
      if (!lane->connection->has_buffered() && ::poll(&ready, 1, 0) <= 0) break;
      TRY(take_answer(*lane));
    }
  }
  return {};
}

// At most one batch of each partition in a request. acks=0 has no answers: sent is all there is.
Result<void> Producer::send_ready(Lane& lane) {
  while (lane.refused.empty() && lane.flights.size() < options_.in_flight_max) {
    ProduceRequest request;
    request.acks = options_.acks;
    request.timeout_ms = static_cast<std::int32_t>(client_.options().timeout.count());
    ProduceRequest::Topic& topic = request.topic_data.emplace_back();
    topic.name = topic_.name;
    Lane::Flight flight;
    std::size_t bytes = 0;
    for (PartitionState& partition : partitions_) {
      if (partition.ready.empty() || lanes_[partition.lane].get() != &lane) continue;
      if (bytes > 0 && bytes + partition.ready.front()->bytes.size() > options_.request_bytes)
        continue;
      BatchPtr batch = std::move(partition.ready.front());
      partition.ready.pop_front();
      bytes += batch->bytes.size();
      topic.partition_data.push_back({.index = batch->partition, .records = batch->bytes});
      flight.batches.push_back(std::move(batch));
    }
    if (flight.batches.empty()) return {};
    lane.flights.push_back(std::move(flight));  // start_over() finds the batches there
    auto connection = client_.broker(lane.leader);
    if (!connection) return std::unexpected(connection.error());
    lane.connection = *connection;
    if (options_.acks == 0) {
      TRY(lane.connection->send_unanswered(request, kNamesCap));
      for (const BatchPtr& batch : lane.flights.back().batches) acknowledge(*batch, -1);
      lane.flights.pop_back();
      continue;
    }
    auto sent = lane.connection->send(request, kNamesCap);
    if (!sent) return std::unexpected(sent.error());
    lane.flights.back().sent = *sent;
  }
  return {};
}

Result<void> Producer::take_answer(Lane& lane) {
  auto response = lane.connection->receive<ProduceResponse>(lane.flights.front().sent);
  if (!response) return start_over(lane, response.error());
  Lane::Flight flight = std::move(lane.flights.front());
  lane.flights.pop_front();
  for (const auto& topic : response->responses) {
    for (const auto& partition : topic.partition_responses) {
      auto batch = std::ranges::find_if(flight.batches, [&](const BatchPtr& each) {
        return each && each->partition == partition.index;
      });
      if (batch == flight.batches.end()) continue;
      TRY(settle(lane, std::move(*batch), partition.error_code, partition.base_offset,
                 partition.error_message));
    }
  }
  for (BatchPtr& batch : flight.batches)
    if (batch)
      return fail(ErrorCode::connection_broken,
                  fmt::format("the server answered, but not for partition {}", batch->partition));
  if (lane.flights.empty() && !lane.refused.empty()) return resume(lane);
  return {};
}

Result<void> Producer::settle(Lane& lane, BatchPtr batch, std::int16_t code,
                              std::int64_t base_offset, const std::optional<std::string>& message) {
  if (code == 0 || code == kDuplicate) {
    acknowledge(*batch, code == 0 ? base_offset : -1);
    return {};
  }
  // What follows a refused batch is out of order, and is sent again after it.
  const bool follows = code == kOutOfOrder && std::ranges::any_of(lane.refused, [&](auto& each) {
                         return each->partition == batch->partition;
                       });
  Error error = server_error(code, message);
  if (!is_retriable(code) && !follows) {
    error.detail = fmt::format(
        "{} partition {} refused a batch of {}: {}", topic_.name, batch->partition,
        batch->records == 1 ? std::string("1 record") : fmt::format("{} records", batch->records),
        error.message());
    return std::unexpected(std::move(error));
  }
  if (!follows) lane.refusal = std::move(error);
  lane.refused.push_back(std::move(batch));
  return {};
}

// The connection is gone: whether the batches under way were written is not known, which an
// idempotent producer need not know.
Result<void> Producer::start_over(Lane& lane, const Error& why) {
  if (why.code == ErrorCode::unsupported_version) return std::unexpected(why);
  for (Lane::Flight& flight : lane.flights)
    for (BatchPtr& batch : flight.batches)
      if (batch) lane.refused.push_back(std::move(batch));
  lane.flights.clear();
  lane.refusal = why;
  return resume(lane);
}

Result<void> Producer::resume(Lane& lane) {
  if (Clock::now() - last_progress_ >= client_.options().timeout) {
    Error error = lane.refusal;
    error.detail = fmt::format("nothing was acknowledged for {}: {}",
                               text_of(client_.options().timeout), lane.refusal.message());
    return std::unexpected(std::move(error));
  }
  for (auto batch = lane.refused.rbegin(); batch != lane.refused.rend(); ++batch) {
    PartitionState& partition = partitions_[static_cast<std::size_t>((*batch)->partition)];
    partition.ready.push_front(std::move(*batch));
  }
  lane.refused.clear();
  std::this_thread::sleep_for(kRetryPause);
  auto topic = client_.topic(topic_.name);
  // Not to be reached yet: the next attempt finds out, until the time is over.
  if (!topic) {
    if (topic.error().code == ErrorCode::unknown_topic_or_partition)
      return std::unexpected(topic.error());
    return {};
  }
  if (topic->partitions.size() >= partitions_.size()) {
    for (std::size_t i = 0; i < partitions_.size(); ++i)
      topic_.partitions[i] = topic->partitions[i];
    TRY(refresh_leaders());
  }
  return {};
}

Result<void> Producer::wait_for_answers(Clock::duration at_most) {
  std::vector<pollfd> sockets;
  for (const auto& lane : lanes_) {
    if (lane->flights.empty()) continue;
    if (lane->connection->has_buffered()) return {};
    sockets.push_back({lane->connection->descriptor(), POLLIN, 0});
  }
  // Without a socket this only waits.
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(at_most).count();
  const timespec wait{ns / 1'000'000'000, ns % 1'000'000'000};
  ::ppoll(sockets.data(), sockets.size(), &wait, nullptr);
  if (sockets.empty()) return {};
  // A broker that is silent although requests wait for it.
  if (Clock::now() - last_progress_ < client_.options().timeout) return {};
  const Error silent(ErrorCode::timed_out, "the broker takes requests and does not answer them");
  for (const auto& lane : lanes_)
    if (!lane->flights.empty()) TRY(start_over(*lane, silent));
  return {};
}

}  // namespace millrace::client
