#include "protocols/kafka/server.h"
#include "protocols/kafka/wire/error_names.h"

namespace millrace::kafka {
namespace {

void put(MetricsPage& page, const KafkaStats& stats) {
  page.set(Metric::kafka_connections, stats.open);
  page.set(Metric::kafka_connections_accepted, stats.accepted);
  page.set(Metric::kafka_connections_refused, stats.refused);
  page.set(Metric::kafka_connections_closed_for_memory, stats.closed_for_memory);
  page.set(Metric::kafka_requests_in_work, stats.in_work);
  for (const ApiInfo& api : apis()) {
    const ApiStats& of = stats.apis[static_cast<std::size_t>(api.key)];
    for (const auto& [code, count] : of.errors) {
      page.set(Metric::kafka_errors, count, {api.name, error_code_name(code)});
    }
    // An API that nobody has used is not worth a score of lines.
    const std::uint64_t count = of.time.count();
    if (count == 0) continue;
    page.set(Metric::kafka_requests, count, {api.name});
    page.observe(Metric::kafka_request_seconds, of.time, {api.name});
  }
}

}  // namespace

Task<void> KafkaServer::add_metrics(MetricsPage* page) {
  Core& home = runtime_.core(CoreId(0));
  KafkaStats all;
  for (std::uint32_t id = 0; id < cores_.size(); ++id) {
    PerCore* from = &cores_[id];
    all.add(co_await call_on(home, runtime_.core(CoreId(id)), [from] {
      KafkaStats stats = from->stats;
      stats.open = from->sessions.size();
      return stats;
    }));
  }
  put(*page, all);
}

}  // namespace millrace::kafka
