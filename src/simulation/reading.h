// Reading: what all who read records do with an answer to a fetch.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocols/kafka/wire/gen/messages.h"
#include "protocols/kafka/wire/uuid.h"
#include "simulation/life.h"

namespace millrace::simulation {

// One partition of a topic's incarnation, from `offset` on; by the topic's id, so that an answer
// can't be of another incarnation.
kafka::FetchRequest fetch_request(const TopicFacts& topic, std::int32_t partition,
                                  std::int64_t offset, std::int32_t wait_ms,
                                  std::int32_t bytes_max);
inline constexpr std::int16_t kFetchVersion = 13;

struct ReadRecords {
  bool damaged = false;             // a checksum that does not match: what a client reports
  std::vector<std::string> values;  // from the offset asked for on, one behind the other
};
// Takes the batches of an answer apart. A fault when offsets are missing or come twice.
ReadRecords read_records(Ledger& ledger, const TopicFacts& topic, std::int32_t partition,
                         std::int64_t offset, const kafka::FetchResponse::Partition& answer);

// Where a partition begins; nothing when that was not answered.
Task<std::optional<std::int64_t>> log_start(Ledger* ledger, Client* client, std::string topic,
                                            std::int32_t partition);

}  // namespace millrace::simulation
