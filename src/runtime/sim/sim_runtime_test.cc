#include "runtime/sim/sim_runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <vector>

#include "runtime/sim/leak_check.h"

namespace millrace {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

ByteChain chain_of(const std::string& text) {
  ByteChain chain;
  chain.append(Bytes::copy_of(as_bytes(text)));
  return chain;
}

Task<void> echo(std::unique_ptr<Socket> socket) {
  for (;;) {
    BufferRef buffer = Buffer::allocate(1000);
    auto count = co_await read_some(*socket, {buffer->data(), buffer->capacity()});
    if (!count) co_return;
    ByteChain chain;
    chain.append(Bytes(buffer, 0, *count));
    if (!co_await write_all(*socket, std::move(chain))) co_return;
  }
}

// An echo server; connections go to the cores in turn.
std::unique_ptr<Listener> listen_for_echo(SimRuntime& runtime) {
  auto listener = runtime.listen("127.0.0.1", 0);
  EXPECT_TRUE(listener);
  (*listener)->on_accept([&runtime, next = 0u](std::unique_ptr<PendingSocket> pending) mutable {
    Core& core = runtime.core(CoreId(next++ % static_cast<unsigned>(runtime.core_count())));
    core.post([&core, pending = std::move(pending)] {
      core.spawn("echo", echo(pending->open_on(core)));
    });
  });
  return std::move(*listener);
}

Task<void> send_then_end(Socket& socket, std::string text, bool& sent) {
  auto written = co_await write_all(socket, chain_of(text));
  EXPECT_TRUE(written);
  sent = true;
}

Task<std::string> receive(Socket& socket, std::size_t size) {
  std::string received;
  while (received.size() < size) {
    std::array<std::uint8_t, 700> space;
    auto count = co_await read_some(socket, space);
    if (!count) co_return received + " ended by " + std::string(error_name(count.error().code));
    received += as_text(ByteView(space).first(*count));
  }
  co_return received;
}

std::string long_text(std::size_t size) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23 + i / 1000 % 3);
  return text;
}

// Some of everything: network, workers, files, timers. Gives the trace.
std::uint64_t busy_history(std::uint64_t seed) {
  SimDisk disk(seed);
  disk.make_durable_directory("data");
  SimRuntime runtime({.seed = seed, .cores = 2, .network_pipe_bytes = 4096}, disk);
  auto listener = listen_for_echo(runtime);
  Core& core = runtime.client_core();
  auto client = runtime.connect(core, listener->port());
  EXPECT_TRUE(client);
  const std::string text = long_text(20000);
  bool sent = false;
  core.spawn("sender", send_then_end(**client, text, sent));
  EXPECT_EQ(runtime.run(core, receive(**client, text.size())), text);
  auto worker = runtime.make_worker("w");
  worker->submit([&] {
    auto file = runtime.files().open("data/a", OpenMode::create);
    EXPECT_TRUE((*file)->write_at(0, chain_of("x")));
    EXPECT_TRUE((*file)->sync());
  });
  listener->close();
  (*client)->close();
  EXPECT_TRUE(runtime.run_until_idle(seconds(10)));
  EXPECT_EQ(runtime.core(CoreId(0)).tasks().inside(), 0u);
  EXPECT_EQ(runtime.core(CoreId(1)).tasks().inside(), 0u);
  return runtime.trace_hash();
}

TEST(SimRuntime, OneSeedOneHistory) {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const std::uint64_t hash = busy_history(seed);
    EXPECT_EQ(hash, busy_history(seed)) << "seed " << seed;
    hashes.insert(hash);
  }
  EXPECT_EQ(hashes.size(), 10u);
}

TEST(SimRuntime, ClosingEndsThePeerAfterWhatWasSent) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimDisk disk(seed);
    SimRuntime runtime({.seed = seed}, disk);
    auto listener = runtime.listen("x", 9000);
    ASSERT_TRUE(listener);
    std::unique_ptr<Socket> server;
    (*listener)->on_accept([&](std::unique_ptr<PendingSocket> pending) {
      server = pending->open_on(runtime.core(CoreId(0)));
    });
    auto client = runtime.connect(runtime.client_core(), 9000);
    ASSERT_TRUE(client);
    ASSERT_TRUE(runtime.run_until([&] { return server != nullptr; }, seconds(1)));
    bool sent = false;
    runtime.run(runtime.client_core(), send_then_end(**client, long_text(3000), sent));
    (*client)->close();
    EXPECT_EQ(runtime.run(runtime.core(CoreId(0)), receive(*server, 5000)),
              long_text(3000) + " ended by end_of_stream");
  }
}

TEST(SimRuntime, WritersWaitForReaders) {
  SimDisk disk(1);
  SimRuntime runtime({.seed = 1, .network_pipe_bytes = 100}, disk);
  auto listener = runtime.listen("x", 0);
  ASSERT_TRUE(listener);
  std::unique_ptr<Socket> server;
  (*listener)->on_accept([&](std::unique_ptr<PendingSocket> pending) {
    server = pending->open_on(runtime.core(CoreId(0)));
  });
  auto client = runtime.connect(runtime.client_core(), (*listener)->port());
  bool sent = false;
  runtime.client_core().spawn("sender", send_then_end(**client, long_text(1000), sent));
  EXPECT_TRUE(runtime.run_until_idle(seconds(1)));
  EXPECT_FALSE(sent);
  EXPECT_EQ(runtime.run(runtime.core(CoreId(0)), receive(*server, 1000)), long_text(1000));
  EXPECT_TRUE(runtime.run_until([&] { return sent; }, seconds(1)));
}

TEST(SimRuntime, BrokenAndSilencedConnections) {
  SimDisk disk(1);
  SimRuntime runtime({.seed = 1}, disk);
  auto listener = listen_for_echo(runtime);
  Core& core = runtime.client_core();
  auto broken = runtime.connect(core, listener->port());
  auto silenced = runtime.connect(core, listener->port());
  ASSERT_TRUE(broken && silenced);
  std::array<std::uint8_t, 10> space;
  EXPECT_TRUE(runtime.run_until_idle(seconds(1)));

  runtime.break_connection(**broken);
  EXPECT_EQ((*broken)->try_read(space).error().code, ErrorCode::connection_broken);
  EXPECT_EQ((*broken)->try_write(chain_of("x"), 0).error().code, ErrorCode::connection_broken);

  runtime.silence_connection(**silenced);
  bool sent = false;
  runtime.run(core, send_then_end(**silenced, "hello", sent));
  EXPECT_TRUE(runtime.run_until_idle(seconds(1)));
  EXPECT_EQ((*silenced)->try_read(space).error().code, ErrorCode::would_block);
  EXPECT_EQ(runtime.core(CoreId(0)).tasks().inside(), 1u) << "the silenced one's server waits on";
  runtime.break_connection(**silenced);
  EXPECT_TRUE(runtime.run_until_idle(seconds(1)));
  EXPECT_EQ(runtime.core(CoreId(0)).tasks().inside(), 0u);
}

TEST(SimRuntime, ListenAndConnectSayWhatIsWrong) {
  SimDisk disk(1);
  SimRuntime runtime({.seed = 1}, disk);
  auto listener = runtime.listen("x", 9000);
  ASSERT_TRUE(listener);
  EXPECT_THAT(runtime.listen("x", 9000).error().detail, HasSubstr("Address already in use"));
  (*listener)->close();
  EXPECT_THAT(runtime.connect(runtime.client_core(), 9000).error().detail, HasSubstr("refused"));
}

TEST(SimRuntime, CachedReadsSometimesWouldBlock) {
  SimDisk disk(1);
  SimRuntime runtime({.seed = 1, .would_block_percent = 50}, disk);
  auto file = runtime.files().open("a", OpenMode::create);
  ASSERT_TRUE((*file)->write_at(0, chain_of("x")));
  int blocked = 0, read = 0;
  std::array<std::uint8_t, 1> space;
  for (int i = 0; i < 200; ++i) {
    auto count = (*file)->read_cached_at(0, space);
    if (count) {
      ++read;
    } else {
      EXPECT_EQ(count.error().code, ErrorCode::would_block);
      ++blocked;
    }
  }
  EXPECT_GT(blocked, 50);
  EXPECT_GT(read, 50);
}

TEST(SimRuntime, CountsBlockingCallsOnCores) {
  SimDisk disk(1);
  SimRuntime runtime({.seed = 1}, disk);
  auto worker = runtime.make_worker("w");
  worker->submit([&] { runtime.files().exists("a"); });
  EXPECT_TRUE(runtime.run_until_idle(seconds(1)));
  EXPECT_EQ(runtime.blocking_calls_on_cores(), 0u);
  runtime.core(CoreId(0)).post([&] { runtime.files().exists("a"); });
  EXPECT_TRUE(runtime.run_until_idle(seconds(1)));
  EXPECT_EQ(runtime.blocking_calls_on_cores(), 1u);
}

// A writer that never ends: appends numbered sectors and flushes after each.
Task<void> append_for_ever(SimRuntime& runtime, Worker& worker, int& acknowledged) {
  Core& core = runtime.core(CoreId(0));
  std::unique_ptr<File> file;
  for (int i = 0;; ++i) {
    const bool durable = co_await call_on(core, worker, [&runtime, &file, i] {
      if (!file) {
        auto made = runtime.files().open("data/log", OpenMode::create);
        if (!made || !runtime.files().sync_directory("data")) return false;
        file = std::move(*made);
      }
      const std::string text(kSectorBytes, static_cast<char>('a' + i % 26));
      return file->write_at(static_cast<std::uint64_t>(i) * kSectorBytes, chain_of(text)) &&
             file->sync();
    });
    if (!durable) {
      co_await sleep_for(core, std::chrono::hours(24 * 365));  // as what waits for a dead disk
    }
    ++acknowledged;
  }
}

// The pattern of every crash test: run to the k-th operation, cut the power, look with a new
// runtime. All that was acknowledged is there.
TEST(SimRuntime, CrashAtEveryOperationKeepsWhatWasAcknowledged) {
  const ScopedLeakCheckOff frames_that_nobody_ends;
  for (std::uint64_t at = 1; at <= 20; ++at) {
    for (const CrashKeeps keeps : {CrashKeeps::nothing, CrashKeeps::some, CrashKeeps::everything}) {
      SimDisk disk(at);
      disk.make_durable_directory("data");
      int acknowledged = 0;
      {
        SimRuntime runtime({.seed = at}, disk);
        auto worker = runtime.make_worker("w");
        disk.crash_at_operation(at);
        runtime.core(CoreId(0)).spawn("writer", append_for_ever(runtime, *worker, acknowledged));
        ASSERT_TRUE(runtime.run_until([&] { return disk.crashed(); }, seconds(10)));
        runtime.abandon();
      }
      // Creation, its folder, then a write and a flush each.
      EXPECT_EQ(acknowledged, at < 5 ? 0 : static_cast<int>((at - 3) / 2)) << "crash at " << at;
      disk.crash(keeps);
      SimRuntime runtime({.seed = at + 1000}, disk);
      auto file = runtime.files().open("data/log", OpenMode::read);
      if (acknowledged == 0) continue;
      ASSERT_TRUE(file) << "crash at " << at;
      for (int i = 0; i < acknowledged; ++i) {
        std::array<std::uint8_t, kSectorBytes> space;
        ASSERT_EQ(*(*file)->read_at(static_cast<std::uint64_t>(i) * kSectorBytes, space),
                  kSectorBytes);
        EXPECT_EQ(space[0], 'a' + i % 26);
      }
    }
  }
}

}  // namespace
}  // namespace millrace
