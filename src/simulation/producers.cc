#include "simulation/producers.h"

#include <fmt/format.h>

#include <deque>
#include <iterator>
#include <string>
#include <utility>

#include "protocols/kafka/wire/gen/messages.h"
#include "record/batch.h"

namespace millrace::simulation {
namespace {

using namespace std::chrono_literals;
using kafka::InitProducerIdRequest;
using kafka::InitProducerIdResponse;
using kafka::ProduceRequest;
using kafka::ProduceResponse;

constexpr std::size_t kInFlight = 3;
constexpr WallMs kRecordTime{1'700'000'000'000};

struct SentRequest {
  std::int32_t number;
  std::int16_t version;
  std::string topic_id;  // of the incarnation that was there; empty: none
};

Bytes batch_of(const Producer& producer, const SentBatch& sent) {
  BatchBuilder builder;
  if (producer.delivery == Delivery::exactly_once) {
    builder.producer(ProducerId(producer.id), ProducerEpoch(0),
                     static_cast<std::int32_t>(sent.first));
  }
  for (std::int64_t i = 0; i < sent.count; ++i) {
    builder.add(kRecordTime, std::nullopt, as_bytes(producer.value(sent.first + i)));
  }
  return builder.build();
}

std::int16_t acks_of(Delivery delivery) {
  if (delivery == Delivery::on_write) return 1;
  return delivery == Delivery::unacknowledged ? 0 : -1;
}

ProduceRequest produce_request(const Producer& producer, const SentBatch& sent) {
  ProduceRequest request;
  request.acks = acks_of(producer.delivery);
  request.timeout_ms = 30000;
  ProduceRequest::Topic& topic = request.topic_data.emplace_back();
  topic.name = producer.topic;
  topic.partition_data.push_back(
      {.index = producer.partition, .records = batch_of(producer, sent)});
  return request;
}

// Every version of Produce is spoken by some batch.
std::int16_t produce_version(std::int64_t number) {
  constexpr std::int16_t kVersions[] = {3, 7, 8, 9, 11, 12};
  return kVersions[static_cast<std::size_t>(number) % std::size(kVersions)];
}

// What is sent next: the first that was not sent on this connection, or a new batch.
SentBatch& next_batch(Life& life, Producer& me, std::size_t sent) {
  if (sent == me.unanswered.size()) {
    const auto count = static_cast<std::int64_t>(1 + life.random().below(3));
    me.unanswered.push_back({me.next_value, count});
    me.next_value += count;
  }
  return me.unanswered[sent];
}

// False: this connection is done with.
Task<bool> send_some(Life* life, Producer* me, Client* client, std::deque<SentRequest>* sent) {
  // Alone until one is durable: of a producer that nothing is known of any sequence is taken
  // (KIP-360).
  const std::size_t in_flight = me->answered == 0 ? 1 : kInFlight;
  while (sent->size() < in_flight) {
    if (sent->size() == me->unanswered.size() && life->ending) break;
    const SentBatch batch = next_batch(*life, *me, sent->size());
    const std::int16_t version = produce_version(batch.first);
    const TopicFacts* topic = life->ledger.alive(me->topic);
    std::string topic_id = topic ? topic->id : "";
    auto number = co_await client->send(produce_request(*me, batch), version);
    if (!number) co_return false;
    if (me->delivery == Delivery::unacknowledged) {
      me->unanswered.clear();
      break;
    }
    sent->push_back({*number, version, std::move(topic_id)});
    if (life->random().percent(30)) break;
  }
  co_return true;
}

// False: this connection is done with.
bool take_answer(Life& life, Producer& me, const SentRequest& sent,
                 const ProduceResponse& response) {
  Ledger& ledger = life.ledger;
  if (response.responses.size() != 1 || response.responses[0].partition_responses.size() != 1) {
    ledger.fault(fmt::format("{}: not the answer of its request", me.name));
    return false;
  }
  const ProduceResponse::Partition& answer = response.responses[0].partition_responses[0];
  // Between its making and its deletion a topic takes everything; before and after it may refuse.
  TopicFacts* topic = ledger.alive(me.topic);
  const bool same = topic && topic->id == sent.topic_id;
  if (is_trouble(answer.error_code)) return false;
  if (is(answer.error_code, ErrorCode::unknown_topic_or_partition) && !same) return false;
  if (answer.error_code != 0) {
    ledger.fault(fmt::format("{} value {}: error {}", me.name, me.unanswered.front().first,
                             answer.error_code));
    return false;
  }
  ledger.promise(same ? topic : nullptr, me, answer.base_offset, me.unanswered.front());
  me.unanswered.pop_front();
  return true;
}

Task<void> produce_on(Life* life, Producer* me, Client* client) {
  std::deque<SentRequest> sent;
  while (!life->over()) {
    if (!co_await send_some(life, me, client, &sent)) co_return;
    if (sent.empty()) {
      if (life->ending) co_return;
      // Without answers nothing else holds it back.
      co_await sleep_for(life->client_core(), 2ms);
      continue;
    }
    const SentRequest first = sent.front();
    sent.pop_front();
    auto response = co_await client->answer<ProduceResponse>(first.number, first.version);
    if (!response || life->over()) co_return;
    if (!take_answer(*life, *me, first, *response)) co_return;
    if (life->random().percent(60)) {
      co_await sleep_for(life->client_core(), Duration(life->random().below(20'000'000)));
    }
  }
}

Task<bool> take_producer_id(Life* life, Producer* me, Client* client) {
  if (me->delivery != Delivery::exactly_once || me->id >= 0) co_return true;
  auto response = co_await client->call<InitProducerIdResponse>(InitProducerIdRequest{}, 4);
  if (!response || response->error_code != 0) co_return false;
  if (!life->ledger.producer_ids.insert(response->producer_id).second) {
    life->ledger.fault(fmt::format("producer id {} was given twice", response->producer_id));
  }
  me->id = response->producer_id;
  co_return true;
}

}  // namespace

Task<void> run_producer(Life* life, Producer* me) {
  ++life->producers;
  if (!me->sends_again()) me->unanswered.clear();  // of a life before
  while (!life->over() && !(life->ending && me->unanswered.empty())) {
    auto client = Client::connect(*life);
    if (!me->sends_again()) me->connections.push_back(me->next_value);
    if (client && co_await take_producer_id(life, me, client.get())) {
      co_await produce_on(life, me, client.get());
      if (!me->sends_again()) me->unanswered.clear();
    }
    client.reset();
    co_await sleep_for(life->client_core(), 1ms);
  }
  --life->producers;
}

}  // namespace millrace::simulation
