// Observer: answers a scrape. On core 0, one scrape at a time; the others wait.
//
//   Observer observer(runtime, {.version = "0.1.0", .data_directory = "data"});
//   observer.add_source([&](MetricsPage* page) { return kafka.add_metrics(page); });
//   observer.observe(broker);                        // when it serves
//   std::string body = co_await observer.scrape();
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "observe/lag.h"
#include "observe/limits.h"
#include "observe/process_figures.h"
#include "observe/topic_series.h"
#include "runtime/turn.h"

namespace millrace {

struct ObserverOptions {
  std::string version;
  std::string data_directory;
  std::uint64_t restarts = 0;
  std::uint64_t process_bytes = 0;  // of memory, for what has no budget of its own
  ObserveLimits limits;
};

class Observer {
 public:
  Observer(Runtime& runtime, ObserverOptions options);

  // What a module above this one counts: it adds it to the page, which outlives the call.
  using Source = std::function<Task<void>(MetricsPage*)>;
  void add_source(Source source) { sources_.push_back(std::move(source)); }
  // From now on the broker's figures are there. It took this long to begin.
  void observe(Broker& broker, Duration startup);
  void set_ready(std::function<bool()> ready) { ready_ = std::move(ready); }

  Task<std::string> scrape();

 private:
  void put_process(MetricsPage& page, const ProcessFigures& figures) const;
  void put_cores(MetricsPage& page) const;
  void put_storage(MetricsPage& page) const;
  void put_memory(MetricsPage& page, std::uint64_t tail_bytes, std::uint64_t resident_bytes) const;
  Task<void> put_topics(MetricsPage* page, const BrokerFigures* figures);
  Task<void> put_groups(MetricsPage* page, const BrokerFigures* figures,
                        const std::vector<GroupLag>* lags);

  Runtime& runtime_;
  const ObserverOptions options_;
  std::vector<Source> sources_;
  std::function<bool()> ready_;
  Turns turns_;
  std::unique_ptr<Worker> worker_;  // for what blocks
  Broker* broker_ = nullptr;
  Duration startup_{0};
  TopicSeries topic_series_;
  std::optional<GroupLags> lags_;
};

}  // namespace millrace
