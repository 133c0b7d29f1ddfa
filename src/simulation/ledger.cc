#include "simulation/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/assert.h"

namespace millrace::simulation {
namespace {

// Enough to see what is wrong; a lost log would tell thousands.
constexpr std::size_t kFaultsMax = 20;

std::string start_of(std::string_view value) {
  return std::string(value.substr(0, std::min<std::size_t>(value.size(), 40)));
}

}  // namespace

std::string Producer::value(std::int64_t number) const {
  std::string value = fmt::format("{}-{} ", name, number);
  // Sizes differ, so that batches and sectors meet in many ways.
  const std::size_t bytes = value_bytes + static_cast<std::size_t>(number * 37 % 61);
  value.resize(std::max(value.size(), bytes), '.');
  return value;
}

std::size_t Producer::connection_of(std::int64_t number) const {
  return static_cast<std::size_t>(std::ranges::upper_bound(connections, number) -
                                  connections.begin());
}

void Ledger::fault(std::string text) {
  if (faults_.size() < kFaultsMax) faults_.push_back(std::move(text));
}

TopicFacts* Ledger::alive(std::string_view name) {
  for (auto& [id, topic] : topics_) {
    if (topic.name == name && !topic.doomed) return &topic;
  }
  return nullptr;
}

TopicFacts* Ledger::find(std::string_view id) {
  auto found = topics_.find(std::string(id));
  return found == topics_.end() ? nullptr : &found->second;
}

TopicFacts& Ledger::created(const std::string& name, const std::string& id,
                            std::size_t partitions) {
  half_made_.erase(name);
  if (deleted_ids_.contains(id)) fault(fmt::format("topic {}: id {} was deleted before", name, id));
  TopicFacts& topic = topics_[id];
  topic.name = name;
  topic.id = id;
  topic.partitions.resize(partitions);
  topic.expires = expiring.contains(name);
  return topic;
}

void Ledger::deleted(TopicFacts& topic) {
  deleted_ids_.insert(topic.id);
  topics_.erase(std::string(topic.id));
}

void Ledger::check_topics(const std::vector<Listed>& listed) {
  std::set<std::string> ids;
  for (const Listed& one : listed) {
    ids.insert(one.id);
    if (deleted_ids_.contains(one.id)) {
      fault(fmt::format("topic {} {} is there after its deletion was answered", one.name, one.id));
      continue;
    }
    TopicFacts* known = find(one.id);
    if (!known && half_made_.contains(one.name)) {
      known = &created(one.name, one.id, one.partitions);  // without an answer, and durable
    }
    if (!known) {
      fault(fmt::format("topic {} {}: nobody made it", one.name, one.id));
    } else if (known->name != one.name || known->partitions.size() != one.partitions) {
      fault(fmt::format("topic {} with {} partitions is told as {} with {}", known->name,
                        known->partitions.size(), one.name, one.partitions));
    }
  }
  std::vector<TopicFacts*> gone;
  for (auto& [id, topic] : topics_) {
    if (ids.contains(id)) continue;
    if (!topic.doomed) fault(fmt::format("topic {} {} was answered and is lost", topic.name, id));
    gone.push_back(&topic);
  }
  for (TopicFacts* topic : gone) deleted(*topic);
}

void Ledger::assigned(const std::string& group, std::int32_t generation, std::int32_t partition,
                      const std::string& member) {
  auto [at, is_new] = owners_.emplace(std::tuple(group, generation, partition), member);
  if (is_new || at->second == member) return;
  fault(fmt::format("group {} generation {}: partition {} is told to be {}'s and {}'s", group,
                    generation, partition, at->second, member));
}

void Ledger::promise(TopicFacts* topic, Producer& producer, std::int64_t base_offset,
                     const SentBatch& batch) {
  ++producer.answered;
  if (!topic) return;
  PartitionFacts& facts = topic->partitions.at(static_cast<std::size_t>(producer.partition));
  auto& where = producer.delivery == Delivery::on_write ? facts.written : facts.kept;
  for (std::int64_t i = 0; i < batch.count; ++i) {
    ++promises_;
    keep(*topic, producer.partition, base_offset + i, producer.value(batch.first + i), where);
  }
}

void Ledger::keep(TopicFacts& topic, std::int32_t partition, std::int64_t offset,
                  const std::string& value, std::map<std::int64_t, std::string>& where) {
  PartitionFacts& facts = topic.partitions.at(static_cast<std::size_t>(partition));
  for (const auto* known : {&facts.kept, &facts.written}) {
    auto found = known->find(offset);
    if (found == known->end() || found->second == value) continue;
    fault(fmt::format("{}/{} offset {} is '{}', and was '{}' before", topic.name, partition, offset,
                      start_of(value), start_of(found->second)));
  }
  where.emplace(offset, value);
}

void Ledger::read(TopicFacts& topic, std::int32_t partition, std::int64_t offset,
                  std::string_view value) {
  ++reads_;
  if (!identify(topic, partition, offset, value).producer) return;
  PartitionFacts& facts = topic.partitions.at(static_cast<std::size_t>(partition));
  keep(topic, partition, offset, std::string(value), facts.kept);
}

Ledger::Numbered Ledger::identify(const TopicFacts& topic, std::int32_t partition,
                                  std::int64_t offset, std::string_view value) {
  if (producers_by_name_.size() != producers.size()) {
    for (const Producer& producer : producers) producers_by_name_[producer.name] = &producer;
  }
  Numbered found;
  const std::size_t dash = value.find('-');
  if (dash != std::string_view::npos) {
    auto producer = producers_by_name_.find(value.substr(0, dash));
    if (producer != producers_by_name_.end()) found.producer = producer->second;
    std::from_chars(value.data() + dash + 1, value.data() + value.size(), found.number);
  }
  if (found.producer && found.producer->topic == topic.name &&
      found.producer->partition == partition && found.number >= 0 &&
      found.number < found.producer->next_value && found.producer->value(found.number) == value) {
    return found;
  }
  fault(fmt::format("{}/{} offset {}: nobody sent '{}' there", topic.name, partition, offset,
                    start_of(value)));
  return {};
}

void Ledger::saw_high_watermark(TopicFacts& topic, std::int32_t partition, std::int64_t known,
                                std::int64_t seen) {
  PartitionFacts& facts = topic.partitions.at(static_cast<std::size_t>(partition));
  if (seen < known) {
    fault(fmt::format("{}/{}: the high watermark went back from {} to {}", topic.name, partition,
                      known, seen));
  }
  facts.high_watermark = std::max(facts.high_watermark, seen);
}

void Ledger::saw_log_start(TopicFacts& topic, std::int32_t partition, std::int64_t seen) {
  PartitionFacts& facts = topic.partitions.at(static_cast<std::size_t>(partition));
  if (!topic.expires && seen > facts.log_start_asked) {
    fault(fmt::format("{}/{}: the log begins at {}, nobody asked for more than {}", topic.name,
                      partition, seen, facts.log_start_asked));
  }
  facts.log_start = std::max(facts.log_start, seen);
}

void Ledger::check_partition(TopicFacts& topic, std::int32_t partition, std::int64_t log_start,
                             const std::vector<std::string>& values) {
  PartitionFacts& facts = topic.partitions.at(static_cast<std::size_t>(partition));
  const auto end = log_start + static_cast<std::int64_t>(values.size());
  if (log_start < facts.log_start) {
    fault(fmt::format("{}/{}: the log's start went back from {} to {}", topic.name, partition,
                      facts.log_start, log_start));
  }
  saw_log_start(topic, partition, log_start);
  for (const auto* promises : {&facts.kept, &facts.written}) {
    for (auto at = promises->lower_bound(end); at != promises->end(); ++at) {
      fault(fmt::format("{}/{}: '{}' was answered or read at offset {}, the log ends at {}",
                        topic.name, partition, start_of(at->second), at->first, end));
    }
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    read(topic, partition, log_start + static_cast<std::int64_t>(i), values[i]);
  }
  check_order(topic, partition, log_start, values);
}

void Ledger::check_order(const TopicFacts& topic, std::int32_t partition, std::int64_t log_start,
                         const std::vector<std::string>& values) {
  // By producer and connection; of idempotent ones everything is one.
  std::map<std::pair<const Producer*, std::size_t>, std::int64_t> last;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::int64_t offset = log_start + static_cast<std::int64_t>(i);
    const auto [producer, number] = identify(topic, partition, offset, values[i]);
    // What is sent again may come again: at least once has no order over that.
    if (!producer || producer->delivery == Delivery::at_least_once) continue;
    const bool once = producer->delivery == Delivery::exactly_once;
    const std::size_t connection = once ? 0 : producer->connection_of(number);
    auto [previous, is_first] = last.emplace(std::pair(producer, connection), number);
    if (is_first) {
      if (once && log_start == 0 && number != 0) {
        fault(fmt::format("{}/{}: {} begins with its number {}", topic.name, partition,
                          producer->name, number));
      }
      continue;  // what stood before it may have expired
    }
    if (once ? number != previous->second + 1 : number <= previous->second) {
      fault(fmt::format("{}/{} offset {}: number {} of {} stands behind its number {}", topic.name,
                        partition, offset, number, producer->name, previous->second));
    }
    previous->second = number;
  }
}

void Ledger::life_ended(bool loses_written) {
  const std::uint64_t now = tick();
  for (auto& [group, partitions] : commits) {
    for (auto& [partition, commit] : partitions) commit.life_ended(now);
  }
  if (!loses_written) return;
  for (auto& [id, topic] : topics_) {
    for (PartitionFacts& facts : topic.partitions) facts.written.clear();
  }
}

}  // namespace millrace::simulation
