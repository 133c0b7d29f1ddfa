// Fetch - read record batches, waiting for new ones. What a client reads is named by the request,
// by its fetch session (fetch_session.h), or both.
#include <algorithm>

#include "protocols/kafka/commands/fetch_session.h"
#include "protocols/kafka/commands/handlers.h"

namespace millrace::kafka {
namespace {

constexpr std::int8_t kReadCommitted = 1;
constexpr std::int16_t kTopicIdsSince = 13;
constexpr std::uint64_t kTurnPart = 32;

// One partition to read. What it points to is the request's, or the session's own copy.
struct Wanted {
  const std::string* topic;
  Uuid topic_id;
  const FetchRequest::Partition* partition;
  FetchedPartition* known = nullptr;  // of an incremental fetch
};

std::vector<Wanted> wanted_by(const FetchRequest& request) {
  std::vector<Wanted> all;
  for (const FetchRequest::Topic& topic : request.topics) {
    for (const FetchRequest::Partition& partition : topic.partitions) {
      all.push_back({&topic.topic, topic.topic_id, &partition});
    }
  }
  return all;
}

std::vector<Wanted> wanted_by(FetchSession& session) {
  std::vector<Wanted> all;
  all.reserve(session.size());
  for (FetchedPartition& known : session.partitions()) {
    all.push_back({&known.topic, known.topic_id, &known.wanted, &known});
  }
  return all;
}

bool same_topic(const Wanted& one, const Wanted& other) {
  return one.topic_id == other.topic_id && *one.topic == *other.topic;
}

FetchCommand command_of(const Context& context, const FetchRequest& request,
                        const std::vector<Wanted>& all) {
  FetchCommand command;
  command.bytes_min = static_cast<std::size_t>(std::max(request.min_bytes, 0));
  command.bytes_max =
      std::min<std::size_t>(static_cast<std::size_t>(std::max(request.max_bytes, 0)),
                            context.connection.limits.fetch_bytes_max);
  command.wait_max = std::chrono::milliseconds(std::max(request.max_wait_ms, 0));
  // A request for nothing is one that closes a session: its client is leaving.
  if (all.empty()) command.wait_max = Duration{0};
  command.memory = context.answer_memory;
  command.bytes_least = context.connection.fetch_bytes_least();
  command.first_core = context.connection.fetches++;
  command.items.reserve(all.size());
  const Wanted* last = nullptr;
  for (const Wanted& wanted : all) {
    const FetchRequest::Partition& partition = *wanted.partition;
    FetchItem item;
    item.topic = last && same_topic(*last, wanted)
                     ? command.items.back().topic
                     : find_topic(context, *wanted.topic, wanted.topic_id);
    last = &wanted;
    item.partition = partition.partition;
    item.from = Offset(partition.fetch_offset);
    item.current_epoch = LeaderEpoch(partition.current_leader_epoch);
    item.bytes_max = static_cast<std::size_t>(std::max(partition.partition_max_bytes, 0));
    command.items.push_back(std::move(item));
  }
  return command;
}

FetchResponse::Partition answer(const FetchRequest::Partition& wanted, FetchResult result,
                                bool read_committed) {
  FetchResponse::Partition out;
  out.partition_index = wanted.partition;
  out.error_code = code_of(result.error);
  out.high_watermark = result.high_watermark.value();
  // Without transactions everything below the high watermark is stable.
  out.last_stable_offset = result.high_watermark.value();
  out.log_start_offset = result.log_start.value();
  if (!read_committed) out.aborted_transactions = std::nullopt;
  out.records = std::move(result.batches);
  return out;
}

// Whether the client has records now; then others' turn comes first.
bool gave_records(const FetchResponse::Partition& answer) {
  return answer.records && !answer.records->empty();
}

// Little memory is left, and the answer would be large, or would have to be loaded.
bool needs_turn(const std::vector<FetchResult>& results) {
  return std::ranges::any_of(results, [](const FetchResult& result) {
    return result.error.code == ErrorCode::would_block;
  });
}

// A thirty-second part of all memory: who waits is to have something of it. The turn comes, for who
// holds memory without moving is closed; when this connection is meanwhile, it goes to the next.
Task<void> take_turn(const Context& context) {
  MemoryShare& share = context.broker().memory();
  const auto bytes = std::max<std::size_t>(context.connection.fetch_bytes_least(),
                                           share.budget().bytes_max() / kTurnPart);
  context.answer_memory->set(0);
  auto wait = share.wait(bytes, MemoryUse::large);
  auto turn = wait->future();
  const bool granted = co_await turn;
  ASSERT(granted);  // nobody cancels it
  context.answer_memory->adopt(bytes);
}

// What a new session begins with: all of this is told.
void note_answers(FetchSession& session, const std::vector<Wanted>& all,
                  const std::vector<FetchResponse::Partition>& answers) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    FetchedPartition& known = session.want(*all[i].topic, all[i].topic_id, *all[i].partition);
    FetchSession::has_news(known, answers[i]);
    if (gave_records(answers[i])) session.move_to_end(known);
  }
}

// All answers to a full fetch, those with news to an incremental one.
std::vector<FetchResponse::Topic> told(FetchSession* session, const std::vector<Wanted>& all,
                                       std::vector<FetchResponse::Partition> answers) {
  std::vector<FetchResponse::Topic> topics;
  const Wanted* last = nullptr;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Wanted& wanted = all[i];
    if (wanted.known) {
      if (!FetchSession::has_news(*wanted.known, answers[i])) continue;
      if (gave_records(answers[i])) session->move_to_end(*wanted.known);
    }
    if (!last || !same_topic(*last, wanted)) {
      FetchResponse::Topic& topic = topics.emplace_back();
      topic.topic = *wanted.topic;
      topic.topic_id = wanted.topic_id;
    }
    topics.back().partitions.push_back(std::move(answers[i]));
    last = &wanted;
  }
  return topics;
}

}  // namespace

Task<FetchResponse> fetch(Context context, FetchRequest request) {
  FetchResponse response;
  const bool is_replica = request.replica_id >= 0 || request.replica_state.replica_id >= 0;
  if (is_replica) {
    response.error_code = code_of(ErrorCode::invalid_request);
    co_return response;
  }
  Core& core = context.broker().core();
  FetchSessions& sessions = context.connection.fetch_sessions;
  const auto owner = &context.connection;
  const bool by_topic_id = context.version >= kTopicIdsSince;
  std::shared_ptr<FetchSession> session;
  const bool incremental =
      request.session_epoch != kFirstFetchEpoch && request.session_epoch != kFinalFetchEpoch;
  if (incremental) {
    auto resumed = sessions.resume(owner, request, by_topic_id, core.now());
    if (!resumed) {
      response.error_code = code_of(resumed.error());
      co_return response;
    }
    session = std::move(*resumed);
  } else {
    sessions.close(owner, request.session_id);
  }
  const std::vector<Wanted> all = session ? wanted_by(*session) : wanted_by(request);
  FetchCommand command = command_of(context, request, all);
  std::vector<bool> topic_found(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) topic_found[i] = command.items[i].topic != nullptr;
  auto results = co_await context.broker().fetch(std::move(command));
  while (needs_turn(results)) {
    co_await take_turn(context);
    results = co_await context.broker().fetch(command_of(context, request, all));
  }

  std::vector<FetchResponse::Partition> answers;
  answers.reserve(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!topic_found[i]) results[i].error = unknown_topic(all[i].topic_id);
    answers.push_back(answer(*all[i].partition, std::move(results[i]),
                             request.isolation_level == kReadCommitted));
  }
  if (request.session_epoch == kFirstFetchEpoch) {
    session = sessions.open(owner, request, by_topic_id, core.random(), core.now());
    if (session) note_answers(*session, all, answers);
  }
  if (session) response.session_id = session->id();
  response.responses = told(session.get(), all, std::move(answers));
  co_return response;
}

}  // namespace millrace::kafka
