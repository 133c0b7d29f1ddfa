#include "simulation/consumers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "protocols/kafka/wire/gen/messages.h"
#include "simulation/reading.h"

namespace millrace::simulation {
namespace {

using namespace std::chrono_literals;
using namespace kafka;

constexpr std::int32_t kSessionMs = 6000;
constexpr std::int32_t kRebalanceMs = 3000;
constexpr Duration kHeartbeatEvery = 1s;
// The members share a protocol of their own: an assignment is "0,2,5".
constexpr const char* kProtocol = "simulated";

// A member's part in one generation, on one connection.
struct Part {
  Life& life;
  Member& me;
  Client& client;
  std::int32_t generation = -1;
  std::map<std::int32_t, std::int64_t> positions;  // by partition
  std::map<std::int32_t, std::int64_t> committed;
  MonotonicTime next_heartbeat{0};

  CommitRegister& commits(std::int32_t partition) {
    return life.ledger.commits[me.group][partition];
  }
};

std::string join(const std::vector<std::int32_t>& partitions) {
  return fmt::format("{}", fmt::join(partitions, ","));
}

std::vector<std::int32_t> split(std::string_view text) {
  std::vector<std::int32_t> partitions;
  while (!text.empty()) {
    std::int32_t partition = -1;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), partition);
    partitions.push_back(partition);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  return partitions;
}

std::vector<SyncGroupRequest::Assignment> share(const JoinGroupResponse& joined,
                                                std::size_t partitions) {
  std::vector<SyncGroupRequest::Assignment> assignments;
  std::vector<std::vector<std::int32_t>> shares(joined.members.size());
  for (std::size_t i = 0; i < partitions; ++i) {
    shares[i % shares.size()].push_back(static_cast<std::int32_t>(i));
  }
  for (std::size_t i = 0; i < shares.size(); ++i) {
    assignments.push_back({.member_id = joined.members[i].member_id,
                           .assignment = Bytes::copy_of(as_bytes(join(shares[i])))});
  }
  return assignments;
}

// Answers of the coordinator that end a member's part: it joins again.
bool is_over(Member& me, std::int16_t error) {
  if (is(error, ErrorCode::unknown_member_id)) me.id.clear();
  return is(error, ErrorCode::unknown_member_id) || is(error, ErrorCode::illegal_generation) ||
         is(error, ErrorCode::rebalance_in_progress);
}

// True when a part goes on; a fault for answers that no client should get.
bool goes_on(Part& part, std::int16_t error, const char* what) {
  if (error == 0) return true;
  if (!is_over(part.me, error) && !is_trouble(error)) {
    part.life.ledger.fault(fmt::format("{} of group {}: error {}", what, part.me.group, error));
  }
  return false;
}

Task<std::optional<JoinGroupResponse>> join_group(Part* part) {
  for (;;) {
    JoinGroupRequest request;
    request.group_id = part->me.group;
    request.session_timeout_ms = kSessionMs;
    request.rebalance_timeout_ms = kRebalanceMs;
    request.member_id = part->me.id;
    request.protocol_type = kProtocol;
    request.protocols.push_back({.name = kProtocol, .metadata = Bytes()});
    auto joined = co_await part->client.call<JoinGroupResponse>(std::move(request), 7);
    if (!joined || part->life.over()) co_return std::nullopt;
    part->me.id = joined->member_id;
    if (is(joined->error_code, ErrorCode::member_id_required)) continue;
    if (!goes_on(*part, joined->error_code, "join")) co_return std::nullopt;
    co_return std::move(*joined);
  }
}

// Which partitions are this member's; false: no part in this generation.
Task<bool> sync_group(Part* part, JoinGroupResponse joined) {
  part->generation = joined.generation_id;
  SyncGroupRequest request;
  request.group_id = part->me.group;
  request.generation_id = joined.generation_id;
  request.member_id = part->me.id;
  const TopicFacts* topic = part->life.ledger.alive(part->me.topic);
  if (joined.leader == part->me.id && topic) {
    request.assignments = share(joined, topic->partitions.size());
  }
  auto synced = co_await part->client.call<SyncGroupResponse>(std::move(request), 4);
  if (!synced || part->life.over()) co_return false;
  if (!goes_on(*part, synced->error_code, "sync")) co_return false;
  for (std::int32_t partition : split(as_text(synced->assignment.view()))) {
    part->positions[partition] = 0;
    part->life.ledger.assigned(part->me.group, part->generation, partition, part->me.id);
  }
  co_return true;
}

Task<bool> take_positions(Part* part) {
  OffsetFetchRequest request;
  request.group_id = part->me.group;
  OffsetFetchRequest::Topic& topic = request.topics.emplace().emplace_back();
  topic.name = part->me.topic;
  for (const auto& [partition, position] : part->positions) {
    topic.partition_indexes.push_back(partition);
  }
  const std::uint64_t began = part->life.ledger.tick();
  auto response = co_await part->client.call<OffsetFetchResponse>(std::move(request), 5);
  if (!response || part->life.over()) co_return false;
  if (!goes_on(*part, response->error_code, "offsets")) co_return false;
  for (const auto& answer : response->topics.at(0).partitions) {
    if (!goes_on(*part, answer.error_code, "offset")) co_return false;
    if (!part->commits(answer.partition_index)
             .explains(began, answer.committed_offset, part->life.ledger.tick())) {
      part->life.ledger.fault(fmt::format("group {} partition {}: {} is committed, which was not",
                                          part->me.group, answer.partition_index,
                                          answer.committed_offset));
    }
    part->committed[answer.partition_index] = answer.committed_offset;
    part->positions[answer.partition_index] = std::max<std::int64_t>(0, answer.committed_offset);
  }
  co_return true;
}

Task<bool> commit(Part* part) {
  OffsetCommitRequest request;
  request.group_id = part->me.group;
  request.generation_id_or_member_epoch = part->generation;
  request.member_id = part->me.id;
  OffsetCommitRequest::Topic& topic = request.topics.emplace_back();
  topic.name = part->me.topic;
  std::map<std::int32_t, CommitRegister::Write> writes;
  for (const auto& [partition, position] : part->positions) {
    topic.partitions.push_back({.partition_index = partition, .committed_offset = position});
    writes[partition] = part->commits(partition).begin(part->life.ledger.tick(), position);
  }
  const auto sent = part->positions;
  auto response = co_await part->client.call<OffsetCommitResponse>(std::move(request), 7);
  if (!response || part->life.over()) co_return false;
  bool all = true;
  for (const auto& answer : response->topics.at(0).partitions) {
    CommitRegister& commits = part->commits(answer.partition_index);
    const CommitRegister::Write write = writes.at(answer.partition_index);
    if (answer.error_code == 0) {
      commits.answered(write, part->life.ledger.tick());
      part->committed[answer.partition_index] = sent.at(answer.partition_index);
    } else if (!is_trouble(answer.error_code)) {
      commits.refused(write);
    }
    all = goes_on(*part, answer.error_code, "commit") && all;
  }
  co_return all;
}

Task<bool> heartbeat(Part* part) {
  part->next_heartbeat = part->life.client_core().now() + kHeartbeatEvery.count();
  HeartbeatRequest request;
  request.group_id = part->me.group;
  request.generation_id = part->generation;
  request.member_id = part->me.id;
  auto response = co_await part->client.call<HeartbeatResponse>(std::move(request), 3);
  if (!response || part->life.over()) co_return false;
  co_return goes_on(*part, response->error_code, "heartbeat");
}

Task<void> leave(Part* part) {
  LeaveGroupRequest request;
  request.group_id = part->me.group;
  request.members.push_back({.member_id = part->me.id});
  co_await part->client.call<LeaveGroupResponse>(std::move(request), 3);
  part->me.id.clear();
}

// Whether what stands at the beginning may go meanwhile.
bool may_begin_later(const TopicFacts& topic, std::int32_t partition) {
  return topic.expires ||
         topic.partitions.at(static_cast<std::size_t>(partition)).log_start_asked > 0;
}

// One fetch of one partition. False: the connection or the topic is gone, or the disk fails.
Task<bool> read_on(Life* life, Client* client, std::string topic_id, std::int32_t partition,
                   std::int64_t* position) {
  TopicFacts* topic = life->ledger.find(topic_id);
  if (!topic) co_return false;
  const std::int64_t known =
      topic->partitions.at(static_cast<std::size_t>(partition)).high_watermark;
  const auto wait_ms = static_cast<std::int32_t>(life->random().below(100));
  const auto drawn = static_cast<std::int32_t>(1 + life->random().below(8192));
  const std::int32_t bytes_max = life->ending ? 65536 : drawn;  // it comes to its end
  auto response = co_await client->call<FetchResponse>(
      fetch_request(*topic, partition, *position, wait_ms, bytes_max), kFetchVersion);
  if (!response || life->over()) co_return false;
  topic = life->ledger.find(topic_id);
  if (!topic || topic->doomed) co_return false;
  if (response->error_code != 0 || response->responses.empty()) co_return false;
  const FetchResponse::Partition& answer = response->responses[0].partitions.at(0);
  const std::string name = topic->name;
  if (is(answer.error_code, ErrorCode::offset_out_of_range) && may_begin_later(*topic, partition)) {
    auto start = co_await log_start(&life->ledger, client, name, partition);
    if (!start || *start <= *position) co_return false;
    *position = *start;
    co_return true;
  }
  if (is_trouble(answer.error_code)) co_return false;
  if (answer.error_code != 0) {
    life->ledger.fault(fmt::format("fetch of {}/{} at {}: error {}", topic->name, partition,
                                   *position, answer.error_code));
    co_return false;
  }
  life->ledger.saw_high_watermark(*topic, partition, known, answer.high_watermark);
  life->ledger.saw_log_start(*topic, partition, answer.log_start_offset);
  const ReadRecords read = read_records(life->ledger, *topic, partition, *position, answer);
  if (read.damaged) life->ledger.fault(fmt::format("{}/{}: damaged", topic->name, partition));
  for (const std::string& value : read.values) {
    life->ledger.read(*topic, partition, (*position)++, value);
  }
  co_return true;
}

// Whether every partition's committed offset stands at its end, as far as anybody knows.
bool all_is_committed(Part& part, const TopicFacts& topic) {
  for (const auto& [partition, position] : part.positions) {
    const PartitionFacts& facts = topic.partitions.at(static_cast<std::size_t>(partition));
    if (part.committed[partition] < facts.high_watermark || position < facts.high_watermark) {
      return false;
    }
  }
  return true;
}

// True: the group's work is done.
Task<bool> work(Part* part) {
  Life& life = part->life;
  while (!life.over()) {
    const TopicFacts* topic = life.ledger.alive(part->me.topic);
    if (!topic) co_return false;
    const std::string topic_id = topic->id;
    for (auto& [partition, position] : part->positions) {
      if (!co_await read_on(&life, &part->client, topic_id, partition, &position)) co_return false;
    }
    if (life.client_core().now() >= part->next_heartbeat && !co_await heartbeat(part)) {
      co_return false;
    }
    if (life.random().percent(20) && !co_await commit(part)) co_return false;
    topic = life.ledger.alive(part->me.topic);
    if (life.ending && life.producers == 0 && topic && all_is_committed(*part, *topic)) {
      co_return true;
    }
    const std::uint64_t drawn = life.random().below(1000);
    if (drawn < 3) co_return false;  // as one that hangs: its session ends, or it is back before
    if (drawn < 6) {
      co_await leave(part);
      co_return false;
    }
    co_await sleep_for(life.client_core(), Duration(life.random().below(30'000'000)));
  }
  co_return false;
}

Task<bool> take_part(Life* life, Member* me, Client* client) {
  Part part{.life = *life, .me = *me, .client = *client};
  auto joined = co_await join_group(&part);
  if (!joined) co_return false;
  if (!co_await sync_group(&part, std::move(*joined))) co_return false;
  if (!co_await take_positions(&part)) co_return false;
  const bool done = co_await work(&part);
  if (done) co_await leave(&part);
  co_return done;
}

}  // namespace

Task<void> run_member(Life* life, Member* member) {
  while (!life->over()) {
    auto client = Client::connect(*life);
    if (client && co_await take_part(life, member, client.get())) co_return;
    client.reset();
    co_await sleep_for(life->client_core(), 1ms + Duration(life->random().below(50'000'000)));
  }
}

Task<void> run_follower(Life* life) {
  std::map<std::pair<std::string, std::int32_t>, std::int64_t> positions;
  while (!life->over() && !life->ending) {
    auto client = Client::connect(*life);
    bool going = client != nullptr;
    while (going && !life->over() && !life->ending && !life->ledger.topics().empty()) {
      const auto& topics = life->ledger.topics();
      auto chosen = topics.begin();
      std::advance(chosen, static_cast<std::ptrdiff_t>(life->random().below(topics.size())));
      const TopicFacts& topic = chosen->second;
      const auto partition =
          static_cast<std::int32_t>(life->random().below(topic.partitions.size()));
      const std::string id = topic.id;
      going = co_await read_on(life, client.get(), id, partition, &positions[{id, partition}]);
      co_await sleep_for(life->client_core(), Duration(life->random().below(10'000'000)));
    }
    client.reset();
    co_await sleep_for(life->client_core(), 5ms);
  }
}

}  // namespace millrace::simulation
