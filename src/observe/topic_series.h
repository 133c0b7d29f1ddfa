// TopicSeries: figures by topic, for a bounded number of topics. A topic that got a series keeps it
// until it is deleted; one that came when all were taken stays with the others, so that neither its
// own series nor theirs ever falls.
//
//   TopicSeries series(500);
//   for (const auto& [name, figures] : series.fold(image_topics)) page.set(..., {name});
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/image.h"

namespace millrace {

struct TopicFigures {
  std::uint64_t records_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t records_out = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t log_bytes = 0;

  void add(const TopicFigures& other);
};

class TopicSeries {
 public:
  explicit TopicSeries(std::size_t series_max) : series_max_(series_max) {}

  struct Topic {
    std::string_view name;
    TopicFigures figures;
  };
  // By name, the others last, under kOther. Those have counted what deleted ones among them had
  // counted when they were last seen.
  std::vector<std::pair<std::string, TopicFigures>> fold(const std::map<TopicId, Topic>& topics);

 private:
  const std::size_t series_max_;
  std::set<TopicId> named_;
  std::map<TopicId, TopicFigures> others_;
  TopicFigures gone_;
  bool had_others_ = false;
};

}  // namespace millrace
