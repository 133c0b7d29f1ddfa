#include "storage/core_store.h"

#include <algorithm>

#include "storage/receive_buffer.h"
#include "storage/store.h"

namespace millrace {

using namespace std::chrono_literals;

namespace {
// Between two steps of so many logs the core does what else there is to do.
constexpr std::size_t kLogsAtOnce = 100;
}  // namespace

CoreStore::CoreStore(Store& store, Core& core, std::uint64_t tail_bytes_max)
    : store_(store), core_(core), kept_bytes_max_(tail_bytes_max) {}

Worker& CoreStore::reader() const { return *store_.reader_; }
Journal& CoreStore::journal() const { return *store_.lane_; }
LeaderEpoch CoreStore::leader_epoch() const { return store_.leader_epoch_; }
WallMs CoreStore::broker_time() const { return store_.clock_.advance(core_.wall_now()); }

Result<OpenedLog> CoreStore::open_log(PartitionId id) {
  ASSERT(!logs_.contains(id));
  OpenedLog opened;
  bool found = false;
  RecoveredPartition recovered = store_.take_recovered(id, found);
  if (recovered.damage) return std::unexpected(*recovered.damage);
  opened.is_new = !found;
  recovered.state.id = id;
  opened.annotation = std::exchange(recovered.state.annotation, {});
  opened.replayed = std::move(recovered.replayed);
  opened.log = std::make_shared<PartitionLog>(
      *this, std::move(recovered.state), std::move(recovered.segments), std::move(recovered.tail));
  logs_.emplace(id, opened.log);
  return opened;
}

void CoreStore::close_log(PartitionId id) {
  auto found = logs_.find(id);
  ASSERT(found != logs_.end());
  found->second->close();
  logs_.erase(found);
}

void CoreStore::drop_closed() {
  std::erase_if(kept_, [this](const Kept& kept) {
    if (kept.log->closed_) kept_bytes_ -= kept.size;
    return kept.log->closed_;
  });
}

PartitionLog* CoreStore::find(PartitionId id) const {
  auto found = logs_.find(id);
  return found == logs_.end() ? nullptr : found->second.get();
}

// A batch that has a buffer for one read to itself costs the whole buffer.
void CoreStore::keep(PartitionLog& log, const TailEntry& entry) {
  const std::size_t capacity = entry.bytes.owner_capacity();
  std::size_t cost = entry.bytes.size();
  if (capacity <= 2 * cost) cost = std::max(cost, std::min(capacity, kReceiveBufferBytes));
  kept_.push_back({log.shared_from_this(), entry.place.base, cost});
  kept_bytes_ += cost;
}

void CoreStore::evict() {
  while (kept_bytes_ > kept_bytes_max_ && !kept_.empty()) {
    Kept& oldest = kept_.front();
    bool goes = oldest.log->closed_ || oldest.log->drop_bytes(oldest.base) > 0;
    if (!goes) return;  // not durable yet: soon, as is most of what came later
    kept_bytes_ -= oldest.size;
    kept_.pop_front();
  }
}

bool CoreStore::refuses_appends() const { return store_.refuses_appends(); }

bool CoreStore::is_full(std::size_t bytes) const {
  const StorageLimits& limits = store_.limits_;
  std::uint64_t most = limits.pending_bytes_max;
  if (bytes > limits.small_append_bytes) most -= std::min(limits.pending_small_bytes, most / 2);
  return journal().pending_bytes() > most;
}

Future<bool> CoreStore::room(std::size_t bytes) {
  Promise<bool> promise(core_);
  auto future = promise.future();
  if (!must_wait(bytes)) {
    promise.set(true);
    return future;
  }
  waiting_for_room_.push_back({bytes, std::move(promise)});
  look_for_room_soon();
  return future;
}

// The bytes may be another core's: then no append of ours is done soon.
void CoreStore::look_for_room_soon() {
  if (std::exchange(looks_for_room_, true)) return;
  core_.call_after(5ms, [this] { wake_waiting(); });
}

// A journal that takes nothing answers at once, with an error.
bool CoreStore::must_wait(std::size_t bytes) const {
  return is_full(bytes) && !journal().failed() && !refuses_appends();
}

void CoreStore::wake_waiting() {
  looks_for_room_ = false;
  for (Waiting& waiting : std::exchange(waiting_for_room_, {})) {
    if (must_wait(waiting.bytes)) {
      waiting_for_room_.push_back(std::move(waiting));
    } else {
      waiting.promise.set(true);
    }
  }
  if (!waiting_for_room_.empty()) look_for_room_soon();
}

Task<std::vector<PartitionLog::Flush>> CoreStore::begin_flushes(const JournalFile* file) {
  // Logs come and go between the steps.
  std::vector<std::shared_ptr<PartitionLog>> logs;
  for (const auto& [id, log] : logs_) {
    if (log->may_flush()) logs.push_back(log);
  }
  std::vector<PartitionLog::Flush> flushes;
  flushes.reserve(logs.size());
  for (std::size_t i = 0; i < logs.size(); ++i) {
    if (i > 0 && i % kLogsAtOnce == 0) co_await Yield{core_};
    if (auto flush = logs[i]->begin_flush(file)) flushes.push_back(std::move(*flush));
  }
  co_return flushes;
}

Task<bool> CoreStore::end_flushes(std::vector<PartitionLog::Flush>* flushes, bool succeeded) {
  for (std::size_t i = 0; i < flushes->size(); ++i) {
    if (i > 0 && i % kLogsAtOnce == 0) co_await Yield{core_};
    // It goes here, with the journal files that it holds: where the logs are.
    PartitionLog::Flush flush = std::move((*flushes)[i]);
    if (!succeeded && !flush.is_carried) {
      flush.log->abort_flush();
    } else if (flush.is_carried) {
      flush.log->end_carry(flush);
    } else {
      flush.log->end_flush(flush);
    }
  }
  flushes->clear();
  co_return true;
}

void CoreStore::remove_unlisted(std::shared_ptr<DirectSegment> segment) {
  store_.background_->submit(
      [store = &store_, segment] { store->remove_unlisted(segment->partition()); });
}

struct Appender::LogAppend : Append {
  explicit LogAppend(CoreStore& store_in) : store(store_in) {}

  void written() override { on_written(); }

  void done(Result<void> outcome) override {
    if (outcome) {
      for (std::size_t i = 0; i < frames.size(); ++i) {
        logs[i]->mark_durable(frames[i], file);
      }
      store.evict();
    }
    for (std::size_t i = 0; i < logs.size(); ++i) {
      LogObserver* observer = logs[i]->observer_;
      bool told = i > 0 && logs[i] == logs[i - 1];
      if (told || !observer) continue;
      if (outcome) {
        observer->high_watermark_moved();
      } else {
        observer->append_failed(outcome.error());
      }
    }
    if (on_done) on_done(std::move(outcome));
  }

  CoreStore& store;
  std::vector<std::shared_ptr<PartitionLog>> logs;  // of each frame
  Done on_done;
  Work on_written;
};

Appender::Appender(CoreStore& store) : store_(store), append_(std::make_unique<LogAppend>(store)) {}
Appender::~Appender() = default;
Appender::Appender(Appender&&) noexcept = default;

void Appender::add(PartitionLog& log, BatchHeader& header, Bytes batch) {
  log.append(header, batch);
  JournalFrame& frame = append_->frames.emplace_back();
  frame.partition = log.id();
  frame.base_offset = header.base_offset;
  frame.epoch = header.leader_epoch;
  frame.crc = header.crc;
  frame.settings = log.settings();
  frame.batch = std::move(batch);
  append_->logs.push_back(log.shared_from_this());
}

bool Appender::empty() const { return append_->frames.empty(); }

void Appender::submit(Done on_done, Work on_written) {
  ASSERT(!empty());
  append_->on_done = std::move(on_done);
  append_->wants_written = static_cast<bool>(on_written);
  append_->on_written = std::move(on_written);
  store_.store().spend(append_->bytes());
  store_.journal().append(store_.core(), std::move(append_));
}

}  // namespace millrace
