#include "observe/topic_series.h"

#include <algorithm>

#include "observe/limits.h"

namespace millrace {

void TopicFigures::add(const TopicFigures& other) {
  records_in += other.records_in;
  bytes_in += other.bytes_in;
  records_out += other.records_out;
  bytes_out += other.bytes_out;
  log_bytes += other.log_bytes;
}

std::vector<std::pair<std::string, TopicFigures>> TopicSeries::fold(
    const std::map<TopicId, Topic>& topics) {
  std::erase_if(named_, [&](const TopicId& id) { return !topics.contains(id); });
  std::erase_if(others_, [&](const auto& other) {
    if (topics.contains(other.first)) return false;
    TopicFigures counted = other.second;
    counted.log_bytes = 0;  // it keeps nothing any more
    gone_.add(counted);
    return true;
  });
  std::vector<std::pair<std::string, TopicFigures>> series;
  for (const auto& [id, topic] : topics) {
    const bool has_room = named_.size() < series_max_ && !others_.contains(id);
    if (has_room) named_.insert(id);
    if (named_.contains(id)) {
      series.emplace_back(topic.name, topic.figures);
    } else {
      others_[id] = topic.figures;
    }
  }
  std::ranges::sort(series, {}, [](const auto& one) -> const std::string& { return one.first; });
  had_others_ = had_others_ || !others_.empty();
  if (had_others_) {
    TopicFigures sum = gone_;
    for (const auto& [id, figures] : others_) sum.add(figures);
    series.emplace_back(kOther, sum);
  }
  return series;
}

}  // namespace millrace
