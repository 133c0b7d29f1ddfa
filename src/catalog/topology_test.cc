#include "catalog/topology.h"

#include <gtest/gtest.h>

#include "catalog/catalog_machine.h"

namespace millrace {
namespace {

// The machine as its host runs it: decided events are applied at once.
class TopologyTest : public testing::Test {
 protected:
  TopologyReply run(CatalogMachine::TopologyCommand command) {
    auto outcome = machine_.decide({}, RequestId(1), CatalogMachine::Command(std::move(command)));
    for (const Event& event : outcome.events) {
      machine_.apply(WallMs(0), event);
      events_.push_back(event);
    }
    EXPECT_EQ(outcome.replies.size(), 1u);
    return std::get<TopologyReply>(outcome.replies.at(0).second);
  }
  TopologyReply declare(const std::string& queue, ValueTable arguments = {}) {
    return run(queue_command(queue, std::move(arguments)));
  }
  DeclareQueue queue_command(const std::string& queue, ValueTable arguments = {}) {
    DeclareQueue command;
    command.tenant = kDefaultTenant;
    command.name = queue;
    command.durable = true;
    command.owner = OwnerId(1);
    command.arguments = std::move(arguments);
    command.topic = {++topics_};
    return command;
  }
  TopologyReply exchange(const std::string& name, const std::string& type,
                         bool auto_delete = false) {
    DeclareExchange command;
    command.tenant = kDefaultTenant;
    command.name = name;
    command.type = type;
    command.durable = true;
    command.auto_delete = auto_delete;
    return run(command);
  }
  ChangeBinding binding(const std::string& source, const std::string& destination, bool to_queue,
                        const std::string& key = "") {
    ChangeBinding command;
    command.tenant = kDefaultTenant;
    command.source = source;
    command.destination = destination;
    command.to_queue = to_queue;
    command.key = key;
    return command;
  }
  std::string refusal(const TopologyReply& reply) {
    return reply.error ? std::string(error_name(reply.error->code)) : "";
  }
  const Topology& topology() { return machine_.topology(); }

  CatalogMachine machine_;
  std::vector<Event> events_;
  std::uint8_t topics_ = 0;
};

TEST_F(TopologyTest, EveryTenantHasThePredeclaredExchanges) {
  for (const char* name : {"", "amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match",
                           "amq.rabbitmq.trace"}) {
    EXPECT_TRUE(topology().find_exchange("/", name)) << name;
  }
  EXPECT_FALSE(run(CreateTenant{"other"}).error);
  auto there = topology().find_exchange("other", "amq.topic");
  ASSERT_TRUE(there);
  EXPECT_NE(there->id, topology().find_exchange("/", "amq.topic")->id);
}

TEST_F(TopologyTest, AQueueComesWithItsTopicAndGoesWithIt) {
  auto reply = declare("orders");
  ASSERT_FALSE(reply.error);
  ASSERT_EQ(reply.new_topics.size(), 1u);
  auto topic = machine_.image()->find("orders");
  ASSERT_TRUE(topic);
  EXPECT_EQ(topic->partitions.size(), 1u);
  EXPECT_EQ(topology().find_queue("/", "orders")->partition.id, topic->partitions[0].id);
  DeleteQueue deletion;
  deletion.tenant = "/";
  deletion.name = "orders";
  EXPECT_EQ(run(deletion).gone_topics.size(), 1u);
  EXPECT_FALSE(machine_.image()->find("orders"));
  EXPECT_TRUE(run(deletion).changes.empty()) << "deleting what is not there is no error";
}

TEST_F(TopologyTest, TheTopicOfAQueueIsNotForOthersToChange) {
  declare("orders");
  for (auto command : {CatalogMachine::Command(DeleteTopic{{"orders", {}}}),
                       CatalogMachine::Command(AddPartitions{{"orders", {}}, 3, false})}) {
    auto outcome = machine_.decide({}, RequestId(2), std::move(command));
    EXPECT_TRUE(outcome.events.empty());
    const auto& reply = std::get<TopicReply>(outcome.replies.at(0).second);
    ASSERT_TRUE(reply.error);
    EXPECT_EQ(reply.error->code, ErrorCode::policy_violation);
  }
}

TEST_F(TopologyTest, AQueueAndATopicCanNotShareAName) {
  auto outcome = machine_.decide({}, RequestId(1), CreateTopic{.name = "taken", .id = {9}});
  for (const Event& event : outcome.events) machine_.apply(WallMs(0), event);
  EXPECT_EQ(refusal(declare("taken")), "topic_already_exists");
}

TEST_F(TopologyTest, QueuesOfOtherTenantsAreHiddenFromTopicNames) {
  run(CreateTenant{"other"});
  DeclareQueue command = queue_command("orders");
  command.tenant = "other";
  EXPECT_FALSE(run(command).error);
  EXPECT_FALSE(machine_.image()->find("orders"));
  EXPECT_EQ(machine_.image()->by_id.size(), 1u);
  EXPECT_FALSE(declare("orders").error);
}

TEST_F(TopologyTest, DeclaringAgainMustAskForTheSame) {
  declare("q", {{"x-message-ttl", Value(std::int32_t{1000})}});
  EXPECT_TRUE(declare("q", {{"x-message-ttl", Value(std::int64_t{1000})}}).changes.empty());
  EXPECT_FALSE(declare("q", {{"x-message-ttl", Value(std::int64_t{1000})}}).error);
  auto reply = declare("q", {{"x-message-ttl", Value(std::int32_t{2000})}});
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->message(),
            "inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received '2000' but "
            "current is '1000'");
  EXPECT_EQ(refusal(declare("q")), "precondition_failed");
  DeclareQueue transient =
      queue_command("q", {{"x-message-ttl", Value(std::int32_t{1000})}, {"x-own", Value(true)}});
  EXPECT_FALSE(run(transient).error) << "what nobody knows is not compared";
  transient.durable = false;
  EXPECT_EQ(run(transient).error->message(),
            "inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current "
            "is 'true'");
}

TEST_F(TopologyTest, AnExclusiveQueueIsLockedForOthers) {
  DeclareQueue mine = queue_command("private");
  mine.exclusive = true;
  EXPECT_FALSE(run(mine).error);
  EXPECT_TRUE(run(mine).changes.empty());
  DeclareQueue theirs = mine;
  theirs.owner = OwnerId(2);
  EXPECT_EQ(refusal(run(theirs)), "resource_locked");
  ChangeBinding bind = binding("amq.fanout", "private", true);
  bind.owner = OwnerId(2);
  EXPECT_EQ(refusal(run(bind)), "resource_locked");
}

TEST_F(TopologyTest, ArgumentsAreCheckedAndWhatIsNotThereIsRefused) {
  EXPECT_EQ(refusal(declare("a", {{"x-message-ttl", Value("soon")}})), "precondition_failed");
  EXPECT_EQ(refusal(declare("a", {{"x-message-ttl", Value(std::int32_t{-1})}})),
            "precondition_failed");
  EXPECT_EQ(refusal(declare("a", {{"x-expires", Value(std::int32_t{0})}})), "precondition_failed");
  EXPECT_EQ(refusal(declare("a", {{"x-overflow", Value("drop-tail")}})), "precondition_failed");
  EXPECT_EQ(refusal(declare("a", {{"x-max-priority", Value(std::int32_t{5})}})),
            "precondition_failed");
  EXPECT_EQ(refusal(declare("a", {{"x-dead-letter-routing-key", Value("k")}})),
            "precondition_failed");
  EXPECT_EQ(refusal(declare("a", {{"x-max-length-bytes", Value(std::int32_t{300})}})),
            "precondition_failed");
  EXPECT_EQ(refusal(declare("a", {{"x-consumer-timeout", Value(std::int32_t{1000})}})),
            "precondition_failed");
  EXPECT_EQ(refusal(declare("a", {{"x-overflow", Value("reject-publish-dlx")}})),
            "precondition_failed");
  EXPECT_EQ(refusal(declare("a", {{"x-queue-type", Value("stream")}})), "unsupported_feature");
  EXPECT_FALSE(topology().find_queue("/", "a"));
  EXPECT_FALSE(declare("a", {{"x-queue-type", Value("quorum")}}).error);
  EXPECT_EQ(topology().find_queue("/", "a")->config.delivery_limit, 20);
}

TEST_F(TopologyTest, BugAQuorumQueueIsDurableAndNobodysAlone) {
  DeclareQueue transient = queue_command("a");
  transient.arguments.set("x-queue-type", Value("quorum"));
  transient.durable = false;
  EXPECT_EQ(refusal(run(transient)), "precondition_failed");
  DeclareQueue exclusive = queue_command("a");
  exclusive.arguments.set("x-queue-type", Value("quorum"));
  exclusive.exclusive = true;
  EXPECT_EQ(refusal(run(exclusive)), "precondition_failed");
  EXPECT_FALSE(topology().find_queue("/", "a"));
}

TEST_F(TopologyTest, ReservedNamesAndKindsAreRefused) {
  EXPECT_EQ(refusal(declare("amq.mine")), "access_refused");
  DeclareQueue generated = queue_command("amq.gen-xyz");
  generated.is_generated = true;
  EXPECT_FALSE(run(generated).error);
  EXPECT_FALSE(declare("amq.gen-xyz").error) << "it is there by now";
  EXPECT_EQ(refusal(exchange("amq.mine", "direct")), "access_refused");
  EXPECT_FALSE(exchange("amq.direct", "direct").error);
  EXPECT_EQ(refusal(exchange("x", "x-random")), "command_invalid");
  EXPECT_EQ(refusal(run(DeleteExchange{"/", "", false})), "access_refused");
  EXPECT_EQ(refusal(run(binding("", "q", true))), "access_refused");
}

TEST_F(TopologyTest, BindingsAreASet) {
  declare("q");
  exchange("logs", "topic");
  EXPECT_EQ(run(binding("logs", "q", true, "a.*")).changes.size(), 1u);
  EXPECT_EQ(run(binding("logs", "q", true, "a.*")).changes.size(), 0u);
  EXPECT_EQ(run(binding("logs", "q", true, "b.*")).changes.size(), 1u);
  EXPECT_EQ(topology().bindings_to(topology().find_queue("/", "q")->id).size(), 2u);
  ChangeBinding unbind = binding("logs", "q", true, "a.*");
  unbind.remove = true;
  EXPECT_EQ(run(unbind).changes.size(), 1u);
  EXPECT_EQ(run(unbind).changes.size(), 0u);
  EXPECT_EQ(topology().bindings_from(topology().find_exchange("/", "logs")->id).size(), 1u);
  EXPECT_EQ(refusal(run(binding("none", "q", true))), "not_found");
  EXPECT_EQ(refusal(run(binding("logs", "none", true))), "not_found");
}

// As the routers of the cores see them, which are told the changes.
TEST_F(TopologyTest, ArgumentsOfABindingCountByWhatTheySay) {
  declare("q");
  exchange("reports", "headers");
  ChangeBinding first = binding("reports", "q", true);
  first.arguments = {{"size", Value(std::int32_t{1})}, {"kind", Value("pdf")}};
  ChangeBinding again = first;
  again.arguments = {{"kind", Value("pdf")}, {"size", Value(std::int64_t{1})}};
  EXPECT_EQ(run(first).changes.size(), 1u);
  EXPECT_EQ(run(again).changes.size(), 0u);
  again.remove = true;
  EXPECT_EQ(run(again).changes.size(), 1u);
  EXPECT_TRUE(topology().bindings_from(topology().find_exchange("/", "reports")->id).empty());
}

TEST_F(TopologyTest, AnAutoDeleteExchangeGoesWithItsLastBinding) {
  declare("q");
  exchange("first", "fanout", true);
  exchange("second", "fanout", true);
  exchange("kept", "fanout", true);
  run(binding("first", "second", false));
  run(binding("second", "q", true));
  run(binding("kept", "q", true, "1"));
  run(binding("kept", "amq.fanout", false));
  EXPECT_EQ(refusal(run(DeleteExchange{"/", "first", true})), "precondition_failed");
  DeleteQueue deletion;
  deletion.tenant = "/";
  deletion.name = "q";
  EXPECT_EQ(run(deletion).changes.size(), 3u);
  EXPECT_FALSE(topology().find_exchange("/", "second"));
  EXPECT_FALSE(topology().find_exchange("/", "first")) << "its last binding was to 'second'";
  EXPECT_TRUE(topology().find_exchange("/", "kept"));
}

TEST_F(TopologyTest, ExchangesThatAreBoundToEachOtherGoTogether) {
  exchange("a", "fanout", true);
  exchange("b", "fanout", true);
  run(binding("a", "b", false));
  run(binding("b", "a", false));
  EXPECT_EQ(run(DeleteExchange{"/", "a", false}).changes.size(), 2u);
  EXPECT_FALSE(topology().find_exchange("/", "b"));
}

TEST_F(TopologyTest, ReplayAndSnapshotGiveTheSame) {
  run(CreateTenant{"other"});
  declare("q", {{"x-dead-letter-exchange", Value("dead")}});
  declare("gone");
  exchange("logs", "headers");
  ChangeBinding bind = binding("logs", "q", true, "k");
  bind.arguments = {{"x-match", Value("all")}, {"n", Value(std::int32_t{1})}};
  run(bind);
  run(DeleteQueue{.tenant = "/", .name = "gone"});
  FieldWriter live;
  machine_.snapshot(live);

  CatalogMachine replayed;
  for (const Event& event : events_) replayed.apply(WallMs(0), event);
  FieldWriter from_events;
  replayed.snapshot(from_events);
  EXPECT_EQ(as_text(live.view()), as_text(from_events.view()));

  CatalogMachine restored;
  ASSERT_TRUE(restored.restore(live.view()));
  FieldWriter from_snapshot;
  restored.snapshot(from_snapshot);
  EXPECT_EQ(as_text(live.view()), as_text(from_snapshot.view()));
  EXPECT_EQ(restored.topology().next_id(), machine_.topology().next_id());
  EXPECT_EQ(restored.topology().find_queue("/", "q")->config.dead_letter_exchange, "dead");
}

}  // namespace
}  // namespace millrace
