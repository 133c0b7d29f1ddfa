// Fetch sessions (KIP-227): what a client reads from this broker, kept between its Fetch requests,
// so that a consumer of a thousand quiet partitions does not name them all again every half second.
//
//   session id 0, epoch 0     a full fetch: names all partitions, and asks for a session. The
//                             answer carries its id; id 0 means that none was made
//   session id S, epoch N     N = 1, 2, ... in turn: names only partitions that are new or whose
//                             offset or limit changed, and those to forget. The answer names only
//                             partitions with something new (FetchSession::has_news)
//   epoch -1                  a full fetch without a session. With an id other than 0 this, and
//                             epoch 0, close the session named
//
// A session belongs to the connection that opened it and ends with it: on another one its id is as
// unknown as any (FETCH_SESSION_ID_NOT_FOUND), upon which a client begins anew, as it does after a
// broker's restart. So a session is used by one request at a time and on one core.
//
// FetchSessions is what one core keeps for all its connections. What does not fit is refused by
// session id 0, or FETCH_SESSION_ID_NOT_FOUND when a session outgrows the limit: both cost the
// client nothing but bytes. When it is full the session that was not used for the longest time
// goes, if that was long enough.
//
// Order: partitions are read in the session's order, and those that gave records go to its end.
// Else the first ones, when there is always more than an answer may hold, would starve the last.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "protocols/kafka/wire/gen/fetch.h"
#include "protocols/kafka/wire/uuid.h"
#include "runtime/core.h"

namespace millrace::kafka {

inline constexpr std::int32_t kNoFetchSession = 0;
inline constexpr std::int32_t kFirstFetchEpoch = 0;   // asks for a session
inline constexpr std::int32_t kFinalFetchEpoch = -1;  // asks for none

// 1, 2, ... 2147483647, 1, ...: a session lives longer than its numbers.
std::int32_t next_fetch_epoch(std::int32_t epoch);

struct FetchSessionLimits {
  std::size_t sessions_max = 1000;          // of a core: max.incremental.fetch.session.cache.slots
  std::size_t sessions_per_connection = 4;  // the least recently used one gives way
  std::size_t partitions_max = 100'000;     // of all sessions of a core; about 200 bytes each
  Duration idle_min = std::chrono::minutes(2);  // unused for this long, a session may be evicted
};

// A partition as its session knows it.
struct FetchedPartition {
  std::string topic;  // by name below version 13, by id from there on
  Uuid topic_id;
  FetchRequest::Partition wanted;  // as the client said last
  // What the client was told last; -1: nothing that holds.
  std::int64_t high_watermark = -1;
  std::int64_t log_start_offset = -1;
};

class FetchSession {
 public:
  FetchSession(std::int32_t id, bool by_topic_id) : id_(id), by_topic_id_(by_topic_id) {}
  FetchSession(const FetchSession&) = delete;

  std::int32_t id() const { return id_; }
  bool by_topic_id() const { return by_topic_id_; }
  std::size_t size() const { return partitions_.size(); }
  bool empty() const { return partitions_.empty(); }
  // In the order in which they are read next.
  std::list<FetchedPartition>& partitions() { return partitions_; }

  // Adds a partition at the end, or takes over what is wanted of one that is known.
  FetchedPartition& want(const std::string& topic, const Uuid& topic_id,
                         const FetchRequest::Partition& wanted);
  void forget(const std::string& topic, const Uuid& topic_id, std::int32_t partition);
  // What an incremental request adds, changes and forgets, in this order.
  void update(const FetchRequest& request);

  // Whether this answer must be told: records, an error, another high watermark or log start than
  // the client knows. Notes that it was told.
  static bool has_news(FetchedPartition& partition, const FetchResponse::Partition& answer);
  // After an answer with records.
  void move_to_end(const FetchedPartition& partition);

 private:
  friend class FetchSessions;
  struct Key {
    std::string_view topic;  // of the entry in partitions_, or of who looks
    Uuid topic_id;
    std::int32_t partition;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  const std::int32_t id_;
  const bool by_topic_id_;
  std::int32_t next_epoch_ = 1;  // that the next request must carry
  std::list<FetchedPartition> partitions_;
  // Ordered, not hashed: the keys are the client's, which might choose them to collide.
  std::map<Key, std::list<FetchedPartition>::iterator> places_;
};

class FetchSessions {
 public:
  using Owner = const void*;  // a connection; never looked into

  explicit FetchSessions(const FetchSessionLimits& limits) : limits_(limits) {}

  // The session that an incremental request names, brought up to date by it. Null when the request
  // forgot its last partition: it is closed then, and the request a full one.
  // Error::fetch_session_not_found, Error::invalid_fetch_session_epoch,
  // Error::fetch_session_topic_id_error.
  Result<std::shared_ptr<FetchSession>> resume(Owner owner, const FetchRequest& request,
                                               bool by_topic_id, MonotonicTime now);
  // A new session of the request's partitions, or null when there is no room. Its id comes of
  // `random`, so that nobody guesses it.
  std::shared_ptr<FetchSession> open(Owner owner, const FetchRequest& request, bool by_topic_id,
                                     std::uint64_t random, MonotonicTime now);
  // The owner's session of this id, if there is one.
  void close(Owner owner, std::int32_t id);
  void close_all(Owner owner);

  std::size_t size() const { return by_id_.size(); }
  std::size_t partitions() const { return partitions_; }

 private:
  struct Entry {
    std::shared_ptr<FetchSession> session;
    Owner owner;
    MonotonicTime used_at;
    std::size_t partitions;  // counted in partitions_
  };
  using Place = std::list<Entry>::iterator;

  Place find(Owner owner, std::int32_t id);
  void remove(Place place);
  void limit_owner(Owner owner);
  // Evicts until so many more fit; false when they don't.
  bool make_room(std::size_t sessions, std::size_t partitions, MonotonicTime now);
  std::int32_t free_id(std::uint64_t random) const;

  FetchSessionLimits limits_;
  std::list<Entry> by_use_;  // the least recently used first
  std::unordered_map<std::int32_t, Place> by_id_;
  std::size_t partitions_ = 0;
};

}  // namespace millrace::kafka
