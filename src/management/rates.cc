#include "management/rates.h"

namespace millrace::management {

Rates::PerSecond Rates::look(QueueId queue, const Counts& counts, MonotonicTime now) {
  const Look look{now, counts};
  auto [found, is_new] = known_.try_emplace(queue, Known{look, look});
  Known& known = found->second;
  if (now - known.latest.at >= kRateSpan.count()) {
    known.base = known.latest;
    known.latest = look;
  }
  PerSecond rates{};
  const double seconds = static_cast<double>(now - known.base.at) / 1e9;
  if (seconds < 1) return rates;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    const std::uint64_t before = known.base.counts[i];
    if (counts[i] > before) rates[i] = static_cast<double>(counts[i] - before) / seconds;
  }
  return rates;
}

void Rates::keep_only(const std::unordered_set<QueueId>& queues) {
  std::erase_if(known_, [&](const auto& entry) { return !queues.contains(entry.first); });
}

}  // namespace millrace::management
