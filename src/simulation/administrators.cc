#include "simulation/administrators.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/kafka/wire/gen/messages.h"
#include "protocols/kafka/wire/uuid.h"

namespace millrace::simulation {
namespace {

using namespace std::chrono_literals;
using namespace kafka;

bool goes_on(const Life& life) { return !life.over() && !life.ending; }

CreateTopicsRequest creation(const std::string& name) {
  CreateTopicsRequest request;
  CreateTopicsRequest::Topic& topic = request.topics.emplace_back();
  topic.name = name;
  topic.num_partitions = kPartitions;
  topic.replication_factor = 1;
  if (name == kExpiring) {
    topic.configs.push_back({.name = "retention.bytes", .value = "30000"});
    topic.configs.push_back({.name = "segment.ms", .value = "300"});
  }
  return request;
}

// The id of a topic whose creation got no answer, as the broker tells it now.
Task<bool> look_up(Life* life, Client* client, std::string name) {
  MetadataRequest request;
  request.allow_auto_topic_creation = false;
  request.topics->push_back({.name = name});
  auto response = co_await client->call<MetadataResponse>(std::move(request), 12);
  if (!response || life->over() || response->topics.size() != 1) co_return false;
  const MetadataResponse::Topic& topic = response->topics[0];
  if (topic.error_code != 0) co_return false;
  life->ledger.created(name, to_text(topic.topic_id), topic.partitions.size());
  co_return true;
}

// False: the connection is done with.
Task<bool> create(Life* life, Client* client, std::string name) {
  life->ledger.creation_unanswered(name);
  auto response = co_await client->call<CreateTopicsResponse>(creation(name), 7);
  if (!response || life->over()) co_return false;
  const CreateTopicsResponse::Topic& answer = response->topics.at(0);
  if (is(answer.error_code, ErrorCode::topic_already_exists)) {
    co_return co_await look_up(life, client, name);  // of a try that got no answer
  }
  if (answer.error_code == 0) {
    life->ledger.created(name, to_text(answer.topic_id), kPartitions);
    co_return true;
  }
  if (!is_trouble(answer.error_code)) {
    life->ledger.fault(fmt::format("creation of {}: error {}", name, answer.error_code));
  }
  co_return false;
}

// By its id, so that nothing else can be meant.
Task<bool> remove(Life* life, Client* client, std::string id) {
  life->ledger.find(id)->doomed = true;
  DeleteTopicsRequest request;
  request.topics.push_back({.name = std::nullopt, .topic_id = *parse_uuid(id)});
  auto response = co_await client->call<DeleteTopicsResponse>(std::move(request), 6);
  if (!response || life->over()) co_return false;
  const std::int16_t error = response->responses.at(0).error_code;
  // Done by a try that got no answer.
  const bool is_gone = error == 0 || is(error, ErrorCode::unknown_topic_id);
  TopicFacts* topic = life->ledger.find(id);
  if (is_gone && topic) life->ledger.deleted(*topic);
  if (!is_gone && !is_trouble(error)) {
    life->ledger.fault(fmt::format("deletion of {}: error {}", id, error));
  }
  co_return is_gone;
}

// The incarnation of kAgain whose deletion was asked for and not answered, or nothing.
std::string doomed_topic(const Ledger& ledger) {
  for (const auto& [id, topic] : ledger.topics()) {
    if (topic.doomed) return id;
  }
  return "";
}

// The next step; false: the connection is done with.
Task<bool> keep_topics(Life* life, Client* client) {
  if (std::string id = doomed_topic(life->ledger); !id.empty()) {
    co_return co_await remove(life, client, id);
  }
  for (const char* name : {kOrders, kEvents, kExpiring, kAgain}) {
    if (!life->ledger.alive(name)) co_return co_await create(life, client, name);
  }
  co_await sleep_for(life->client_core(), Duration(life->random().below(400'000'000)));
  const TopicFacts* again = life->ledger.alive(kAgain);
  if (!goes_on(*life) || !again) co_return goes_on(*life);
  co_return co_await remove(life, client, again->id);
}

// False: the connection is done with.
Task<bool> trim(Life* life, Client* client) {
  TopicFacts* topic = life->ledger.alive(kEvents);
  if (!topic) co_return true;
  const auto partition = static_cast<std::int32_t>(life->random().below(kPartitions));
  PartitionFacts& facts = topic->partitions.at(static_cast<std::size_t>(partition));
  const std::int64_t room = facts.high_watermark - facts.log_start;
  if (room <= 0) co_return true;
  const auto step =
      static_cast<std::int64_t>(life->random().below(static_cast<std::uint64_t>(room)));
  const std::int64_t before = facts.log_start + step;
  facts.log_start_asked = std::max(facts.log_start_asked, before);
  DeleteRecordsRequest request;
  request.timeout_ms = 30000;
  DeleteRecordsRequest::Topic& wanted = request.topics.emplace_back();
  wanted.name = kEvents;
  wanted.partitions.push_back({.partition_index = partition, .offset = before});
  auto response = co_await client->call<DeleteRecordsResponse>(std::move(request), 2);
  if (!response || life->over()) co_return false;
  const auto& answer = response->topics.at(0).partitions.at(0);
  if (is_trouble(answer.error_code)) co_return false;
  if (answer.error_code != 0 || answer.low_watermark < before) {
    life->ledger.fault(fmt::format("deletion of records before {}: error {}, low watermark {}",
                                   before, answer.error_code, answer.low_watermark));
    co_return false;
  }
  life->ledger.saw_log_start(*topic, partition, answer.low_watermark);
  co_return true;
}

}  // namespace

Task<void> run_topic_keeper(Life* life) {
  while (goes_on(*life)) {
    auto client = Client::connect(*life);
    while (client && goes_on(*life) && co_await keep_topics(life, client.get())) {
    }
    client.reset();
    co_await sleep_for(life->client_core(), 2ms);
  }
}

Task<void> run_trimmer(Life* life) {
  while (goes_on(*life)) {
    auto client = Client::connect(*life);
    while (client && goes_on(*life) && co_await trim(life, client.get())) {
      co_await sleep_for(life->client_core(), Duration(life->random().below(300'000'000)));
    }
    client.reset();
    co_await sleep_for(life->client_core(), 2ms);
  }
}

}  // namespace millrace::simulation
