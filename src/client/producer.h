// Producer: records of one topic, in batches, with several requests under way at each leader.
//
//   Producer producer(client, {.acks = -1}, [](const Acknowledged& done) { ... });
//   TRY(producer.open(topic));
//   TRY(producer.add({.key = key, .value = value}));   // waits while too much is unanswered
//   TRY(producer.poll());                              // sends what is due, takes answers
//   TRY(producer.flush());                             // everything answered, or an error
//
// With acks=all the producer is idempotent: what is sent again after a lost connection or a
// retriable error is written once, in order. Retrying ends when nothing was acknowledged for the
// client's time-out. Any other error ends the producer: it says what was refused, and everything
// that was not acknowledged stays so (`unacknowledged()`).
//
// A batch leaves when it is full or has waited for `linger`, but not before its leader takes
// another request (`in_flight_max`); until then it fills.
//
// A record with a key goes where murmur2 sends it; one without stays with its partition until a
// batch is full or sent, and the next batch goes to another.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "client/client.h"
#include "record/batch.h"

namespace millrace::client {

struct ProducerOptions {
  std::int16_t acks = -1;  // -1 all, 1, 0
  Compression compression = Compression::none;
  std::size_t batch_bytes = 256 << 10;  // of records, before compression
  Milliseconds linger{5};
  std::size_t in_flight_max = 5;                // requests at a leader
  std::size_t unanswered_bytes_max = 32 << 20;  // add() waits above it
  std::size_t request_bytes = 4 << 20;          // several batches up to this go together
  bool idempotent = true;                       // with acks=all
};

struct NewRecord {
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  std::vector<RecordHeader> headers;
  std::optional<std::int32_t> partition;
  Clock::time_point begun = Clock::now();  // what latencies are counted from
};

// One batch that the server has taken (with acks=0: that was sent).
struct Acknowledged {
  std::int32_t partition = 0;
  std::int64_t base_offset = -1;  // -1: not known
  std::int32_t records = 0;
  std::size_t bytes = 0;  // as sent
  std::span<const Clock::time_point> begun;
};

class Producer {
 public:
  using OnAcknowledged = std::function<void(const Acknowledged&)>;

  Producer(Client& client, ProducerOptions options, OnAcknowledged on_acknowledged);
  ~Producer();

  // A topic that the client has just described.
  Result<void> open(const Topic& topic);
  Result<void> add(const NewRecord& record);
  Result<void> poll();
  // The same until `until`, without using the processor meanwhile.
  Result<void> poll_until(Clock::time_point until);
  Result<void> flush();
  std::int64_t unacknowledged() const { return unacknowledged_; }
  // When the oldest open batch is due; nothing: there is none, or answers must come first.
  std::optional<Clock::time_point> next_due() const;

 private:
  struct Batch;
  struct Lane;
  struct PartitionState;
  using BatchPtr = std::unique_ptr<Batch>;

  Result<void> new_identity();
  std::int32_t choose_partition(const NewRecord& record);
  void seal(PartitionState& partition);
  bool may_leave(const PartitionState& partition) const;
  void seal_due(Clock::time_point now);
  Result<void> pump(Clock::duration wait);
  Result<void> exchange(Clock::duration wait);
  // After an error that ends the producer: what was taken all the same is acknowledged.
  void take_last_answers();
  Result<void> send_ready(Lane& lane);
  Result<void> take_answer(Lane& lane);
  Result<void> settle(Lane& lane, BatchPtr batch, std::int16_t code, std::int64_t base_offset,
                      const std::optional<std::string>& message);
  void acknowledge(const Batch& batch, std::int64_t base_offset);
  // Takes everything under way back to be sent again.
  Result<void> start_over(Lane& lane, const Error& why);
  Result<void> resume(Lane& lane);
  Result<void> wait_for_answers(Clock::duration at_most);
  Result<void> refresh_leaders();

  Client& client_;
  const ProducerOptions options_;
  const OnAcknowledged on_acknowledged_;
  Topic topic_;
  std::int64_t producer_id_ = -1;
  std::int16_t producer_epoch_ = -1;
  std::vector<PartitionState> partitions_;
  std::vector<std::unique_ptr<Lane>> lanes_;  // one a leader
  std::uint32_t sticky_ = 0;                  // where records without a key go
  std::size_t unanswered_bytes_ = 0;
  std::int64_t unacknowledged_ = 0;
  Clock::time_point last_progress_ = Clock::now();
  std::optional<Error> failure_;  // what ended it
};

}  // namespace millrace::client
