// Membership: one member of a consumer group, in the protocol that all Kafka clients speak.
//
//   Membership member(client, "billing", {"orders"});
//   TRY(member.join());                        // waits until the group has gathered
//   ... read member.assignment() ...
//   TRY(member.keep_alive());                  // now and then: sends the heartbeat when it is due
//   if (member.must_rejoin()) ...              // commit what was read, and join() again
//   TRY(member.commit(offsets));
//   member.leave();
//
// There is no thread: the owner calls keep_alive() at least every few seconds, or the broker gives
// the partitions to others after kSession. A member that lost its place is told by must_rejoin().
#pragma once

#include <string>
#include <vector>

#include "client/assignor.h"
#include "client/client.h"
#include "client/group_offsets.h"
#include "protocols/kafka/wire/gen/join_group.h"

namespace millrace::client {

class Membership {
 public:
  static constexpr Milliseconds kSession{15'000};
  static constexpr Milliseconds kHeartbeatEvery{3'000};
  static constexpr Milliseconds kRebalance{60'000};

  Membership(Client& client, std::string group, std::vector<std::string> topics)
      : client_(client), group_(std::move(group)), topics_(std::move(topics)) {}

  Result<void> join();
  Result<void> keep_alive();
  bool must_rejoin() const { return must_rejoin_; }
  // False when the group gathers anew and took nothing: after join() the partitions may be others'.
  Result<bool> commit(const GroupOffsets& offsets);
  // What was not committed is given up. Failure is no matter: the session ends by itself.
  void leave();

  const Assignment& assignment() const { return assignment_; }
  const std::string& id() const { return id_; }

 private:
  Result<bool> try_join();
  Result<bool> sync(const kafka::JoinGroupResponse& joined);
  Result<std::map<std::string, Assignment>> decide(const kafka::JoinGroupResponse& joined);
  // Whether joining anew mends it; the member forgets its id when the group did.
  bool is_lost(std::int16_t code);

  Client& client_;
  const std::string group_;
  const std::vector<std::string> topics_;
  std::string id_;
  std::int32_t generation_ = -1;
  Assignment assignment_;
  bool must_rejoin_ = true;
  Clock::time_point last_heartbeat_;
};

}  // namespace millrace::client
