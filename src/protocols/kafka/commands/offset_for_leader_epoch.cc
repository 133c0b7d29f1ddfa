// OffsetForLeaderEpoch - where an epoch ended, so that a client notices that what it read was cut
// (KIP-320).
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {

Task<OffsetForLeaderEpochResponse> offset_for_leader_epoch(Context context,
                                                           OffsetForLeaderEpochRequest request) {
  OffsetForLeaderEpochResponse response;
  for (OffsetForLeaderEpochRequest::Topic& topic : request.topics) {
    auto info = context.broker().image().find(topic.topic);
    OffsetForLeaderEpochResponse::Topic out;
    out.topic = std::move(topic.topic);
    for (const OffsetForLeaderEpochRequest::Partition& wanted : topic.partitions) {
      OffsetForLeaderEpochResponse::Partition answer;
      answer.partition = wanted.partition;
      auto end = co_await context.broker().find_epoch_end(info, wanted.partition,
                                                          LeaderEpoch(wanted.current_leader_epoch),
                                                          LeaderEpoch(wanted.leader_epoch));
      if (end) {
        answer.leader_epoch = end->epoch.value();
        answer.end_offset = end->end.value();
      } else {
        answer.error_code = code_of(end.error());
      }
      out.partitions.push_back(answer);
    }
    response.topics.push_back(std::move(out));
  }
  co_return response;
}

}  // namespace millrace::kafka
