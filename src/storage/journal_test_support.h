// What the tests of the journal share: a lane on a simulated machine that notes what it was told,
// and a reading of what a start would find.
#pragma once

#include <optional>

#include "storage/journal_lane.h"
#include "storage/journal_scan.h"
#include "storage/storage_test_support.h"

namespace millrace::test {

inline constexpr const char* kJournalFolder = "data/journal";

// Small files, room for a handful of them.
inline StorageLimits journal_limits() {
  StorageLimits limits = tiny_limits();
  limits.journal_first_file_bytes = limits.journal_file_bytes = 64 << 10;
  limits.journal_bytes_max = 256 << 10;
  return limits;
}

struct Scanned {
  JournalScan scan;
  // In the order of the journal.
  std::vector<std::pair<PartitionId, Blob>> batches;
};

inline Result<Scanned> scan_of(SimDisk& disk, JournalSequence replay_from = JournalSequence(1),
                               JournalSequence durable_through = JournalSequence(0)) {
  Scanned scanned;
  auto scan = scan_journal(disk.files(), kJournalFolder, replay_from, durable_through,
                           [&](ScannedFrame frame) {
                             Blob batch(frame.batch.size);
                             auto count = frame.file->file().read_at(frame.position, batch);
                             ASSERT(count && *count == batch.size());
                             scanned.batches.emplace_back(frame.partition, std::move(batch));
                           });
  if (!scan) return std::unexpected(scan.error());
  scanned.scan = std::move(*scan);
  return scanned;
}

class TestLane {
 public:
  struct Answer {
    std::size_t number;  // of the append, in the order of append() calls
    Result<void> outcome;
    JournalSequence sequence;
    std::uint64_t syncs_before;  // the disk's, when done() ran
  };

  TestLane(SimDisk& disk, StorageLimits limits, SimOptions options = {.cores = 2},
           JournalStart start = {})
      : disk_(disk), runtime_(new SimRuntime(options, disk)) {
    disk_.make_durable_directory(kJournalFolder);
    background_ = runtime_->make_worker("background");
    lane_ = std::make_unique<JournalLane>(*runtime_, kJournalFolder, limits, *background_, clock_,
                                          std::move(start));
    auto opened = lane_->open();
    EXPECT_TRUE(opened) << opened.error().message();
  }
  ~TestLane() {
    if (runtime_) stop();
  }

  JournalLane& lane() { return *lane_; }
  SimRuntime& runtime() { return *runtime_; }
  BrokerClock& clock() { return clock_; }

  // One batch for each partition; later, on the core. Gives the append's number.
  std::size_t append(CoreId core, std::vector<PartitionId> partitions, std::size_t bytes,
                     bool wants_written = false) {
    std::size_t number = appended_++;
    runtime_->core(core).post([this, core, partitions, bytes, wants_written, number] {
      auto append = std::make_unique<Note>(*this, number);
      append->wants_written = wants_written;
      for (PartitionId partition : partitions) {
        Bytes batch = batch_of(fmt::format("append {} to {}", number, partition.value()), 1, bytes);
        Offset base = next_offsets_[partition];
        auto header = read_batch_header(batch.view());
        set_base_offset(batch.mutable_data(), base);
        set_leader_epoch(batch.mutable_data(), LeaderEpoch(0));
        next_offsets_[partition] = base + 1;
        made_.emplace_back(partition, blob_of(batch.view()));
        append->frames.push_back({partition, base, LeaderEpoch(0), header->crc, batch});
      }
      lane_->append(runtime_->core(core), std::move(append));
    });
    return number;
  }
  std::size_t append(std::size_t bytes = 100, std::uint32_t core = 0) {
    return append(CoreId(core), {PartitionId(core + 1)}, bytes);
  }
  // Appends one after the other, each in its own group.
  void append_groups(int count, std::size_t bytes = 100) {
    for (int i = 0; i < count; ++i) {
      append(bytes);
      ASSERT_TRUE(settle());
    }
  }
  void mark() {
    lane_->mark_when_idle();
    runtime_->run_until_idle(std::chrono::seconds(1));
  }

  const std::vector<Answer>& answers() const { return answers_; }
  const std::vector<std::string>& events() const { return events_; }
  // What was appended, in the order in which it was given to the lane.
  const std::vector<std::pair<PartitionId, Blob>>& made() const { return made_; }
  std::size_t unanswered() const { return appended_ - answers_.size(); }
  bool settle(Duration limit = std::chrono::seconds(10)) {
    return runtime_->run_until([this] { return unanswered() == 0; }, limit);
  }
  bool all_succeeded() const {
    return std::ranges::all_of(answers_,
                               [](const Answer& answer) { return answer.outcome.has_value(); });
  }
  // Keeps the files of appends that are done from being recycled, as tails and readers do.
  void pin_files(bool pin) {
    pin_ = pin;
    if (!pin) pinned_.clear();
  }

  void stop() {
    runtime_->run_until_idle(std::chrono::seconds(10));
    pinned_.clear();
    lane_->stop();
    runtime_->run_until_idle(std::chrono::seconds(10));
    background_.reset();
    lane_.reset();
    runtime_.reset();
  }
  // The process ends now. For ScopedLeakCheckOff.
  void power_cut(CrashKeeps keeps) {
    runtime_->abandon();
    lane_.reset();
    background_.reset();
    pinned_.clear();
    runtime_.reset();
    disk_.crash(keeps);
  }

 private:
  struct Note : Append {
    Note(TestLane& test_in, std::size_t number_in) : test(test_in), number(number_in) {}
    void written() override { test.events_.push_back(fmt::format("written {}", number)); }
    void done(Result<void> outcome) override {
      test.events_.push_back(fmt::format("done {}", number));
      test.answers_.push_back({number, std::move(outcome), sequence, test.disk_.syncs()});
      if (test.pin_) test.pinned_.push_back(file);
    }
    TestLane& test;
    std::size_t number;
  };

  SimDisk& disk_;
  BrokerClock clock_;
  std::unique_ptr<SimRuntime> runtime_;
  std::unique_ptr<Worker> background_;
  std::unique_ptr<JournalLane> lane_;
  std::size_t appended_ = 0;
  std::map<PartitionId, Offset> next_offsets_;
  std::vector<std::pair<PartitionId, Blob>> made_;
  std::vector<Answer> answers_;
  std::vector<std::string> events_;
  bool pin_ = false;
  std::vector<std::shared_ptr<JournalFile>> pinned_;
};

}  // namespace millrace::test
