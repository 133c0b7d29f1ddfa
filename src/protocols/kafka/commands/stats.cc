#include "protocols/kafka/commands/stats.h"

#include "protocols/kafka/wire/apis.h"

namespace millrace::kafka {

KafkaStats::KafkaStats() : apis(static_cast<std::size_t>(millrace::kafka::apis().back().key) + 1) {}

void KafkaStats::add(const KafkaStats& other) {
  for (std::size_t i = 0; i < apis.size(); ++i) {
    apis[i].time.add(other.apis[i].time);
    for (const auto& [code, count] : other.apis[i].errors) apis[i].errors[code] += count;
  }
  accepted += other.accepted;
  refused += other.refused;
  closed_for_memory += other.closed_for_memory;
  open += other.open;
  in_work += other.in_work;
}

}  // namespace millrace::kafka
