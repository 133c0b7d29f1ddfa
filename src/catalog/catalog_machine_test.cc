#include "catalog/catalog_machine.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "catalog/ids.h"

namespace millrace {
namespace {

constexpr MachineContext kContext{WallMs(1000), MonotonicTime(0), 0};

TopicId id_of(std::uint8_t number) {
  TopicId id{};
  id[0] = number;
  return id;
}

// Decides and applies, as the host does.
CatalogMachine::Reply run(CatalogMachine& machine, CatalogMachine::Command command,
                          std::vector<Event>* log = nullptr) {
  auto outcome = machine.decide(kContext, RequestId(1), std::move(command));
  EXPECT_EQ(outcome.replies.size(), 1u);
  for (const Event& event : outcome.events) {
    machine.apply(kContext.time, event);
    if (log) log->push_back(event);
  }
  return std::move(outcome.replies.front().second);
}

TopicReply create(CatalogMachine& machine, CreateTopic command, std::vector<Event>* log = nullptr) {
  static std::uint8_t next_id = 0;
  if (command.id == TopicId{}) command.id = id_of(++next_id);
  return std::get<TopicReply>(run(machine, std::move(command), log));
}

std::int64_t reserve(CatalogMachine& machine, std::int64_t count,
                     std::vector<Event>* log = nullptr) {
  return std::get<ProducerIdsReply>(run(machine, ReserveProducerIds{count}, log)).first.value();
}

std::vector<std::uint8_t> state_of(const CatalogMachine& machine) {
  FieldWriter out;
  machine.snapshot(out);
  return out.take();
}

void expect_error(const TopicReply& reply, ErrorCode code) {
  ASSERT_TRUE(reply.error.has_value());
  EXPECT_EQ(error_name(reply.error->code), error_name(code));
}

TEST(CatalogMachineTest, ACreatedTopicIsInTheImage) {
  CatalogMachine machine;
  TopicReply reply = create(machine, {.name = "orders", .partitions = 3, .id = id_of(9)});
  EXPECT_FALSE(reply.error.has_value());
  ASSERT_TRUE(reply.topic);
  auto topic = machine.image()->find("orders");
  ASSERT_TRUE(topic);
  EXPECT_EQ(topic->partitions.size(), 3u);
  EXPECT_EQ(topic->id, id_of(9));
  EXPECT_EQ(machine.image()->find(id_of(9)), topic);
  EXPECT_EQ(machine.image()->find("other"), nullptr);
  // What the reply describes is what was made.
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(reply.topic->partitions[i].id, topic->partitions[i].id);
    EXPECT_EQ(reply.topic->partitions[i].shard, topic->partitions[i].shard);
  }
}

TEST(CatalogMachineTest, AnImageIsNotChangedByWhatComesLater) {
  CatalogMachine machine;
  create(machine, {.name = "a"});
  auto before = machine.image();
  EXPECT_EQ(machine.image(), before);
  create(machine, {.name = "b"});
  EXPECT_EQ(before->find("b"), nullptr);
  EXPECT_TRUE(machine.image()->find("b"));
}

TEST(CatalogMachineTest, APartitionIdIsGivenOnce) {
  CatalogMachine machine;
  std::set<PartitionId> ids;
  for (const char* name : {"a", "b", "c"}) {
    TopicReply reply = create(machine, {.name = name, .partitions = 5});
    for (const PartitionInfo& partition : reply.topic->partitions) {
      EXPECT_TRUE(ids.insert(partition.id).second);
      EXPECT_GE(partition.id, kFirstUserPartition);
      EXPECT_LT(partition.shard.value(), kShardCount);
    }
  }
  EXPECT_EQ(ids.size(), 15u);
}

TEST(CatalogMachineTest, AnExistingTopicIsRefusedAndGiven) {
  CatalogMachine machine;
  create(machine, {.name = "orders", .partitions = 3});
  TopicReply again = create(machine, {.name = "orders", .partitions = 7});
  expect_error(again, ErrorCode::topic_already_exists);
  ASSERT_TRUE(again.topic);
  EXPECT_EQ(again.topic->partitions.size(), 3u);
}

TEST(CatalogMachineTest, ARefusalChangesNothing) {
  CatalogMachine machine;
  create(machine, {.name = "orders", .partitions = 3});
  const auto before = state_of(machine);
  create(machine, {.name = "orders"});
  create(machine, {.name = "bad name"});
  create(machine, {.name = "none", .partitions = 0});
  create(machine, {.name = "config", .config = {{"nope", "1"}}});
  EXPECT_EQ(state_of(machine), before);
}

TEST(CatalogMachineTest, TopicNames) {
  for (const char* name : {"a", "A.b_c-9", "...", "_", "__consumer_offsets"}) {
    EXPECT_TRUE(valid_topic_name(name)) << name;
  }
  EXPECT_TRUE(valid_topic_name(std::string(249, 'x')));
  for (const char* name : {"", ".", "..", "a b", "a/b", "a\n", "\xc3\xa4", "a:b", "a*"}) {
    EXPECT_FALSE(valid_topic_name(name)) << name;
  }
  EXPECT_FALSE(valid_topic_name(std::string(250, 'x')));
  EXPECT_FALSE(valid_topic_name(std::string_view("a\0b", 3)));
  CatalogMachine machine;
  expect_error(create(machine, {.name = ".."}), ErrorCode::invalid_topic_name);
}

TEST(CatalogMachineTest, PartitionCounts) {
  CatalogMachine machine;
  for (std::int32_t count : {0, -1, -5, 10001, std::numeric_limits<std::int32_t>::max()}) {
    expect_error(create(machine, {.name = "t", .partitions = count}),
                 ErrorCode::invalid_partitions);
  }
  EXPECT_EQ(create(machine, {.name = "t", .partitions = 10000}).topic->partitions.size(), 10000u);
}

TEST(CatalogMachineTest, ConfigsAreParsedAndKept) {
  CatalogMachine machine;
  TopicReply reply = create(
      machine, {.name = "t", .config = {{"max.message.bytes", "1234"}, {"durability", "relaxed"}}});
  ASSERT_FALSE(reply.error.has_value());
  auto topic = machine.image()->find("t");
  EXPECT_EQ(topic->config.max_message_bytes, 1234u);
  EXPECT_TRUE(topic->config.relaxed_durability);
  EXPECT_EQ(topic->config_text.at("max.message.bytes"), "1234");
  expect_error(create(machine, {.name = "u", .config = {{"max.message.bytes", "x"}}}),
               ErrorCode::invalid_config);
}

TEST(CatalogMachineTest, ValidateOnlySaysWhatWouldBe) {
  CatalogMachine machine;
  const auto before = state_of(machine);
  TopicReply reply = create(machine, {.name = "t", .partitions = 4, .validate_only = true});
  EXPECT_FALSE(reply.error.has_value());
  EXPECT_EQ(reply.topic->partitions.size(), 4u);
  EXPECT_EQ(state_of(machine), before);
  EXPECT_EQ(machine.image()->find("t"), nullptr);
  expect_error(create(machine, {.name = "t", .partitions = 0, .validate_only = true}),
               ErrorCode::invalid_partitions);
}

TEST(CatalogMachineTest, ProducerIdsAreReservedOnce) {
  CatalogMachine machine;
  const std::int64_t first = reserve(machine, 1000);
  EXPECT_EQ(reserve(machine, 1000), first + 1000);
  EXPECT_EQ(reserve(machine, 1), first + 2000);
  EXPECT_EQ(reserve(machine, 1), first + 2001);
}

TEST(CatalogMachineTest, ReplayAndRestoreGiveTheLiveState) {
  CatalogMachine live;
  std::vector<Event> log;
  create(live, {.name = "a", .partitions = 3, .config = {{"durability", "relaxed"}}}, &log);
  reserve(live, 500, &log);
  create(live, {.name = "b", .partitions = 1}, &log);
  const auto middle = state_of(live);
  const std::size_t middle_at = log.size();
  create(live, {.name = "c", .partitions = 8}, &log);
  reserve(live, 500, &log);

  CatalogMachine replayed;
  for (const Event& event : log) replayed.apply(kContext.time, event);
  EXPECT_EQ(state_of(replayed), state_of(live));

  CatalogMachine restored;
  ASSERT_TRUE(restored.restore(state_of(live)));
  EXPECT_EQ(state_of(restored), state_of(live));

  CatalogMachine both;
  ASSERT_TRUE(both.restore(middle));
  for (std::size_t i = middle_at; i < log.size(); ++i) both.apply(kContext.time, log[i]);
  EXPECT_EQ(state_of(both), state_of(live));

  // All of them go on alike.
  for (CatalogMachine* machine : {&live, &replayed, &restored, &both}) {
    reserve(*machine, 7);
    create(*machine, {.name = "d", .partitions = 2, .id = id_of(200)});
  }
  EXPECT_EQ(state_of(replayed), state_of(live));
  EXPECT_EQ(state_of(restored), state_of(live));
  EXPECT_EQ(state_of(both), state_of(live));
}

TEST(CatalogMachineTest, IdsAreNotReusedAfterARestart) {
  CatalogMachine live;
  TopicReply before = create(live, {.name = "a", .partitions = 3});
  const std::int64_t given = reserve(live, 100);
  CatalogMachine restarted;
  ASSERT_TRUE(restarted.restore(state_of(live)));
  EXPECT_EQ(reserve(restarted, 1), given + 100);
  TopicReply after = create(restarted, {.name = "b"});
  EXPECT_EQ(after.topic->partitions[0].id, before.topic->partitions[2].id + 1);
}

TEST(CatalogMachineTest, ACutSnapshotIsRefusedOrSmaller) {
  CatalogMachine live;
  create(live, {.name = "alpha", .partitions = 2, .config = {{"durability", "relaxed"}}});
  create(live, {.name = "beta", .partitions = 1});
  const auto whole = state_of(live);
  std::size_t accepted = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CatalogMachine damaged;
    if (!damaged.restore(ByteView(whole).first(size))) continue;
    ++accepted;
    EXPECT_LT(state_of(damaged).size(), whole.size());
  }
  // Only cuts between the six fields can't be told (the file's checksum does).
  EXPECT_LE(accepted, 6u);
}

TEST(CatalogMachineTest, ASnapshotOfAnotherVersionIsRefused) {
  FieldWriter out;
  out.put(1, 2);
  CatalogMachine machine;
  EXPECT_FALSE(machine.restore(out.view()));
}

TEST(CatalogMachineTest, ASnapshotWithATopicThatCannotBeIsRefused) {
  FieldWriter topic;
  topic.put_text(2, "t");
  topic.put_bytes(3, as_bytes("short id"));
  FieldWriter out;
  out.put(1, 1);
  out.put_message(4, topic);
  CatalogMachine machine;
  EXPECT_FALSE(machine.restore(out.view()));
}

TEST(CatalogMachineTest, FlippedBitsAreSurvived) {
  CatalogMachine live;
  create(live, {.name = "alpha", .partitions = 3, .config = {{"max.message.bytes", "77"}}});
  const auto whole = state_of(live);
  std::size_t refused = 0;
  for (std::size_t position = 0; position < whole.size(); ++position) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      auto flipped = whole;
      flipped[position] ^= static_cast<std::uint8_t>(1u << bit);
      CatalogMachine damaged;
      if (!damaged.restore(flipped)) ++refused;
    }
  }
  EXPECT_GT(refused, whole.size());
}

}  // namespace
}  // namespace millrace
