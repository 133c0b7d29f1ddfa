// Reader: the records of some partitions from some offsets on, in the order of each partition.
//
//   Reader reader(client, {.wait = 500ms});
//   reader.assign({{.topic = topic, .partition = 0, .next = 17}});
//   while (...) TRY(reader.poll([&](const ReadRecord& record) { ...; return true; }));
//   reader.position(topic.name, 0)       // the offset that comes next
//
// While the records of an answer are handed over the next request is under way already. Batches are
// checked against their checksums; control batches are passed over; what a compacted topic lacks is
// a gap. A callback that says false stops at once, and the position is behind the record it was
// given. A position that the log no longer reaches moves to where the log begins, which is told
// (`on_lost`). Lost connections and moved leaders are tried again until the client's time-out.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/client.h"
#include "record/batch.h"

namespace millrace::client {

struct ReaderOptions {
  Milliseconds wait{500};  // how long the broker may wait for new records
  std::int32_t bytes_min = 1;
  std::int32_t bytes_max = 32 << 20;           // of an answer
  std::int32_t partition_bytes_max = 4 << 20;  // of one partition in it
};

struct ReadPosition {
  std::string topic;
  std::int32_t partition = 0;
  std::int32_t leader = -1;
  std::int64_t next = 0;   // handed over next
  std::int64_t ahead = 0;  // asked for next; the reader's own
};

struct ReadRecord {
  const std::string& topic;
  std::int32_t partition;
  const Record& record;
};

class Reader {
 public:
  using OnRecord = std::function<bool(const ReadRecord&)>;
  using OnLost = std::function<void(const ReadPosition& before, std::int64_t now)>;

  Reader(Client& client, ReaderOptions options) : client_(client), options_(options) {}

  // Instead of what was read before. The leaders are those that the client knows now.
  void assign(std::vector<ReadPosition> positions);
  void on_lost(OnLost on_lost) { on_lost_ = std::move(on_lost); }
  // One partition less: it was read as far as wanted.
  void drop(const std::string& topic, std::int32_t partition);
  const std::vector<ReadPosition>& positions() const { return positions_; }
  std::int64_t position(const std::string& topic, std::int32_t partition) const;

  // Waits for the next answers and hands their records over; gives how many those were (0: none
  // came within `wait`). False from the callback ends the call.
  Result<std::int64_t> poll(const OnRecord& on_record);

 private:
  struct Lane {
    std::shared_ptr<Connection> connection;
    Connection::Sent sent;
    std::uint64_t generation = 0;  // of the positions that it asked for
  };
  struct Fetched {
    std::string topic;
    std::int32_t partition = 0;
    Bytes records;
  };
  using FetchedList = std::vector<Fetched>;

  ReadPosition* find(const std::string& topic, std::int32_t partition);
  Result<void> request_missing();
  Result<void> request(std::int32_t leader);
  Result<FetchedList> exchange();
  Result<std::vector<std::int32_t>> wait_for_lanes();
  Result<void> take(std::int32_t leader, FetchedList& fetched);
  Result<std::int64_t> hand_over(const Fetched& fetched, const OnRecord& on_record, bool& go_on);
  Result<void> reset_lost(ReadPosition& position);
  // Forgets what is under way and what was not handed over.
  void forget_ahead();
  void find_leaders_again();

  Client& client_;
  const ReaderOptions options_;
  OnLost on_lost_;
  std::vector<ReadPosition> positions_;
  std::map<std::int32_t, Lane> lanes_;  // under way, by leader
  std::uint64_t generation_ = 0;
};

}  // namespace millrace::client
