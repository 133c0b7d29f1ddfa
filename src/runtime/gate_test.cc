#include "runtime/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "runtime/sim/sim_runtime.h"

namespace millrace {
namespace {

TEST(Gate, CountsAndNamesWhoIsInside) {
  Gate gate;
  EXPECT_EQ(gate.describe(), "");
  Gate::Entry fetch = gate.enter("fetch");
  Gate::Entry other = gate.enter("fetch");
  {
    Gate::Entry produce = gate.enter("produce");
    EXPECT_EQ(gate.describe(), "fetch x2, produce x1");
  }
  EXPECT_EQ(gate.inside(), 2u);
  Gate::Entry moved = std::move(other);
  EXPECT_EQ(gate.inside(), 2u);
  moved = Gate::Entry();
  EXPECT_EQ(gate.describe(), "fetch x1");
}

Task<void> wait_for(Gate& gate, bool& closed) {
  co_await gate.closed();
  closed = true;
}

class GateTest : public testing::Test {
 protected:
  SimDisk disk_{1};
  SimRuntime runtime_{{.seed = 1}, disk_};
  Core& core_ = runtime_.core(CoreId(0));
};

TEST_F(GateTest, ClosedComesWhenTheLastHasLeft) {
  Gate gate;
  bool closed = false;
  auto one = std::make_unique<Gate::Entry>(gate.enter("a"));
  auto two = std::make_unique<Gate::Entry>(gate.enter("b"));
  core_.spawn("waiter", wait_for(gate, closed));
  one.reset();
  runtime_.run_until_idle(std::chrono::seconds(1));
  EXPECT_FALSE(closed);
  two.reset();
  EXPECT_TRUE(runtime_.run_until([&] { return closed; }, std::chrono::seconds(1)));
}

TEST_F(GateTest, AnEmptyOneIsClosedAtOnce) {
  Gate gate;
  bool closed = false;
  runtime_.run(core_, wait_for(gate, closed));
  EXPECT_TRUE(closed);
}

}  // namespace
}  // namespace millrace
