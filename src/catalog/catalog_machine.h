// CatalogMachine: topics and producer ids as a deterministic machine over the catalogue's log. Its
// one instance runs on core 0; everybody else reads the image it makes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "catalog/image.h"
#include "machine/machine.h"

namespace millrace {

struct CreateTopic {
  std::string name;
  std::int32_t partitions = 1;
  std::map<std::string, std::string> config;
  TopicId id{};
  bool validate_only = false;
};

struct ReserveProducerIds {
  std::int64_t count = 1;
};

struct TopicReply {
  std::optional<Error>
      error;  // topic_already_exists, invalid_topic_name, invalid_partitions, invalid_config
  std::shared_ptr<const TopicInfo> topic;  // the new or the existing one
};

struct ProducerIdsReply {
  ProducerId first;
};

class CatalogMachine {
 public:
  using Command = std::variant<CreateTopic, ReserveProducerIds>;
  using Reply = std::variant<TopicReply, ProducerIdsReply>;

  CatalogMachine();

  Outcome<Reply> decide(const MachineContext& context, RequestId request, Command command);
  Outcome<Reply> on_timer(const MachineContext&) { return {}; }
  std::optional<MonotonicTime> next_timer() const { return std::nullopt; }
  void apply(WallMs time, ByteView event);
  void snapshot(FieldWriter& out) const;
  bool restore(ByteView bytes);

  // With what was applied last, durable or not: the host's caller publishes it after a durable
  // reply.
  std::shared_ptr<const CatalogImage> image() const;

 private:
  TopicReply check(const CreateTopic& command) const;
  void add(std::shared_ptr<const TopicInfo> topic);

  CatalogImage state_;
  ProducerId next_producer_id_{1000};
  mutable std::shared_ptr<const CatalogImage> image_;  // of state_, until it changes
};

// Kafka's rule: 1 to 249 of a-z A-Z 0-9 . _ -, and neither "." nor "..".
bool valid_topic_name(std::string_view name);

}  // namespace millrace
