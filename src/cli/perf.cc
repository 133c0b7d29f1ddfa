#include "cli/perf.h"

#include <fmt/format.h>

#include <cmath>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "cli/progress.h"
#include "cli/text.h"

namespace millrace::cli {

using namespace std::chrono_literals;

Result<void> run_workers(std::size_t count, const PerfCounters& counters, bool quiet,
                         const std::function<Result<void>(std::size_t)>& work) {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t finished = 0;
  Result<void> result;
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      auto done = work(i);
      const std::lock_guard lock(mutex);
      if (!done && result) result = std::move(done);
      ++finished;
      changed.notify_one();
    });
  }
  Progress progress(quiet);
  std::unique_lock lock(mutex);
  while (!changed.wait_for(lock, 200ms, [&] { return finished == count; }))
    progress.update(counters.records, counters.bytes);
  return result;
}

namespace {

double ms_of(Histogram::Microseconds latency) {
  return static_cast<double>(latency.count()) / 1000.0;
}

double per_second(double amount, double seconds) { return seconds > 0 ? amount / seconds : 0; }

// To microseconds: what is finer is noise.
double rounded(double value) { return std::round(value * 1e6) / 1e6; }

}  // namespace

Json to_json(const PerfResult& result) {
  Json out;
  out["records"] = result.records;
  out["bytes"] = result.bytes;
  out["seconds"] = rounded(result.seconds);
  out["records_per_second"] =
      rounded(per_second(static_cast<double>(result.records), result.seconds));
  out["mb_per_second"] =
      rounded(per_second(static_cast<double>(result.bytes) / 1e6, result.seconds));
  return out;
}

Json to_json(const Histogram& latencies) {
  Json out;
  out["p50_ms"] = ms_of(latencies.at(0.5));
  out["p99_ms"] = ms_of(latencies.at(0.99));
  out["p999_ms"] = ms_of(latencies.at(0.999));
  out["max_ms"] = ms_of(latencies.max());
  out["mean_ms"] = ms_of(latencies.mean());
  return out;
}

std::string to_text(const PerfResult& result) {
  const auto rate = per_second(static_cast<double>(result.records), result.seconds);
  return fmt::format("{}, {} in {:.3f} s: {} records/s, {:.1f} MB/s",
                     counted(result.records, "record"), human_bytes(result.bytes), result.seconds,
                     human_count(static_cast<std::int64_t>(rate)),
                     per_second(static_cast<double>(result.bytes) / 1e6, result.seconds));
}

std::string to_text(const Histogram& latencies) {
  return fmt::format("p50 {:.2f} ms, p99 {:.2f} ms, p99.9 {:.2f} ms, max {:.2f} ms",
                     ms_of(latencies.at(0.5)), ms_of(latencies.at(0.99)),
                     ms_of(latencies.at(0.999)), ms_of(latencies.max()));
}

PerfPayload::PerfPayload(std::size_t size) : size_(size), letters_(size + (64 << 10)) {
  std::mt19937 random(std::random_device{}());
  for (std::uint8_t& letter : letters_) letter = static_cast<std::uint8_t>('A' + random() % 26);
}

ByteView PerfPayload::next() {
  constexpr std::size_t kStep = 101;
  at_ = (at_ + kStep) % (letters_.size() - size_);
  return ByteView(letters_).subspan(at_, size_);
}

}  // namespace millrace::cli
