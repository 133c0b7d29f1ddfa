#include "simulation/inspection.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "protocols/kafka/wire/gen/messages.h"
#include "simulation/reading.h"

namespace millrace::simulation {
namespace {

using namespace kafka;

constexpr std::int32_t kReadBytes = 6000;

struct Asking {
  Life& life;
  Client& client;
  const bool damaged;
  std::uint64_t reported = 0;

  Ledger& ledger() { return life.ledger; }
};

Task<bool> look_at_topics(Asking* asking) {
  MetadataRequest request;
  request.topics = std::nullopt;
  auto response = co_await asking->client.call<MetadataResponse>(std::move(request), 12);
  if (!response) co_return false;
  Ledger& ledger = asking->ledger();
  std::vector<Ledger::Listed> listed;
  for (const MetadataResponse::Topic& topic : response->topics) {
    listed.push_back({topic.name.value_or(""), to_text(topic.topic_id), topic.partitions.size()});
    for (const auto& partition : topic.partitions) {
      if (partition.leader_epoch < ledger.newest_epoch) ledger.fault("a leader epoch went back");
      ledger.newest_epoch = partition.leader_epoch;
    }
  }
  ledger.check_topics(listed);
  co_return true;
}

enum class Reading { whole, damaged, unanswered };

// Everything from `*from` on; where retention moved the start meanwhile, from there.
Task<Reading> read_all(Asking* asking, const TopicFacts* topic, std::int32_t partition,
                       std::int64_t* from, std::vector<std::string>* values) {
  const PartitionFacts& facts = topic->partitions.at(static_cast<std::size_t>(partition));
  for (;;) {
    const std::int64_t offset = *from + static_cast<std::int64_t>(values->size());
    auto response = co_await asking->client.call<FetchResponse>(
        fetch_request(*topic, partition, offset, 0, kReadBytes), kFetchVersion);
    if (!response || response->responses.empty()) co_return Reading::unanswered;
    const FetchResponse::Partition& answer = response->responses[0].partitions.at(0);
    if (is(answer.error_code, ErrorCode::offset_out_of_range) && topic->expires) {
      auto start = co_await log_start(&asking->ledger(), &asking->client, topic->name, partition);
      if (!start || *start <= offset) co_return Reading::unanswered;
      *from = *start;
      values->clear();
      continue;
    }
    if (answer.error_code != 0) {
      if (asking->damaged) co_return Reading::damaged;
      asking->ledger().fault(fmt::format("fetch of {}/{} at {}: error {}", topic->name, partition,
                                         offset, answer.error_code));
      co_return Reading::unanswered;
    }
    ReadRecords read = read_records(asking->ledger(), *topic, partition, offset, answer);
    if (read.damaged) {
      if (!asking->damaged) {
        asking->ledger().fault(
            fmt::format("{}/{}: a damaged batch behind offset {}", topic->name, partition, offset));
      }
      co_return Reading::damaged;
    }
    if (read.values.empty()) {
      if (answer.high_watermark != offset || offset < facts.high_watermark) {
        asking->ledger().fault(fmt::format("{}/{}: nothing at {}, high watermark {}, before {}",
                                           topic->name, partition, offset, answer.high_watermark,
                                           facts.high_watermark));
      }
      co_return Reading::whole;
    }
    for (std::string& value : read.values) values->push_back(std::move(value));
  }
}

Task<bool> look_at_partition(Asking* asking, TopicFacts* topic, std::int32_t partition) {
  auto from = co_await log_start(&asking->ledger(), &asking->client, topic->name, partition);
  if (!from) co_return false;
  std::vector<std::string> values;
  const Reading reading = co_await read_all(asking, topic, partition, &*from, &values);
  if (reading == Reading::whole) {
    asking->ledger().check_partition(*topic, partition, *from, values);
  }
  if (reading == Reading::damaged) ++asking->reported;
  co_return reading != Reading::unanswered;
}

Task<bool> look_at_commits(Asking* asking, std::string group) {
  OffsetFetchRequest request;
  request.group_id = group;
  request.topics = std::nullopt;
  Ledger& ledger = asking->ledger();
  const std::uint64_t began = ledger.tick();
  auto response = co_await asking->client.call<OffsetFetchResponse>(std::move(request), 5);
  if (!response) co_return false;
  if (response->error_code != 0) {
    ledger.fault(fmt::format("offsets of {}: error {}", group, response->error_code));
  }
  std::map<std::int32_t, std::int64_t> found;
  for (const auto& topic : response->topics) {
    for (const auto& partition : topic.partitions) {
      found[partition.partition_index] = partition.committed_offset;
    }
  }
  for (auto& [partition, commits] : ledger.commits[group]) {
    const std::int64_t offset = found.contains(partition) ? found[partition] : -1;
    if (commits.explains(began, offset, ledger.tick())) continue;
    ledger.fault(
        fmt::format("group {} partition {}: {} is committed, which was not, or was "
                    "overwritten",
                    group, partition, offset));
  }
  co_return true;
}

Task<bool> look_at_everything(Asking* asking) {
  if (!co_await look_at_topics(asking)) co_return false;
  std::vector<std::string> ids;
  for (const auto& [id, topic] : asking->ledger().topics()) ids.push_back(id);
  for (const std::string& id : ids) {
    TopicFacts* topic = asking->ledger().find(id);
    for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
      if (!co_await look_at_partition(asking, topic, static_cast<std::int32_t>(i))) co_return false;
    }
  }
  std::vector<std::string> groups;
  for (const auto& [group, partitions] : asking->ledger().commits) groups.push_back(group);
  for (const std::string& group : groups) {
    if (!co_await look_at_commits(asking, group)) co_return false;
  }
  co_return true;
}

}  // namespace

Task<Inspection> inspect(Life* life, bool damaged) {
  Inspection inspection;
  // Where retention moves on meanwhile, from the beginning again.
  for (int tries = 0; !inspection.asked && !life->over() && tries < 5; ++tries) {
    auto client = Client::connect(*life, /*steady=*/true);
    if (!client) continue;
    Asking asking{.life = *life, .client = *client, .damaged = damaged};
    inspection.asked = co_await look_at_everything(&asking);
    inspection.reported = asking.reported;
  }
  co_return inspection;
}

}  // namespace millrace::simulation
