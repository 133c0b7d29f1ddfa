// Ledger: what the clients of a broker that crashes were promised, and whether it was kept. Lives
// through all power cuts of one scenario; the clients write it, the reader after a restart checks.
//
// Values are "name-n", n counting from 0 for each producer, so that a value tells who wrote it and
// in which place.
#pragma once

#include <fmt/format.h>

#include <charconv>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"

namespace millrace::kafka::test {

struct SentBatch {
  std::int64_t first = 0;  // number of its first value, and its sequence
  std::int64_t count = 0;
};

// One client that writes to one partition; keeps its state over the broker's crashes, as a client
// process does.
struct Producer {
  std::string name;
  std::int32_t partition = 0;
  std::int16_t acks = -1;
  bool idempotent = false;
  std::int64_t id = -1;
  std::int64_t next_value = 0;
  std::deque<SentBatch> unanswered;  // in the order in which they were sent, and are sent again
  std::int64_t answered = 0;         // batches

  std::string value(std::int64_t number) const { return fmt::format("{}-{}", name, number); }
};

class Ledger {
 public:
  using Place = std::pair<std::int32_t, std::int64_t>;  // partition, offset

  std::deque<Producer> producers;
  std::set<std::int64_t> producer_ids;
  std::map<std::string, std::int32_t> topics;  // promised: name, partitions
  std::int64_t commit_attempted = -1;
  std::int64_t commit_promised = -1;
  std::int32_t newest_epoch = -1;

  void fault(std::string text) { faults_.push_back(std::move(text)); }
  std::string faults() const {
    std::string text;
    for (const std::string& fault : faults_) text += "\n  " + fault;
    return text;
  }
  bool clean() const { return faults_.empty(); }

  void promise(const Producer& producer, std::int64_t base_offset, const SentBatch& batch) {
    auto& promises = producer.acks == 1 ? written_ : durable_;
    for (std::int64_t i = 0; i < batch.count; ++i) {
      auto [at, is_new] = promises.emplace(Place{producer.partition, base_offset + i},
                                           producer.value(batch.first + i));
      if (!is_new && at->second != producer.value(batch.first + i)) {
        fault(fmt::format("partition {} offset {} was given to '{}' and to '{}'",
                          producer.partition, base_offset + i, at->second,
                          producer.value(batch.first + i)));
      }
    }
  }
  // A power cut takes what was only handed to the kernel.
  void forget_written() { written_.clear(); }
  std::size_t promises() const { return durable_.size() + written_.size(); }

  // One partition as it reads after a restart: the values from offset 0 on.
  void check_partition(std::int32_t partition, const std::vector<std::string>& values) {
    for (const auto* promises : {&durable_, &written_}) {
      for (const auto& [place, value] : *promises) {
        if (place.first == partition) check_promise(place, value, values);
      }
    }
    std::map<std::string, std::int64_t, std::less<>> next;
    for (std::size_t offset = 0; offset < values.size(); ++offset) {
      check_order(partition, offset, values[offset], next);
    }
  }

 private:
  void check_promise(const Place& place, const std::string& value,
                     const std::vector<std::string>& values) {
    const auto offset = static_cast<std::size_t>(place.second);
    if (offset >= values.size()) {
      fault(fmt::format("partition {}: '{}' was answered at offset {}, the log ends at {}",
                        place.first, value, offset, values.size()));
    } else if (values[offset] != value) {
      fault(fmt::format("partition {}: '{}' was answered at offset {}, there is '{}'", place.first,
                        value, offset, values[offset]));
    }
  }

  // Idempotent producers wrote each value once and in order; nobody else's values are there.
  void check_order(std::int32_t partition, std::size_t offset, std::string_view value,
                   std::map<std::string, std::int64_t, std::less<>>& next) {
    const auto dash = value.rfind('-');
    std::int64_t number = -1;
    if (dash != std::string_view::npos) {
      std::from_chars(value.data() + dash + 1, value.data() + value.size(), number);
    }
    const Producer* producer = nullptr;
    for (const Producer& known : producers) {
      if (known.name == value.substr(0, dash)) producer = &known;
    }
    if (!producer || producer->partition != partition || number < 0 ||
        number >= producer->next_value) {
      fault(fmt::format("partition {} offset {}: nobody sent '{}'", partition, offset, value));
      return;
    }
    if (!producer->idempotent) return;
    std::int64_t& expected = next[producer->name];
    if (number != expected) {
      fault(fmt::format("partition {} offset {}: '{}', the next of its producer is {}", partition,
                        offset, value, expected));
    }
    expected = number + 1;
  }

  std::map<Place, std::string> durable_;
  std::map<Place, std::string> written_;  // acks=1: survives kill -9, not a power cut
  std::vector<std::string> faults_;
};

}  // namespace millrace::kafka::test
