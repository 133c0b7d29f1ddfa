// The whole broker through power cuts: clients over the simulated network, the disk crashing at a
// seeded operation with none, all or some of the unflushed, a restart, and everything that was
// answered looked up again over the protocol. One seed is one history.
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "base/log.h"
#include "broker/sim_broker_test_support.h"
#include "protocols/kafka/crash_ledger_test_support.h"
#include "protocols/kafka/server.h"
#include "protocols/kafka/wire_client_test_support.h"
#include "record/batch.h"
#include "runtime/sim/leak_check.h"

namespace millrace::kafka::test {
namespace {

using millrace::test::kSimDirectory;
using millrace::test::SimBroker;
using namespace std::chrono_literals;

constexpr std::uint16_t kPort = 9092;
constexpr std::int32_t kPartitions = 3;
constexpr const char* kTopic = "orders";
constexpr const char* kGroup = "billing";
constexpr std::size_t kInFlight = 3;

// One run of the broker: from start to power cut, or to a clean stop.
struct Lifetime {
  Lifetime(SimOptions options, SimDisk& disk, Ledger& ledger_in)
      : sim(options, disk), ledger(ledger_in) {}

  SimBroker sim;
  Ledger& ledger;
  std::unique_ptr<KafkaServer> server;
  bool ending = false;  // clients send nothing new, and finish what is unanswered
  bool dead = false;    // clients give up
  bool listening = false;
  std::size_t clients = 0;

  Core& client_core() { return sim.runtime().client_core(); }
  bool over() const { return dead; }
};

Bytes batch_of(const Producer& producer, const SentBatch& sent) {
  BatchBuilder builder;
  if (producer.idempotent) {
    builder.producer(ProducerId(producer.id), ProducerEpoch(0),
                     static_cast<std::int32_t>(sent.first));
  }
  for (std::int64_t i = 0; i < sent.count; ++i) {
    builder.add(WallMs(1'700'000'000'000), std::nullopt, as_bytes(producer.value(sent.first + i)));
  }
  return builder.build();
}

ProduceRequest produce_request(const Producer& producer, const SentBatch& sent) {
  ProduceRequest request;
  request.acks = producer.acks;
  request.timeout_ms = 30000;
  ProduceRequest::Topic& topic = request.topic_data.emplace_back();
  topic.name = kTopic;
  topic.partition_data.push_back(
      {.index = producer.partition, .records = batch_of(producer, sent)});
  return request;
}

std::optional<WireClient> connect(Lifetime& life) {
  auto socket = life.sim.runtime().connect(life.client_core(), kPort);
  if (!socket) return std::nullopt;
  return WireClient(std::move(*socket));
}

// Every version of Produce that the broker serves is spoken by some batch.
std::int16_t produce_version(std::int64_t number) {
  constexpr std::int16_t kVersions[] = {3, 7, 8, 9, 11, 12};
  return kVersions[static_cast<std::size_t>(number) % std::size(kVersions)];
}

// To be tried again: the disk is dying, or the topic was not made yet when the request was sent.
bool is_trouble(std::int16_t error, bool topic_was_made) {
  if (error == kafka_error_code(ErrorCode::unknown_topic_or_partition)) return !topic_was_made;
  return error == kafka_error_code(ErrorCode::outcome_unknown) ||
         error == kafka_error_code(ErrorCode::stopping);
}

struct SentRequest {
  std::int32_t correlation;
  std::int16_t version;
  bool topic_was_made;
};

// What was sent and not answered yet is sent (again) in order, a few at a time; answers come in
// order. Ends when the connection does, when an answer says that the broker is in trouble, or when
// there is nothing to do.
Task<void> produce_on(Lifetime* life, Producer* me, WireClient* client) {
  SimRandom& random = life->sim.runtime().random();
  std::deque<SentRequest> sent;
  std::int32_t correlation = 0;
  while (!life->over()) {
    while (sent.size() < kInFlight) {
      if (sent.size() == me->unanswered.size()) {
        if (life->ending) break;
        const auto count = static_cast<std::int64_t>(1 + random.below(3));
        me->unanswered.push_back({me->next_value, count});
        me->next_value += count;
      }
      const SentBatch& batch = me->unanswered[sent.size()];
      const std::int16_t version = produce_version(batch.first);
      sent.push_back({++correlation, version, life->ledger.topics.contains(kTopic)});
      auto written = co_await client->send(
          encode_request(correlation, "crash", produce_request(*me, batch), version));
      if (!written) co_return;
      if (random.percent(30)) break;
    }
    if (sent.empty()) co_return;
    if (random.percent(2)) life->sim.runtime().break_connection(client->socket());
    auto frame = co_await client->receive();
    if (!frame) co_return;
    const auto [expected, version, topic_was_made] = sent.front();
    sent.pop_front();
    auto response = WireClient::read_answer<ProduceResponse>(*frame, expected, version);
    if (!response || response->responses.size() != 1 ||
        response->responses[0].partition_responses.size() != 1) {
      life->ledger.fault(fmt::format("{}: not the answer of its request", me->name));
      co_return;
    }
    const ProduceResponse::Partition& answer = response->responses[0].partition_responses[0];
    if (is_trouble(answer.error_code, topic_was_made)) co_return;
    if (answer.error_code != 0) {
      life->ledger.fault(fmt::format("{} value {}: error {}", me->name,
                                     me->unanswered.front().first, answer.error_code));
      life->dead = true;
      co_return;
    }
    life->ledger.promise(*me, answer.base_offset, me->unanswered.front());
    me->unanswered.pop_front();
    ++me->answered;
  }
}

Task<bool> take_producer_id(Lifetime* life, Producer* me, WireClient* client) {
  auto response = co_await client->call<InitProducerIdResponse>(InitProducerIdRequest{}, 4);
  if (!response || response->error_code != 0) co_return false;
  if (!life->ledger.producer_ids.insert(response->producer_id).second) {
    life->ledger.fault(fmt::format("producer id {} was given twice", response->producer_id));
  }
  me->id = response->producer_id;
  co_return true;
}

Task<void> run_producer(Lifetime* life, Producer* me) {
  while (!life->over() && !(life->ending && me->unanswered.empty())) {
    auto client = connect(*life);
    if (client) {
      bool ready = !me->idempotent || me->id >= 0;
      if (!ready) ready = co_await take_producer_id(life, me, &*client);
      if (ready) co_await produce_on(life, me, &*client);
      client->close();
    }
    co_await sleep_for(life->client_core(), 1ms);
  }
  --life->clients;
}

Task<void> run_committer(Lifetime* life) {
  Ledger& ledger = life->ledger;
  while (!life->over() && !life->ending) {
    auto client = connect(*life);
    while (client && !life->over() && !life->ending) {
      OffsetCommitRequest request;
      request.group_id = kGroup;
      OffsetCommitRequest::Topic& topic = request.topics.emplace_back();
      topic.name = kTopic;
      const std::int64_t offset = ++ledger.commit_attempted;
      const bool topic_was_made = ledger.topics.contains(kTopic);
      topic.partitions.push_back({.partition_index = 0, .committed_offset = offset});
      auto response = co_await client->call<OffsetCommitResponse>(std::move(request), 8);
      if (!response) break;
      const std::int16_t error = response->topics.at(0).partitions.at(0).error_code;
      if (error == 0) {
        ledger.commit_promised = offset;
      } else if (is_trouble(error, topic_was_made)) {
        break;
      } else {
        ledger.fault(fmt::format("commit of offset {}: error {}", offset, error));
        break;
      }
    }
    if (client) client->close();
    co_await sleep_for(life->client_core(), 1ms);
  }
  --life->clients;
}

// Topics made while everything else goes on, up to a few.
Task<void> run_creator(Lifetime* life) {
  Ledger& ledger = life->ledger;
  while (!life->over() && !life->ending) {
    auto client = connect(*life);
    while (client && !life->over() && !life->ending && ledger.topics.size() < 20) {
      const std::size_t number = ledger.topics.size();
      CreateTopicsRequest request;
      CreateTopicsRequest::Topic& topic = request.topics.emplace_back();
      topic.name = number == 0 ? kTopic : fmt::format("topic-{}", number);
      topic.num_partitions = number == 0 ? kPartitions : 1 + static_cast<int>(number % 4);
      topic.replication_factor = 1;
      const std::string name = topic.name;
      const std::int32_t partitions = topic.num_partitions;
      auto response = co_await client->call<CreateTopicsResponse>(std::move(request), 5);
      if (!response) break;
      const std::int16_t error = response->topics.at(0).error_code;
      // Decided before the power went: then its creation was durable, though not answered.
      if (error != 0 && error != kafka_error_code(ErrorCode::topic_already_exists)) break;
      ledger.topics[name] = partitions;
    }
    if (client) client->close();
    if (ledger.topics.size() >= 20) break;
    co_await sleep_for(life->client_core(), 1ms);
  }
  --life->clients;
}

// Everything of one partition, over the protocol. Nothing when a request failed.
Task<std::optional<std::vector<std::string>>> read_partition(Ledger* ledger, WireClient* client,
                                                             std::int32_t partition) {
  std::vector<std::string> values;
  for (;;) {
    FetchRequest request;
    request.max_wait_ms = 0;
    request.max_bytes = 1 << 20;
    FetchRequest::Topic& topic = request.topics.emplace_back();
    topic.topic = kTopic;
    topic.partitions.push_back({.partition = partition,
                                .fetch_offset = static_cast<std::int64_t>(values.size()),
                                .partition_max_bytes = 4096});
    auto response = co_await client->call<FetchResponse>(std::move(request), 11);
    if (!response || response->responses.empty()) co_return std::nullopt;
    const FetchResponse::Partition& answer = response->responses[0].partitions.at(0);
    if (answer.error_code != 0) {
      ledger->fault(fmt::format("fetch of partition {} from {}: error {}", partition, values.size(),
                                answer.error_code));
      co_return std::nullopt;
    }
    const Bytes batches = answer.records.value_or(ByteChain{}).flatten();
    if (batches.empty()) {
      if (answer.high_watermark != static_cast<std::int64_t>(values.size())) {
        ledger->fault(fmt::format("partition {}: nothing at {}, high watermark {}", partition,
                                  values.size(), answer.high_watermark));
      }
      co_return values;
    }
    ByteView rest = batches.view();
    while (!rest.empty()) {
      auto header = read_batch_header(rest);
      if (!header || !checksum_matches(rest.first(header->size))) {
        ledger->fault(
            fmt::format("partition {}: a damaged batch near {}", partition, values.size()));
        co_return std::nullopt;
      }
      RecordReader reader(rest.first(header->size), BatchLimits{});
      while (auto record = reader.next()) {
        const auto offset = static_cast<std::size_t>(record->offset.value());
        if (offset < values.size()) continue;  // before what was asked for
        if (offset != values.size()) {
          ledger->fault(fmt::format("partition {}: offset {} after {} values", partition, offset,
                                    values.size()));
          co_return std::nullopt;
        }
        values.emplace_back(as_text(record->value.value_or(ByteView{})));
      }
      rest = rest.subspan(header->size);
    }
  }
}

Task<bool> check_topics(Ledger* ledger, WireClient* client) {
  auto response = co_await client->call<MetadataResponse>(all_topics(), 8);
  if (!response) co_return false;
  std::map<std::string, std::int32_t> found;
  for (const MetadataResponse::Topic& topic : response->topics) {
    found[topic.name.value_or("")] = static_cast<std::int32_t>(topic.partitions.size());
    for (const auto& partition : topic.partitions) {
      if (partition.leader_epoch < ledger->newest_epoch) ledger->fault("the epoch went back");
      ledger->newest_epoch = partition.leader_epoch;
    }
  }
  for (const auto& [name, partitions] : ledger->topics) {
    if (found[name] != partitions) {
      ledger->fault(
          fmt::format("topic {} has {} partitions, {} were made", name, found[name], partitions));
    }
  }
  co_return true;
}

Task<bool> check_commits(Ledger* ledger, WireClient* client) {
  OffsetFetchRequest request;
  request.group_id = kGroup;
  request.topics.emplace().push_back({.name = kTopic, .partition_indexes = {0}});
  auto response = co_await client->call<OffsetFetchResponse>(std::move(request), 5);
  if (!response) co_return false;
  const auto& answer = response->topics.at(0).partitions.at(0);
  if (response->error_code != 0 || answer.error_code != 0 ||
      answer.committed_offset < ledger->commit_promised ||
      answer.committed_offset > ledger->commit_attempted) {
    ledger->fault(fmt::format("the group has committed {}, answered were {}, sent {}; errors {} {}",
                              answer.committed_offset, ledger->commit_promised,
                              ledger->commit_attempted, response->error_code, answer.error_code));
  }
  // What is read now is promised: a later crash must not take it back.
  ledger->commit_promised = answer.committed_offset;
  co_return true;
}

// True when everything could be asked; the faults are in the ledger.
Task<bool> check_everything(Lifetime* life) {
  auto client = connect(*life);
  if (!client) co_return false;
  Ledger* ledger = &life->ledger;
  bool asked = co_await check_topics(ledger, &*client);
  if (asked && ledger->topics.contains(kTopic)) {
    for (std::int32_t partition = 0; asked && partition < kPartitions; ++partition) {
      auto values = co_await read_partition(ledger, &*client, partition);
      asked = values.has_value();
      if (values) ledger->check_partition(partition, *values);
    }
    if (asked) asked = co_await check_commits(ledger, &*client);
  }
  client->close();
  co_return asked;
}

Task<void> listen(Lifetime* life) {
  auto listening = life->server->listen("127.0.0.1", kPort, {});
  ASSERT(listening.has_value());
  life->listening = true;
  co_return;
}

class Scenario {
 public:
  explicit Scenario(std::uint64_t seed) : seed_(seed), random_(seed), disk_(seed) {
    disk_.make_durable_directory(kSimDirectory);
    const std::uint64_t producers = 2 + random_.below(4);
    for (std::uint64_t i = 0; i < producers; ++i) {
      Producer& producer = ledger_.producers.emplace_back();
      producer.idempotent = i % 2 == 0;
      producer.name = producer.idempotent ? fmt::format("exact{}", i) : fmt::format("plain{}", i);
      producer.partition = static_cast<std::int32_t>(random_.below(kPartitions));
      if (!producer.idempotent && random_.percent(40)) producer.acks = 1;
    }
  }

  void run() {
    const std::uint64_t crashes = 1 + random_.below(3);
    for (std::uint64_t i = 0; i < crashes && ledger_.clean(); ++i) run_to_crash();
    if (ledger_.clean()) run_to_stop();
  }

  const Ledger& ledger() const { return ledger_; }
  std::uint64_t trace_hash() const { return trace_hash_; }
  std::int64_t answered() const {
    std::int64_t sum = 0;
    for (const Producer& producer : ledger_.producers) sum += producer.answered;
    return sum;
  }

 private:
  SimOptions next_options() {
    ++lifetimes_;
    return {.seed = seed_ * 16 + lifetimes_, .cores = 1 + random_.below(3)};
  }

  void add_trace(const Lifetime& life) {
    auto& runtime = const_cast<Lifetime&>(life).sim.runtime();
    trace_hash_ = (trace_hash_ ^ runtime.trace_hash()) * 0x100000001b3u + runtime.steps();
  }

  bool serve(Lifetime& life) {
    auto started = life.sim.start();
    if (!started) {
      if (!disk_.crashed()) {
        ledger_.fault(fmt::format("start {}: {}", lifetimes_, started.error().message()));
      }
      return false;
    }
    life.server = std::make_unique<KafkaServer>(life.sim.runtime(), life.sim.broker());
    post(life, life.sim.runtime().core(CoreId(0)), listen(&life));
    return life.sim.runtime().run_until([&] { return life.listening; }, 1s);
  }

  static void post(Lifetime&, Core& core, Task<void> task) {
    core.post([&core, task = std::move(task)]() mutable { core.spawn("client", std::move(task)); });
  }

  void start_clients(Lifetime& life) {
    life.clients = ledger_.producers.size() + 2;
    for (Producer& producer : ledger_.producers) {
      post(life, life.client_core(), run_producer(&life, &producer));
    }
    post(life, life.client_core(), run_committer(&life));
    post(life, life.client_core(), run_creator(&life));
  }

  // Reads everything back; the disk may crash meanwhile, and then nobody can say.
  bool check(Lifetime& life) {
    std::optional<bool> asked;
    post(life, life.client_core(), tell(check_everything(&life), &asked));
    life.sim.runtime().run_until([&] { return asked.has_value() || disk_.crashed(); }, 10min);
    if (asked == true) return true;
    if (!disk_.crashed()) ledger_.fault("the broker did not answer after its restart");
    return false;
  }
  static Task<void> tell(Task<bool> task, std::optional<bool>* value) { *value = co_await task; }

  void run_to_crash() {
    ScopedLeakCheckOff crashed_brokers_leak;
    auto* life = new Lifetime(next_options(), disk_, ledger_);
    // Early ones hit the start itself, late ones checkpoints and recycled files.
    disk_.crash_at_operation(1 + random_.below(random_.percent(30) ? 25 : 350));
    if (serve(*life) && check(*life)) {
      start_clients(*life);
      life->sim.runtime().run_until([&] { return disk_.crashed() || !ledger_.clean(); }, 30s);
      // A broker that lives on for a moment on its dead disk must not promise anything.
      if (random_.percent(50)) life->sim.runtime().run_for(20ms);
    }
    add_trace(*life);
    life->dead = true;
    life->sim.abandon();
    [[maybe_unused]] KafkaServer* server = life->server.release();
    constexpr CrashKeeps kModes[] = {CrashKeeps::nothing, CrashKeeps::everything, CrashKeeps::some};
    const CrashKeeps keeps = kModes[random_.below(3)];
    if (keeps != CrashKeeps::everything) ledger_.forget_written();
    disk_.crash(keeps);
  }

  void run_to_stop() {
    Lifetime life(next_options(), disk_, ledger_);
    if (!serve(life)) return;
    SimRuntime& runtime = life.sim.runtime();
    bool going = check(life);
    if (going) {
      start_clients(life);
      const std::int64_t goal = answered() + 20;
      auto finished = [&] {
        return (answered() >= goal && ledger_.topics.contains(kTopic)) || !ledger_.clean();
      };
      if (!runtime.run_until(finished, 1min)) ledger_.fault("the producers got no answers");
      life.ending = true;
      if (!runtime.run_until([&] { return life.clients == 0 || life.dead; }, 1min)) {
        ledger_.fault("what was in flight was never answered");
      }
      check(life);
    }
    life.dead = true;
    runtime.run_until([&] { return life.clients == 0; }, 1min);
    life.sim.run(stop_server(&life));
    life.sim.close();
    life.server.reset();
    add_trace(life);
    for (const Producer& producer : ledger_.producers) {
      if (ledger_.clean() && !producer.unanswered.empty()) {
        ledger_.fault(fmt::format("{} has unanswered batches", producer.name));
      }
    }
  }

  static Task<void> stop_server(Lifetime* life) {
    life->server->stop_listening();
    co_await life->sim.broker().stop();
    co_await life->server->close_sessions();
  }

  const std::uint64_t seed_;
  SimRandom random_;
  SimDisk disk_;
  Ledger ledger_;
  std::uint64_t lifetimes_ = 0;
  std::uint64_t trace_hash_ = 0;
};

class CrashTest : public testing::Test {
 protected:
  CrashTest() { set_log_level(LogLevel::error); }
  ~CrashTest() override { set_log_level(LogLevel::info); }

  // MILLRACE_SEED=n runs that history alone.
  static std::optional<std::uint64_t> only_seed() {
    const char* text = std::getenv("MILLRACE_SEED");  // NOLINT(concurrency-mt-unsafe): one thread
    if (!text) return std::nullopt;
    return std::strtoull(text, nullptr, 10);
  }
};

TEST_F(CrashTest, EverythingAnsweredSurvivesPowerCuts) {
  std::uint64_t first = 1;
  std::uint64_t last = 220;
  if (auto only = only_seed()) first = last = *only;
  std::int64_t answered = 0;
  std::size_t promises = 0;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    Scenario scenario(seed);
    scenario.run();
    answered += scenario.answered();
    promises += scenario.ledger().promises();
    ASSERT_TRUE(scenario.ledger().clean())
        << "MILLRACE_SEED=" << seed << scenario.ledger().faults();
  }
  // That the scenarios do something is part of what they show.
  EXPECT_GT(answered, static_cast<std::int64_t>(20 * (last - first)));
  EXPECT_GT(promises, 20 * (last - first));
}

TEST_F(CrashTest, OneSeedIsOneHistory) {
  for (std::uint64_t seed : {3, 17, 42, 1001}) {
    Scenario first(seed);
    first.run();
    Scenario second(seed);
    second.run();
    EXPECT_EQ(first.trace_hash(), second.trace_hash()) << "seed " << seed;
    EXPECT_EQ(first.answered(), second.answered()) << "seed " << seed;
  }
}

// The checker itself: a promise that is not kept, a value written twice, one that nobody sent.
TEST_F(CrashTest, TheLedgerSeesWhatIsWrong) {
  auto faults_of = [](std::vector<std::string> values) {
    Ledger ledger;
    Producer& exact = ledger.producers.emplace_back();
    exact.name = "exact0";
    exact.idempotent = true;
    exact.next_value = 3;
    ledger.promise(exact, 0, {0, 2});
    ledger.check_partition(0, values);
    return ledger.faults();
  };
  EXPECT_EQ(faults_of({"exact0-0", "exact0-1", "exact0-2"}), "");
  EXPECT_NE(faults_of({"exact0-0"}).find("the log ends at 1"), std::string::npos);
  EXPECT_NE(faults_of({"exact0-0", "exact0-2"}).find("there is 'exact0-2'"), std::string::npos);
  EXPECT_NE(faults_of({"exact0-0", "exact0-1", "exact0-1"}).find("the next of its producer is 2"),
            std::string::npos);
  EXPECT_NE(faults_of({"exact0-0", "exact0-1", "other-0"}).find("nobody sent"), std::string::npos);
}

}  // namespace
}  // namespace millrace::kafka::test
