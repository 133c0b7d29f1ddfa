// Bytes on disk: events and snapshots, whole and damaged.
#include "groups/events.h"

#include "groups/subscription.h"
#include "groups/test_host.h"

namespace millrace::groups_test {
namespace {

// A machine with a bit of everything.
TestHost& sample() {
  static TestHost* host = [] {
    auto* made = new TestHost();
    MemberId a = made->make_stable("g", 2)[0];
    made->send(OffsetCommit{.group = "g",
                            .generation = GenerationId(1),
                            .member_id = a,
                            .topics = {{"orders", {{0, Offset(1), LeaderEpoch(2), "note"}}},
                                       {"refunds", {{5, Offset(1) + (1LL << 40), {}, ""}}}}});
    made->commit("simple", "orders", 1, -1);
    made->send(OffsetDelete{"g", {{"refunds", {5}}}});
    made->send(DeleteGroup{"simple"});
    return made;
  }();
  return *host;
}

TEST(Events, every_truncation_is_refused_or_a_whole_shorter_event) {
  for (const auto& [time, event] : sample().log()) {
    ASSERT_TRUE(read_event(event).has_value());
    for (std::size_t size = 0; size < event.size(); ++size) {
      auto read = read_event(ByteView(event).first(size));
      if (read) EXPECT_TRUE(std::holds_alternative<OffsetsCommitted>(*read)) << size;
    }
  }
}

TEST(Events, no_flipped_bit_crashes_the_reader) {
  std::size_t refused = 0;
  for (const auto& [time, event] : sample().log()) {
    for (std::size_t bit = 0; bit < event.size() * 8; ++bit) {
      Event flipped = event;
      flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
      refused += read_event(flipped) ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 0u);
}

TEST(Events, an_unknown_kind_is_corruption) {
  FieldWriter writer;
  writer.put(1, 99);
  writer.put_text(2, "g");
  EXPECT_FALSE(read_event(writer.view()).has_value());
  GroupMachine machine;
  EXPECT_DEATH(machine.apply(WallMs(0), writer.view()), "event.has_value");
}

TEST(Events, fields_of_a_newer_version_are_skipped) {
  OffsetsCommittedWriter offsets("g");
  offsets.topic("orders");
  offsets.partition(3, Offset(9), {}, "");
  FieldWriter newer;
  newer.put(1000, 1);
  Event event = offsets.take();
  event.insert(event.end(), newer.view().begin(), newer.view().end());
  auto read = read_event(event);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(std::get<OffsetsCommitted>(*read).entries.at(0).offset, Offset(9));
}

Generation two_members() {
  Generation generation{.number = GenerationId(3), .protocol_type = "consumer"};
  generation.protocol_name = "range";
  generation.leader = "a";
  for (const char* id : {"a", "b"}) {
    MemberInfo& info = generation.members.emplace_back();
    info.id = id;
    info.instance_id = std::string("instance of ") + id;
    info.protocols = {{"range", blob("topics")}, {"sticky", {}}};
  }
  return generation;
}

bool can_be_read(const Generation& generation) {
  auto event = read_event(generation_committed("g", view_of(generation)));
  return event.has_value();
}

TEST(Events, a_generation_no_group_can_have_been_in_is_refused) {
  EXPECT_TRUE(can_be_read(two_members()));
  Generation bad = two_members();
  bad.leader = "c";
  EXPECT_FALSE(can_be_read(bad));
  bad = two_members();
  bad.members[1].id = "a";
  EXPECT_FALSE(can_be_read(bad));
  bad = two_members();
  bad.members[1].instance_id = bad.members[0].instance_id;
  EXPECT_FALSE(can_be_read(bad));
  bad = two_members();
  bad.members[1].protocols.erase(bad.members[1].protocols.begin());
  EXPECT_FALSE(can_be_read(bad));
  bad = two_members();
  bad.members.clear();
  EXPECT_FALSE(can_be_read(bad));
}

TEST(Snapshot, every_truncation_is_refused) {
  std::vector<std::uint8_t> whole = sample().snapshot();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    GroupMachine machine;
    EXPECT_FALSE(machine.restore(ByteView(whole).first(size))) << size;
    EXPECT_EQ(machine.group_count(), 0u);
  }
  GroupMachine machine;
  EXPECT_TRUE(machine.restore(whole));
}

TEST(Snapshot, no_flipped_bit_makes_a_machine_that_crashes) {
  std::vector<std::uint8_t> whole = sample().snapshot();
  std::size_t refused = 0;
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::vector<std::uint8_t> flipped = whole;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    GroupMachine machine;
    if (!machine.restore(flipped)) {
      ++refused;
      continue;
    }
    MachineContext context{.time = WallMs(1), .now = MonotonicTime(1), .random = 1};
    machine.start(context);
    machine.decide(context, RequestId(1), DescribeGroup{"g"});
    machine.decide(context, RequestId(2), consumer("g", "c"));
    context.now = context.now + Duration(1h).count();
    machine.on_timer(context);
  }
  EXPECT_GT(refused, 0u);
}

TEST(Snapshot, another_version_is_refused) {
  FieldWriter writer;
  writer.put(1, 2);
  writer.put(2, 0);
  GroupMachine machine;
  EXPECT_FALSE(machine.restore(writer.view()));
}

// A snapshot of the simple group "g", with what `fill` puts into it.
template <class Fill>
bool restores(Fill fill) {
  FieldWriter group;
  group.put_text(1, "g");
  fill(group);
  FieldWriter writer;
  writer.put(1, 1);
  writer.put(2, 1);
  writer.put_message(3, group);
  GroupMachine machine;
  return machine.restore(writer.view());
}

TEST(Snapshot, offsets_out_of_place_are_refused) {
  EXPECT_TRUE(restores([](FieldWriter& group) {
    group.put_text(4, "orders");
    group.put(5, 0);
    group.put_signed(6, 10);
  }));
  EXPECT_FALSE(restores([](FieldWriter& group) { group.put(5, 0); })) << "no topic";
  EXPECT_FALSE(restores([](FieldWriter& group) { group.put_text(4, "orders"); })) << "no partition";
  EXPECT_FALSE(restores([](FieldWriter& group) {
    group.put_text(4, "orders");
    group.put_signed(6, 10);
  })) << "an offset before its partition";
  EXPECT_FALSE(restores([](FieldWriter& group) {
    group.put_text(4, "orders");
    group.put(5, 0);
    group.put(5, 0);
  })) << "a partition twice";
  EXPECT_FALSE(restores([](FieldWriter& group) {
    for (int i = 0; i < 2; ++i) {
      group.put_text(4, "orders");
      group.put(5, static_cast<std::uint64_t>(i));
    }
  })) << "a topic twice";
  EXPECT_FALSE(restores([](FieldWriter& group) {
    group.put_text(4, "orders");
    group.put(5, 1ULL << 31);
  })) << "a partition out of range";
  EXPECT_FALSE(restores([](FieldWriter&) {})) << "a group of nothing";
}

TEST(Subscription, reads_topics_and_refuses_what_is_cut) {
  Blob metadata = subscription({"orders", "refunds"});
  TopicNames topics;
  ASSERT_TRUE(read_subscription(metadata, topics));
  EXPECT_EQ(topics, (TopicNames{"orders", "refunds"}));
  std::size_t needed = metadata.size() - 4;  // the user data is not read
  for (std::size_t size = 0; size < needed; ++size) {
    TopicNames some;
    EXPECT_FALSE(read_subscription(ByteView(metadata).first(size), some)) << size;
  }
}

}  // namespace
}  // namespace millrace::groups_test
