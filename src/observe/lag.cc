#include "observe/lag.h"

#include <algorithm>
#include <tuple>

namespace millrace {
namespace {

// Between two of them the core does what else there is to do.
constexpr std::size_t kCommitsAtOnce = 500;

}  // namespace

Task<std::vector<GroupLag>> GroupLags::lags(const BrokerFigures* figures) {
  Core& core = broker_.runtime().core(CoreId(0));
  std::vector<const GroupsSummary::Commit*> commits;
  for (const auto& commit : figures->groups.commits) commits.push_back(&commit);
  std::ranges::sort(commits, {}, [](const GroupsSummary::Commit* commit) {
    return std::tie(commit->group, commit->topic, commit->partition);
  });
  std::vector<GroupLag> lags;
  std::optional<GroupLag> other;
  std::map<Place, WallMs> known;
  std::size_t reads_left = limits_.age_reads_max;
  for (std::size_t i = 0; i < commits.size(); ++i) {
    if (i > 0 && i % kCommitsAtOnce == 0) co_await Yield{core};
    const GroupsSummary::Commit& commit = *commits[i];
    const PartitionInfo* partition =
        find_info(figures->image->find(commit.topic), commit.partition);
    if (!partition) continue;  // deleted; soon forgotten by the group too
    const auto found = figures->partitions.find(partition->id);
    if (found == figures->partitions.end()) continue;
    const Offset end = found->second.high_watermark;
    // A commit may be ahead of the figures, which were taken before it.
    const std::uint64_t records =
        end > commit.offset ? static_cast<std::uint64_t>(end - commit.offset) : 0;
    if (lags.size() >= limits_.lag_series_max) {
      if (!other) other = GroupLag{std::string(kOther), std::string(kOther), std::string(kOther)};
      other->records += records;
      continue;
    }
    GroupLag& lag = lags.emplace_back(commit.group, commit.topic, std::to_string(commit.partition),
                                      records, std::nullopt);
    if (records == 0) {
      lag.oldest_unread = std::chrono::milliseconds(0);
      continue;
    }
    const Place place(partition->id, commit.offset);
    auto written = co_await written_at(*partition, commit.offset, &reads_left);
    if (!written) continue;
    known.emplace(place, *written);
    const std::int64_t age = core.wall_now() - *written;
    lags.back().oldest_unread = std::chrono::milliseconds(std::max<std::int64_t>(age, 0));
  }
  known_ = std::move(known);
  if (other) lags.push_back(std::move(*other));
  co_return lags;
}

Task<std::optional<WallMs>> GroupLags::written_at(PartitionInfo partition, Offset offset,
                                                  std::size_t* reads_left) {
  const auto known = known_.find({partition.id, offset});
  if (known != known_.end()) co_return known->second;
  BrokerCore& here = broker_.core(CoreId(0));
  auto written = co_await here.written_at(partition, offset, false);
  if (written || *reads_left == 0) co_return written;
  --*reads_left;
  co_return co_await here.written_at(partition, offset, true);
}

}  // namespace millrace
