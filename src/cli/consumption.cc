#include "cli/consumption.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/record_format.h"
#include "cli/text.h"
#include "cli/when.h"
#include "client/membership.h"
#include "client/reader.h"

namespace millrace::cli {
namespace {

using namespace std::chrono_literals;
using client::ReadRecord;
using Place = std::pair<std::string, std::int32_t>;

constexpr auto kCommitEvery = 5s;

class Consumption {
 public:
  explicit Consumption(const ConsumeOptions& options)
      : options_(options),
        format_(RecordFormat::parse(options.format).value_or(RecordFormat())),
        from_(parse_when(options.from, unix_ms_now()).value_or(When{})),
        follow_(options.follow ||
                (from_.kind == When::Kind::end && options.to.empty() && options.group.empty())),
        client_(client_options(options.shared)),
        reader_client_(client_options(options.shared)),
        reader_(reader_client_, {}),
        progress_(options.shared.json || ::isatty(STDOUT_FILENO) == 1) {
    reader_.on_lost([](const client::ReadPosition& before, std::int64_t now) {
      warn(fmt::format("{} partition {}: offset {} is no longer there, going on at {}",
                       before.topic, before.partition, before.next, now));
    });
  }

  Result<int> run() {
    catch_interrupts();
    auto read = options_.group.empty() ? read_alone() : read_in_group();
    const bool written = output_.flush();
    progress_.done();
    if (!read) return std::unexpected(read.error());
    if (output_.failure()) return std::unexpected(*output_.failure());
    if (::isatty(STDERR_FILENO) == 1 && !options_.shared.json && written && !interrupted())
      fmt::print(stderr, "({}{})\n", counted(printed_, "record"),
                 follow_ || options_.count == printed_ ? "" : "; --follow waits for more");
    return kDone;
  }

 private:
  Result<void> read_alone() {
    std::vector<client::ReadPosition> positions;
    for (const std::string& name : options_.topics) {
      auto topic = client_.topic(name);
      if (!topic) return std::unexpected(topic.error());
      auto partitions =
          options_.partitions.empty() ? client::all_partitions(*topic) : options_.partitions;
      TRY(add_positions(*topic, partitions, {}, positions));
    }
    TRY(start(std::move(positions)));
    while (!finished()) TRY(read_some());
    return {};
  }

  Result<void> read_in_group() {
    for (const std::string& name : options_.topics)
      if (auto topic = client_.topic(name); !topic) return std::unexpected(topic.error());
    membership_.emplace(client_, options_.group, options_.topics);
    auto read = read_as_member();
    auto committed = read && output_.flush() ? commit() : Result<void>();
    membership_->leave();
    if (!read) return read;
    return committed;
  }

  Result<void> read_as_member() {
    do {
      if (membership_->must_rejoin()) TRY(join());
      TRY(read_some());
      TRY(membership_->keep_alive());
      // Before others are given the partitions, and now and then.
      if (membership_->must_rejoin() || client::Clock::now() - last_commit_ > kCommitEvery)
        TRY(commit());
    } while (!finished());
    return {};
  }

  Result<void> join() {
    TRY(membership_->join());
    auto committed = client::committed_offsets(client_, options_.group);
    if (!committed) return std::unexpected(committed.error());
    std::vector<client::ReadPosition> positions;
    for (const auto& [name, partitions] : membership_->assignment()) {
      auto topic = client_.topic(name);
      if (!topic) return std::unexpected(topic.error());
      TRY(add_positions(*topic, partitions, (*committed)[name], positions));
    }
    committed_ = std::move(*committed);
    return start(std::move(positions));
  }

  // Where each partition begins: where the group has come to, or else where --from says.
  Result<void> add_positions(const client::Topic& topic,
                             const std::vector<std::int32_t>& partitions, const Offsets& known,
                             std::vector<client::ReadPosition>& positions) {
    for (const std::int32_t partition : partitions) TRY(topic.check_partition(partition));
    auto ranges = find_ranges(client_, topic, partitions);
    if (!ranges) return std::unexpected(ranges.error());
    std::vector<std::string> moved;
    auto begin = resolve(client_, topic, *ranges, from_, &moved);
    if (!begin) return std::unexpected(begin.error());
    for (const std::string& text : moved) warn(text);
    const When to = options_.to.empty() ? When{When::Kind::end, 0}
                                        : parse_when(options_.to, unix_ms_now()).value_or(When{});
    auto end = resolve(client_, topic, *ranges, to);
    if (!end) return std::unexpected(end.error());
    for (const auto& [partition, range] : *ranges) {
      const auto at = known.find(partition);
      std::int64_t next = at == known.end() ? begin->at(partition) : at->second;
      // A commit behind the end is the broker's to judge; one before the beginning was cut away.
      next = std::max(next, range.first);
      positions.push_back({topic.name, partition,
                           topic.partitions[static_cast<std::size_t>(partition)].leader, next,
                           next});
      ends_[{topic.name, partition}] = end->at(partition);
    }
    return {};
  }

  Result<void> start(std::vector<client::ReadPosition> positions) {
    reached_.clear();
    for (const client::ReadPosition& position : positions)
      reached_[position.topic][position.partition] = position.next;
    if (!follow_) {
      std::erase_if(positions, [this](const client::ReadPosition& position) {
        return position.next >= ends_.at({position.topic, position.partition});
      });
    }
    reader_.assign(std::move(positions));
    TRY(reader_client_.topics());
    return {};
  }

  bool finished() const {
    if (interrupted() || output_.closed()) return true;
    if (options_.count && printed_ >= *options_.count) return true;
    if (membership_ && membership_->must_rejoin()) return false;
    return !follow_ && reader_.positions().empty();
  }

  Result<void> read_some() {
    if (reader_.positions().empty()) {
      // A member without partitions waits for some: the group's next gathering may bring them.
      if (follow_ && membership_) std::this_thread::sleep_for(100ms);
      return {};
    }
    auto count = reader_.poll([this](const ReadRecord& read) { return take(read); });
    if (!count) return std::unexpected(count.error());
    for (const client::ReadPosition& position : reader_.positions())
      reached_[position.topic][position.partition] = position.next;
    output_.flush();
    if (!follow_) drop_finished();
    progress_.update(printed_, bytes_);
    return {};
  }

  // What is behind the end by now may have been a gap.
  void drop_finished() {
    std::vector<Place> finished;
    for (const client::ReadPosition& position : reader_.positions()) {
      const Place place{position.topic, position.partition};
      if (position.next >= ends_.at(place)) finished.push_back(place);
    }
    for (const Place& place : finished) reader_.drop(place.first, place.second);
  }

  // True: go on.
  bool take(const ReadRecord& read) {
    const std::int64_t offset = read.record.offset.value();
    if (!follow_ && offset >= ends_.at({read.topic, read.partition})) {
      reader_.drop(read.topic, read.partition);
      return true;
    }
    line_.clear();
    if (options_.shared.json) {
      line_ = record_json(read.topic, read.partition, read.record);
      line_ += '\n';
    } else {
      format_.append(line_, read.topic, read.partition, read.record);
    }
    output_.write(line_);
    reached_[read.topic][read.partition] = offset + 1;
    ++printed_;
    bytes_ += static_cast<std::int64_t>(read.record.value ? read.record.value->size() : 0);
    return !output_.closed() && !interrupted() && (!options_.count || printed_ < *options_.count);
  }

  // Only what changed; a member that lost its place has nothing to say.
  Result<void> commit() {
    last_commit_ = client::Clock::now();
    client::GroupOffsets changed;
    for (const auto& [topic, partitions] : reached_)
      for (const auto& [partition, offset] : partitions) {
        const auto known = committed_[topic].find(partition);
        if (known == committed_[topic].end() || known->second != offset)
          changed[topic][partition] = offset;
      }
    auto done = membership_->commit(changed);
    if (!done) return std::unexpected(done.error());
    if (*done)
      for (const auto& [topic, partitions] : changed)
        for (const auto& [partition, offset] : partitions) committed_[topic][partition] = offset;
    return {};
  }

  const ConsumeOptions& options_;
  const RecordFormat format_;
  const When from_;
  const bool follow_;
  client::Client client_;
  client::Client reader_client_;  // nothing waits behind a request for records
  client::Reader reader_;
  std::optional<client::Membership> membership_;
  Output output_;
  Progress progress_;
  std::map<Place, std::int64_t> ends_;
  client::GroupOffsets reached_;    // printed up to here
  client::GroupOffsets committed_;  // as the group knows it
  client::Clock::time_point last_commit_ = client::Clock::now();
  std::string line_;
  std::int64_t printed_ = 0;
  std::int64_t bytes_ = 0;
};

}  // namespace

Result<int> consume_topics(const ConsumeOptions& options) {
  Consumption consumption(options);
  return consumption.run();
}

}  // namespace millrace::cli
