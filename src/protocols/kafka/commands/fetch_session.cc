#include "protocols/kafka/commands/fetch_session.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"

namespace millrace::kafka {
namespace {

std::int32_t one_up(std::int32_t number) {
  return number == std::numeric_limits<std::int32_t>::max() ? 1 : number + 1;
}

std::size_t partitions_of(const FetchRequest& request) {
  std::size_t count = 0;
  for (const FetchRequest::Topic& topic : request.topics) count += topic.partitions.size();
  return count;
}

}  // namespace

std::int32_t next_fetch_epoch(std::int32_t epoch) {
  ASSERT(epoch >= kFirstFetchEpoch);
  return one_up(epoch);
}

FetchedPartition& FetchSession::want(const std::string& topic, const Uuid& topic_id,
                                     const FetchRequest::Partition& wanted) {
  auto known = places_.find({topic, topic_id, wanted.partition});
  if (known != places_.end()) {
    known->second->wanted = wanted;
    return *known->second;
  }
  FetchedPartition& added = partitions_.emplace_back(topic, topic_id, wanted);
  places_.emplace(Key{added.topic, topic_id, wanted.partition}, std::prev(partitions_.end()));
  return added;
}

void FetchSession::forget(const std::string& topic, const Uuid& topic_id, std::int32_t partition) {
  auto known = places_.find({topic, topic_id, partition});
  if (known == places_.end()) return;
  auto entry = known->second;
  places_.erase(known);  // first: its key looks into the entry
  partitions_.erase(entry);
}

void FetchSession::update(const FetchRequest& request) {
  for (const FetchRequest::Topic& topic : request.topics) {
    for (const FetchRequest::Partition& partition : topic.partitions) {
      want(topic.topic, topic.topic_id, partition);
    }
  }
  for (const FetchRequest::ForgottenTopic& topic : request.forgotten_topics_data) {
    for (std::int32_t partition : topic.partitions) forget(topic.topic, topic.topic_id, partition);
  }
  ASSERT(places_.size() == partitions_.size());
}

bool FetchSession::has_news(FetchedPartition& partition, const FetchResponse::Partition& answer) {
  const bool failed = answer.error_code != 0;
  const bool has_records = answer.records && !answer.records->empty();
  const bool moved = partition.high_watermark != answer.high_watermark ||
                     partition.log_start_offset != answer.log_start_offset;
  // Nothing that is told with an error holds: once it is gone the partition is told again.
  partition.high_watermark = failed ? -1 : answer.high_watermark;
  partition.log_start_offset = failed ? -1 : answer.log_start_offset;
  return failed || has_records || moved;
}

void FetchSession::move_to_end(const FetchedPartition& partition) {
  auto known = places_.find({partition.topic, partition.topic_id, partition.wanted.partition});
  ASSERT(known != places_.end());
  partitions_.splice(partitions_.end(), partitions_, known->second);
}

FetchSessions::Place FetchSessions::find(Owner owner, std::int32_t id) {
  auto known = by_id_.find(id);
  if (known == by_id_.end() || known->second->owner != owner) return by_use_.end();
  return known->second;
}

Result<std::shared_ptr<FetchSession>> FetchSessions::resume(Owner owner,
                                                            const FetchRequest& request,
                                                            bool by_topic_id, MonotonicTime now) {
  Place place = find(owner, request.session_id);
  if (place == by_use_.end()) return fail(ErrorCode::fetch_session_not_found);
  FetchSession& session = *place->session;
  if (request.session_epoch != session.next_epoch_) {
    return fail(ErrorCode::invalid_fetch_session_epoch);
  }
  if (by_topic_id != session.by_topic_id()) return fail(ErrorCode::fetch_session_topic_id_error);
  if (partitions_of(request) > limits_.partitions_max) {
    remove(place);
    return fail(ErrorCode::fetch_session_not_found);
  }
  session.update(request);
  if (session.empty()) {
    remove(place);
    return nullptr;
  }
  session.next_epoch_ = next_fetch_epoch(session.next_epoch_);
  partitions_ += session.size() - place->partitions;
  place->partitions = session.size();
  place->used_at = now;
  by_use_.splice(by_use_.end(), by_use_, place);
  if (!make_room(0, 0, now)) {
    remove(place);
    return fail(ErrorCode::fetch_session_not_found);
  }
  return place->session;
}

std::shared_ptr<FetchSession> FetchSessions::open(Owner owner, const FetchRequest& request,
                                                  bool by_topic_id, std::uint64_t random,
                                                  MonotonicTime now) {
  limit_owner(owner);
  if (!make_room(1, partitions_of(request), now)) return nullptr;
  auto session = std::make_shared<FetchSession>(free_id(random), by_topic_id);
  session->update(request);
  by_use_.push_back({session, owner, now, session->size()});
  by_id_.emplace(session->id(), std::prev(by_use_.end()));
  partitions_ += session->size();
  ASSERT(by_id_.size() == by_use_.size() && by_id_.size() <= limits_.sessions_max);
  return session;
}

void FetchSessions::close(Owner owner, std::int32_t id) {
  Place place = find(owner, id);
  if (place != by_use_.end()) remove(place);
}

void FetchSessions::close_all(Owner owner) {
  for (Place place = by_use_.begin(); place != by_use_.end();) {
    Place here = place++;
    if (here->owner == owner) remove(here);
  }
}

void FetchSessions::remove(Place place) {
  ASSERT(partitions_ >= place->partitions);
  partitions_ -= place->partitions;
  by_id_.erase(place->session->id());
  by_use_.erase(place);
}

// A client that asks for a session with every fetch and uses none must not push out the others'.
void FetchSessions::limit_owner(Owner owner) {
  Place oldest = by_use_.end();
  std::size_t count = 0;
  for (Place place = by_use_.begin(); place != by_use_.end(); ++place) {
    if (place->owner != owner) continue;
    if (count++ == 0) oldest = place;
  }
  if (count >= limits_.sessions_per_connection && oldest != by_use_.end()) remove(oldest);
}

bool FetchSessions::make_room(std::size_t sessions, std::size_t partitions, MonotonicTime now) {
  while (by_use_.size() + sessions > limits_.sessions_max ||
         partitions_ + partitions > limits_.partitions_max) {
    if (by_use_.empty() || partitions > limits_.partitions_max) return false;
    if (now - by_use_.front().used_at < limits_.idle_min.count()) return false;
    remove(by_use_.begin());
  }
  return true;
}

std::int32_t FetchSessions::free_id(std::uint64_t random) const {
  auto id = static_cast<std::int32_t>(random & 0x7fffffff);
  while (id == kNoFetchSession || by_id_.contains(id)) id = one_up(id);
  return id;
}

}  // namespace millrace::kafka
