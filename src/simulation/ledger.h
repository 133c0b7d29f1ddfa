// Ledger: what the clients of a broker sent, were answered and have read, through all lives of that
// broker, and whether it still holds.
//
// Values are "name-number ....", numbers counting from 0 for each producer: a value tells who wrote
// it, in which place, and how long it must be.
//
// What is held (docs/reliability.md has the promises in words):
//   - a record that was answered, or that anybody has read, stays at its offset, byte for byte,
//     until its topic is deleted or its log begins behind it; acks=1 until the power goes or the
//     disk fails
//   - nothing is there that nobody sent, and nothing twice but what was sent twice
//   - the records of an idempotent producer stand in the order in which it sent them, those of
//     others in that order as far as they went over one connection
//   - log starts and high watermarks of an incarnation of a topic do not go back
//   - in one generation of a group a partition belongs to one member; a committed offset is one
//     that was sent, and does not go back to one that was overwritten
//   - a topic that was answered exists until its deletion is asked for, and never after it was
//     answered
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "simulation/commits.h"

namespace millrace::simulation {

// How a producer asks for answers, and what it does without one.
enum class Delivery {
  exactly_once,    // idempotent, acks=all, sends again
  at_least_once,   // acks=all, sends again
  at_most_once,    // acks=all, never sends again
  on_write,        // acks=1, never sends again
  unacknowledged,  // acks=0
};

struct SentBatch {
  std::int64_t first = 0;  // number of its first value, and its sequence
  std::int64_t count = 0;
};

// A client that writes to one partition; keeps its state over the broker's lives, as a process
// does.
struct Producer {
  std::string name;
  std::string topic;
  std::int32_t partition = 0;
  Delivery delivery = Delivery::exactly_once;
  std::size_t value_bytes = 20;
  std::int64_t id = -1;
  std::int64_t next_value = 0;
  std::deque<SentBatch> unanswered;       // in the order in which they were sent
  std::int64_t answered = 0;              // batches
  std::vector<std::int64_t> connections;  // the first number that each was opened for

  bool sends_again() const {
    return delivery == Delivery::exactly_once || delivery == Delivery::at_least_once;
  }
  std::string value(std::int64_t number) const;
  // Of what is never sent again: over which connection it went.
  std::size_t connection_of(std::int64_t number) const;
};

// One partition of one incarnation of a topic.
struct PartitionFacts {
  std::map<std::int64_t, std::string> kept;     // by offset: answered durably, or read
  std::map<std::int64_t, std::string> written;  // answered for acks=1, not read
  std::int64_t high_watermark = 0;              // the highest that anybody saw
  std::int64_t log_start = 0;                   // the highest that anybody saw
  std::int64_t log_start_asked = 0;             // where DeleteRecords may have moved it
};

// One incarnation of a topic; its id is what makes it one.
struct TopicFacts {
  std::string name;
  std::string id;
  std::vector<PartitionFacts> partitions;
  bool expires = false;  // retention may move the log starts
  bool doomed = false;   // its deletion was asked for
};

class Ledger {
 public:
  // Grows at the end only: clients hold on to entries.
  std::deque<Producer> producers;
  std::set<std::int64_t> producer_ids;
  std::map<std::string, std::map<std::int32_t, CommitRegister>> commits;  // by group, partition
  std::int32_t newest_epoch = -1;
  std::set<std::string> expiring;  // names of topics whose retention moves their log starts

  void fault(std::string text);
  const std::vector<std::string>& faults() const { return faults_; }
  bool clean() const { return faults_.empty(); }

  // The incarnation that clients write to, or null: not answered yet, or doomed.
  TopicFacts* alive(std::string_view name);
  TopicFacts* find(std::string_view id);
  // What was answered of topics. A creation that was not answered may be met by `find_or_adopt`.
  TopicFacts& created(const std::string& name, const std::string& id, std::size_t partitions);
  void creation_unanswered(const std::string& name) { half_made_.insert(name); }
  void deleted(TopicFacts& topic);
  // All that a broker says it has, as name, id, number of partitions.
  struct Listed {
    std::string name;
    std::string id;
    std::size_t partitions = 0;
  };
  void check_topics(const std::vector<Listed>& listed);
  const std::map<std::string, TopicFacts>& topics() const { return topics_; }

  // A member was told that a partition is its own in this generation of its group.
  void assigned(const std::string& group, std::int32_t generation, std::int32_t partition,
                const std::string& member);
  // `topic`: null when it is not certain which incarnation took the batch.
  void promise(TopicFacts* topic, Producer& producer, std::int64_t base_offset,
               const SentBatch& batch);
  // A record as somebody read it.
  void read(TopicFacts& topic, std::int32_t partition, std::int64_t offset, std::string_view value);
  // What an answer said, and the highest that was known when its request was sent.
  void saw_high_watermark(TopicFacts& topic, std::int32_t partition, std::int64_t known,
                          std::int64_t seen);
  void saw_log_start(TopicFacts& topic, std::int32_t partition, std::int64_t seen);
  // The whole of a partition from its log start to its end, with nobody writing.
  void check_partition(TopicFacts& topic, std::int32_t partition, std::int64_t log_start,
                       const std::vector<std::string>& values);
  // A life has ended: nothing of it is under way any more. `loses_written`: what was only handed to
  // the kernel may be gone.
  void life_ended(bool loses_written);

  std::uint64_t promises() const { return promises_; }
  std::uint64_t reads() const { return reads_; }
  // Moves on with everything that is told; orders what clients do.
  std::uint64_t tick() { return ++clock_; }

 private:
  struct Numbered {
    const Producer* producer = nullptr;
    std::int64_t number = -1;
  };
  // Null producer, and a fault, when nobody sent this there.
  Numbered identify(const TopicFacts& topic, std::int32_t partition, std::int64_t offset,
                    std::string_view value);
  void keep(TopicFacts& topic, std::int32_t partition, std::int64_t offset,
            const std::string& value, std::map<std::int64_t, std::string>& where);
  void check_order(const TopicFacts& topic, std::int32_t partition, std::int64_t log_start,
                   const std::vector<std::string>& values);

  std::vector<std::string> faults_;
  std::map<std::string, TopicFacts> topics_;  // by id
  std::set<std::string> deleted_ids_;
  std::set<std::string> half_made_;  // names whose creation was asked for and not answered
  std::map<std::string, const Producer*, std::less<>> producers_by_name_;
  std::map<std::tuple<std::string, std::int32_t, std::int32_t>, std::string> owners_;
  std::uint64_t promises_ = 0;
  std::uint64_t reads_ = 0;
  std::uint64_t clock_ = 0;
};

}  // namespace millrace::simulation
