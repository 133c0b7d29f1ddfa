// A handful of simulated consumers do what consumers do, in random order and sometimes wrongly, on
// a broker that sometimes dies. What must hold is checked after every step: see
// Simulation::check_*. The host checks replay and snapshots on its own.
#include <algorithm>
#include <random>

#include "groups/test_host.h"

namespace millrace::groups_test {
namespace {

struct Consumer {
  GroupId group;
  std::string name;
  InstanceId instance;
  MemberId member_id;
  GenerationId generation = kNoGeneration;
  std::optional<RequestId> join;
  std::optional<RequestId> sync;
  std::vector<JoinReply::Member> members;  // not empty: it leads
  int topics = 0;                          // its subscription
  bool works = false;                      // it has its assignment
  void forget() {
    member_id.clear();
    generation = kNoGeneration;
    join.reset();
    sync.reset();
    members.clear();
    works = false;
  }
};

// What was seen of one generation of one group in one run of the broker.
struct SeenGeneration {
  MemberId leader;
  std::set<MemberId> told;  // joins answered with it
  std::optional<std::set<MemberId>>
      dynamic;  // its members without instance id, as its leader was told
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : random_(seed), host_(limits()) {
    for (int i = 0; i < 7; ++i) {
      Consumer& consumer = consumers_.emplace_back();
      consumer.group = i < 5 ? "g" : "h";
      consumer.name = "c" + std::to_string(i);
      if (i % 3 == 2) consumer.instance = "instance-" + std::to_string(i);
    }
  }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      step();
      read_replies();
      check_groups();
      if (i % 16 == 0) check_offsets();
    }
    settle();
  }

  int rebalances() const { return rebalances_; }
  int commits() const { return commits_; }

 private:
  static GroupLimits limits() {
    GroupLimits limits = kafka_limits();
    limits.members_max = 4;  // one less than want to be in "g"
    limits.new_member_join_timeout = 40s;
    return limits;
  }
  int pick(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random_); }

  void step() {
    Consumer& consumer = consumers_[static_cast<std::size_t>(pick(7))];
    int dice = pick(100);
    if (dice < 50) {
      live(consumer);
    } else if (dice < 60) {
      heartbeat(consumer);
    } else if (dice < 70) {
      commit(consumer);
    } else if (dice < 85) {
      host_.advance(std::chrono::milliseconds(pick(10) == 0 ? pick(70'000) : pick(2'000)));
    } else if (dice < 88) {
      leave(consumer);
    } else if (dice < 91) {
      consumer.forget();  // the process dies
    } else if (dice < 93) {
      consumer.topics = pick(3);
      join(consumer);
    } else if (dice < 95) {
      administer(consumer.group);
    } else if (dice < 97) {
      nonsense(consumer);
    } else if (dice < 98) {
      host_.take_snapshot();
    } else if (dice < 99) {
      restart();
    } else {
      simple_commit();
    }
  }

  // What a consumer does next by the protocol.
  void live(Consumer& consumer) {
    if (consumer.join || consumer.sync) return;
    if (consumer.generation == kNoGeneration) {
      join(consumer);
    } else if (consumer.works) {
      pick(3) == 0 ? commit(consumer) : heartbeat(consumer);
    } else {
      std::vector<SyncGroup::Assignment> assignments;
      for (const auto& member : consumer.members) {
        assignments.push_back({member.member_id, assignment(consumer, member.member_id)});
      }
      consumer.sync = host_.send(SyncGroup{.group = consumer.group,
                                           .generation = consumer.generation,
                                           .member_id = consumer.member_id,
                                           .instance_id = consumer.instance,
                                           .assignments = std::move(assignments)});
    }
  }
  static Blob assignment(const Consumer& consumer, const MemberId& member) {
    return blob(consumer.group + " " + std::to_string(consumer.generation.value()) + " " + member);
  }

  void join(Consumer& simulated) {
    JoinGroup join = consumer(simulated.group, simulated.name);
    join.member_id = simulated.member_id;
    join.instance_id = simulated.instance;
    join.require_known_member_id = pick(2) == 0;
    join.can_skip_assignment = pick(2) == 0;
    join.rebalance_timeout = std::chrono::seconds(10 + pick(20));
    join.protocols = {{"range", subscription({"t" + std::to_string(simulated.topics)})},
                      {"sticky", subscription({"t" + std::to_string(simulated.topics)})}};
    if (pick(2) == 0) std::swap(join.protocols[0], join.protocols[1]);
    if (pick(4) == 0) join.protocols.pop_back();
    simulated.join = host_.send(std::move(join));
    simulated.sync.reset();
    simulated.works = false;
  }

  void heartbeat(Consumer& consumer) {
    if (consumer.generation == kNoGeneration) return;
    ErrorCode error =
        host_.heartbeat(consumer.group, consumer.generation, consumer.member_id, consumer.instance);
    if (error == ErrorCode::ok) return;
    if (error == ErrorCode::rebalance_in_progress) {
      if (!consumer.join) join(consumer);
    } else {
      EXPECT_TRUE(error == ErrorCode::illegal_generation || error == ErrorCode::unknown_member_id ||
                  error == ErrorCode::fenced_instance_id)
          << error_name(error);
      refused(consumer, error);
    }
  }

  void refused(Consumer& consumer, ErrorCode error) {
    MemberId id = consumer.member_id;
    consumer.forget();
    if (error == ErrorCode::illegal_generation || error == ErrorCode::rebalance_in_progress) {
      consumer.member_id = id;
    }
  }

  void leave(Consumer& consumer) {
    if (consumer.member_id.empty()) return;
    ErrorCode error = host_.leave(consumer.group, consumer.member_id, consumer.instance);
    if (error == ErrorCode::ok) {
      EXPECT_EQ(find_member(consumer.group, consumer.member_id), nullptr);
    }
    consumer.forget();
  }

  void commit(Consumer& consumer) {
    if (consumer.generation == kNoGeneration) return;
    std::string topic = "t" + std::to_string(pick(3));
    std::int64_t offset = pick(1'000'000);
    OffsetCommit commit{.group = consumer.group,
                        .generation = consumer.generation,
                        .member_id = consumer.member_id,
                        .instance_id = consumer.instance,
                        .topics = {{topic, {{pick(4), Offset(offset), {}, ""}}}}};
    std::int32_t partition = commit.topics[0].partitions[0].partition;
    if (host_.ask<OffsetCommitReply>(commit).topics.at(0).partitions.at(0).error != ErrorCode::ok) {
      return;
    }
    // Only a member of the one current generation can have done that.
    EXPECT_NE(find_member(consumer.group, consumer.member_id), nullptr);
    offsets_[{consumer.group, topic, partition}] = offset;
    ++commits_;
  }

  void simple_commit() {
    std::int64_t offset = pick(1'000'000);
    bool was_empty = is_empty("h");
    ErrorCode error = host_.commit("h", "t9", 0, offset);
    EXPECT_EQ(error, was_empty ? ErrorCode::ok : ErrorCode::unknown_member_id);
    if (error == ErrorCode::ok) offsets_[{"h", "t9", 0}] = offset;
  }

  void administer(const GroupId& group) {
    int what = pick(5);
    if (what == 0) {
      std::string topic = "t" + std::to_string(pick(3));
      ForgetTopicsReply reply = host_.ask<ForgetTopicsReply>(ForgetTopics{{topic}, {}});
      EXPECT_FALSE(reply.next.has_value());
      std::erase_if(offsets_, [&](const auto& entry) { return std::get<1>(entry.first) == topic; });
    } else if (what <= 2) {
      bool was_empty = is_empty(group);
      ErrorCode error = host_.ask<DeleteGroupReply>(DeleteGroup{group}).error;
      EXPECT_EQ(error == ErrorCode::non_empty_group, !was_empty);
      if (error != ErrorCode::ok) return;
      std::erase_if(offsets_, [&](const auto& entry) { return std::get<0>(entry.first) == group; });
    } else {
      std::string topic = "t" + std::to_string(pick(3));
      OffsetDeleteReply reply =
          host_.ask<OffsetDeleteReply>(OffsetDelete{group, {{topic, {0, 1, 2, 3}}}});
      if (reply.topics.empty()) return;
      for (const PartitionError& partition : reply.topics[0].partitions) {
        if (partition.error == ErrorCode::ok) {
          offsets_.erase({group, topic, partition.partition});
        }
      }
    }
  }

  void nonsense(Consumer& consumer) {
    GenerationId other = GenerationId(consumer.generation.value() + 1 + pick(3));
    switch (pick(4)) {
      case 0:
        EXPECT_NE(host_.heartbeat(consumer.group, other, consumer.member_id), ErrorCode::ok);
        break;
      case 1: {
        RequestId sync = host_.send_sync(consumer.group, kNoGeneration, consumer.member_id);
        EXPECT_NE(host_.reply<SyncReply>(sync).error, ErrorCode::ok);
        break;
      }
      case 2:
        EXPECT_NE(host_.leave(consumer.group, "nobody"), ErrorCode::ok);
        break;
      default: {
        JoinGroup join = consumer_again(consumer.group, "nobody-1");
        ErrorCode error = host_.ask<JoinReply>(join).error;
        EXPECT_TRUE(error == ErrorCode::unknown_member_id ||
                    error == ErrorCode::group_max_size_reached ||
                    error == ErrorCode::inconsistent_group_protocol)
            << error_name(error);
      }
    }
  }

  void restart() {
    host_.restart();
    seen_.clear();  // a generation nobody synced may come again
    last_generation_.clear();
    for (Consumer& consumer : consumers_) {
      consumer.join.reset();
      consumer.sync.reset();
    }
  }

  // Consumers read what has been answered to them, and every join answered says something of its
  // generation.
  void read_replies() {
    for (Consumer& consumer : consumers_) {
      if (consumer.join) {
        if (const GroupReply* reply = host_.find_reply(*consumer.join)) {
          consumer.join.reset();
          joined(consumer, std::get<JoinReply>(*reply));
        }
      }
      if (consumer.sync) {
        if (const GroupReply* reply = host_.find_reply(*consumer.sync)) {
          consumer.sync.reset();
          synced(consumer, std::get<SyncReply>(*reply));
        }
      }
    }
    check_generations();
  }

  void joined(Consumer& consumer, const JoinReply& reply) {
    if (reply.error == ErrorCode::member_id_required) {
      consumer.member_id = reply.member_id;
      return;
    }
    if (reply.error != ErrorCode::ok) return refused(consumer, reply.error);
    consumer.member_id = reply.member_id;
    consumer.generation = reply.generation;
    consumer.works = false;
    consumer.members = reply.skip_assignment ? std::vector<JoinReply::Member>() : reply.members;
    if (!consumer.members.empty()) {
      EXPECT_EQ(reply.leader, reply.member_id);
    }
    seen_generation(consumer.group, reply);
  }

  void seen_generation(const GroupId& group, const JoinReply& reply) {
    auto [seen, is_new] = seen_.try_emplace({group, reply.generation});
    if (is_new) {
      ++rebalances_;
      auto [last, is_first] = last_generation_.try_emplace(group, reply.generation);
      EXPECT_TRUE(is_first || last->second < reply.generation) << "the generation fell";
      last->second = reply.generation;
    }
    seen->second.told.insert(reply.member_id);
    if (reply.members.empty() || reply.skip_assignment) return;
    EXPECT_TRUE(seen->second.leader.empty() || seen->second.leader == reply.member_id)
        << "two leaders in generation " << reply.generation.value();
    seen->second.leader = reply.member_id;
    std::set<MemberId> dynamic;
    for (const JoinReply::Member& member : reply.members) {
      if (!member.instance_id) dynamic.insert(member.member_id);
    }
    if (!seen->second.dynamic) {
      seen->second.dynamic = std::move(dynamic);
    } else {
      EXPECT_EQ(*seen->second.dynamic, dynamic) << "a generation changed its members";
    }
  }

  void synced(Consumer& consumer, const SyncReply& reply) {
    if (reply.error != ErrorCode::ok) return refused(consumer, reply.error);
    consumer.works = true;
    std::string prefix = consumer.group + " " + std::to_string(consumer.generation.value()) + " ";
    std::string text(reply.assignment.begin(), reply.assignment.end());
    // Empty: the leader was told to skip, or this member was not in its list.
    EXPECT_TRUE(text.empty() || text.starts_with(prefix)) << text << " in " << prefix;
    if (!text.empty() && !consumer.instance) EXPECT_EQ(text, prefix + consumer.member_id);
  }

  // Nobody is counted in a generation that was not told so: the joins of all its members that are
  // not static are answered together.
  void check_generations() {
    for (const auto& [key, seen] : seen_) {
      if (!seen.dynamic) continue;
      for (const MemberId& member : *seen.dynamic) {
        bool lives = std::ranges::any_of(
            consumers_, [&](const Consumer& consumer) { return consumer.member_id == member; });
        EXPECT_TRUE(!lives || seen.told.contains(member))
            << member << " was not told generation " << key.second.value();
      }
    }
  }

  void check_groups() {
    for (const char* name : {"g", "h"}) {
      DescribeGroupReply group = host_.describe(name);
      bool nobody = group.members.empty();
      if (group.state == GroupState::dead) {  // numbers begin again
        last_generation_.erase(name);
        std::erase_if(seen_, [&](const auto& entry) { return entry.first.first == name; });
      }
      bool resting = group.state == GroupState::empty || group.state == GroupState::dead;
      if (resting) EXPECT_TRUE(nobody);
      if (group.state == GroupState::stable) EXPECT_FALSE(nobody);
      // While members gather, as many new ones may wait as are in the group.
      auto is_static = [](const auto& member) { return member.instance_id.has_value(); };
      auto statics = std::ranges::count_if(group.members, is_static);
      if (group.state == GroupState::preparing_rebalance) {
        EXPECT_LE(group.members.size(), 2 * limits().members_max);
      } else {
        EXPECT_LE(group.members.size() - static_cast<std::size_t>(statics), limits().members_max);
      }
      std::set<Blob> assignments;
      std::set<std::string> instances;
      for (const auto& member : group.members) {
        if (!member.assignment.empty()) {
          EXPECT_TRUE(assignments.insert(member.assignment).second) << "assigned twice";
        }
        if (member.instance_id) EXPECT_TRUE(instances.insert(*member.instance_id).second);
      }
      // Who waits waits for something that a timer ends.
      EXPECT_TRUE(host_.machine().next_timer().has_value());
    }
  }

  void check_offsets() {
    std::map<std::tuple<GroupId, std::string, std::int32_t>, std::int64_t> kept;
    for (const char* group : {"g", "h"}) {
      OffsetFetchReply all = host_.ask<OffsetFetchReply>(OffsetFetch{.group = group});
      for (const auto& topic : all.topics) {
        for (const auto& partition : topic.partitions) {
          kept[{group, topic.name, partition.partition}] = partition.offset.value();
        }
      }
    }
    EXPECT_EQ(kept, offsets_);
  }

  // Everybody dies: after the time-outs nobody waits and nobody is left, but the offsets are there.
  void settle() {
    host_.advance(5min);
    EXPECT_TRUE(host_.parked().empty()) << host_.parked().size() << " requests were never answered";
    EXPECT_TRUE(is_empty("g") && is_empty("h"));
    check_offsets();
  }

  bool is_empty(const GroupId& group) {
    GroupState state = host_.state(group);
    return state == GroupState::empty || state == GroupState::dead;
  }
  const DescribeGroupReply::Member* find_member(const GroupId& group, const MemberId& id) {
    described_ = host_.describe(group);
    auto found = std::ranges::find(described_.members, id, &DescribeGroupReply::Member::member_id);
    return found == described_.members.end() ? nullptr : &*found;
  }

  std::mt19937_64 random_;
  TestHost host_;
  std::vector<Consumer> consumers_;
  std::map<std::tuple<GroupId, std::string, std::int32_t>, std::int64_t> offsets_;
  std::map<std::pair<GroupId, GenerationId>, SeenGeneration> seen_;
  std::map<GroupId, GenerationId> last_generation_;
  DescribeGroupReply described_;
  int rebalances_ = 0;
  int commits_ = 0;
};

class RandomConsumers : public testing::TestWithParam<std::uint64_t> {};

TEST_P(RandomConsumers, keep_every_promise) {
  Simulation simulation(GetParam());
  simulation.run(3000);
  // The run was worth something.
  EXPECT_GT(simulation.rebalances(), 50);
  EXPECT_GT(simulation.commits(), 10);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomConsumers, testing::Range<std::uint64_t>(1, 13));

}  // namespace
}  // namespace millrace::groups_test
