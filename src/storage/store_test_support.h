// What the tests of whole stores share: one disk, and brokers that live on it one after the other.
#pragma once

#include "storage/storage_test_support.h"

namespace millrace::test {

inline constexpr PartitionId kA{100};  // core 0 of 2
inline constexpr PartitionId kB{101};  // core 1

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() { disk.make_durable_directory("data"); }

  std::unique_ptr<TestBroker> start(StorageLimits limits = tiny_limits()) {
    auto broker =
        std::make_unique<TestBroker>(disk, history, limits, SimOptions{.seed = ++seed, .cores = 2});
    auto opened = broker->open();
    EXPECT_TRUE(opened) << opened.error().message();
    return broker;
  }
  // The error of a start that must not succeed.
  Error failed_start() {
    TestBroker broker(disk, history, tiny_limits(), {.seed = ++seed, .cores = 2});
    auto opened = broker.open();
    EXPECT_FALSE(opened);
    return opened ? Error() : opened.error();
  }
  void append_and_settle(TestBroker& broker, int rounds, std::size_t bytes = 200) {
    for (int i = 0; i < rounds; ++i) {
      broker.append(kA, 2, bytes);
      broker.append(kB, 1, bytes);
    }
    ASSERT_TRUE(broker.settle());
    ASSERT_EQ(broker.refused(), 0u);
  }
  std::vector<std::string> paths_with(const std::string& part) {
    std::vector<std::string> found;
    for (const std::string& path : disk.paths()) {
      if (path.find(part) != std::string::npos) found.push_back(path);
    }
    return found;
  }

  QuietLog quiet;
  SimDisk disk{1};
  History history;
  std::uint64_t seed = 0;
};

}  // namespace millrace::test
