#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <thread>
#include <vector>

#include "runtime/asio/asio_runtime.h"
#include "runtime/asio/asio_test_support.h"

namespace millrace {
namespace {

using testing::HasSubstr;

// Sends back what comes until the peer ends.
Task<void> echo(std::unique_ptr<Socket> socket, Error& end) {
  for (;;) {
    BufferRef buffer = Buffer::allocate(16384);
    auto count = co_await read_some(*socket, {buffer->data(), buffer->capacity()});
    if (!count) {
      end = count.error();
      co_return;
    }
    ByteChain chain;
    // In small parts, so that the gathered write has more of them than one system call takes.
    for (std::size_t at = 0; at < *count; at += 16) {
      chain.append(Bytes(buffer, at, std::min<std::size_t>(16, *count - at)));
    }
    auto written = co_await write_all(*socket, std::move(chain));
    if (!written) {
      end = written.error();
      co_return;
    }
  }
}

Task<void> echo_then(std::unique_ptr<Socket> socket, Error& end, Core& zero, int& open,
                     AsioRuntime& runtime) {
  co_await echo(std::move(socket), end);
  zero.post([&] {
    if (--open == 0) runtime.stop();
  });
}

std::string long_text(std::size_t size, char first) {
  std::string text(size, ' ');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(first + i % 23);
  return text;
}

TEST(AsioSocket, EchoOverTwoCores) {
  AsioRuntime runtime({.cores = 2});
  Core& zero = runtime.core(CoreId(0));
  auto listener = runtime.listen("127.0.0.1", 0);
  ASSERT_TRUE(listener) << listener.error().message();
  const std::uint16_t port = (*listener)->port();
  ASSERT_NE(port, 0);

  int open = 4;
  std::array<Error, 4> ends;
  std::uint32_t accepted = 0;
  (*listener)->on_accept([&](std::unique_ptr<PendingSocket> pending) {
    EXPECT_TRUE(zero.is_current());
    const std::uint32_t number = accepted++;
    Core& core = runtime.core(CoreId(number % 2));
    core.post([&, number, pending = std::move(pending)] {
      std::unique_ptr<Socket> socket = pending->open_on(core);
      EXPECT_THAT(socket->peer(), HasSubstr("127.0.0.1:"));
      core.spawn("echo", echo_then(std::move(socket), ends[number], zero, open, runtime));
    });
  });

  // More than the kernel's buffers hold: the server's writes have to wait.
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([port, i] {
      const std::string sent = long_text(8 << 20, static_cast<char>('a' + i));
      BlockingClient client(port);
      std::string received;
      std::thread reader([&] { received = client.receive_all(); });
      client.send_all(sent);
      client.end_sending();
      reader.join();
      EXPECT_EQ(received.size(), sent.size());
      EXPECT_TRUE(received == sent);
    });
  }
  run_with_deadline(runtime);
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(accepted, 4u);
  for (const Error& end : ends) EXPECT_EQ(end.code, ErrorCode::end_of_stream);
}

Task<void> read_to_the_end(Socket& socket, Error& end, AsioRuntime& runtime) {
  std::array<std::uint8_t, 16> space;
  auto count = co_await read_some(socket, space);
  if (!count) end = count.error();
  runtime.stop();
}

TEST(AsioSocket, CloseWakesWhoWaits) {
  AsioRuntime runtime({.cores = 1});
  Core& core = runtime.core(CoreId(0));
  auto listener = runtime.listen("127.0.0.1", 0);
  ASSERT_TRUE(listener);
  BlockingClient client((*listener)->port());
  std::unique_ptr<Socket> socket;
  Error end;
  (*listener)->on_accept([&](std::unique_ptr<PendingSocket> pending) {
    socket = pending->open_on(core);
    std::array<std::uint8_t, 16> space;
    EXPECT_EQ(socket->try_read(space).error().code, ErrorCode::would_block);
    core.spawn("reader", read_to_the_end(*socket, end, runtime));
    EXPECT_EQ(core.tasks().inside(), 1u);
    socket->close();
    socket->close();
    EXPECT_EQ(core.tasks().inside(), 1u) << "close() must not resume inside the caller";
  });
  run_with_deadline(runtime);
  EXPECT_EQ(end.code, ErrorCode::connection_broken);
  EXPECT_EQ(client.receive_all(), "");
}

TEST(AsioSocket, PendingSocketThatIsDroppedClosesTheConnection) {
  AsioRuntime runtime({.cores = 1});
  auto listener = runtime.listen("127.0.0.1", 0);
  ASSERT_TRUE(listener);
  BlockingClient client((*listener)->port());
  (*listener)->on_accept([&](std::unique_ptr<PendingSocket> pending) {
    pending.reset();
    runtime.stop();
  });
  run_with_deadline(runtime);
  EXPECT_EQ(client.receive_all(), "");
}

TEST(AsioSocket, ListenSaysWhatIsWrong) {
  AsioRuntime runtime({.cores = 1});
  auto first = runtime.listen("127.0.0.1", 0);
  ASSERT_TRUE(first);
  auto second = runtime.listen("127.0.0.1", (*first)->port());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::io_error);
  EXPECT_THAT(second.error().detail, HasSubstr("Address already in use"));
  EXPECT_THAT(second.error().detail, HasSubstr("127.0.0.1"));

  auto unresolved = runtime.listen("no such host.invalid", 1);
  ASSERT_FALSE(unresolved);
  EXPECT_THAT(unresolved.error().detail, HasSubstr("cannot resolve"));
}

TEST(AsioSocket, ClosedListenerRefusesAndFreesItsPort) {
  AsioRuntime runtime({.cores = 1});
  Core& core = runtime.core(CoreId(0));
  auto listener = runtime.listen("127.0.0.1", 0);
  ASSERT_TRUE(listener);
  const std::uint16_t port = (*listener)->port();
  (*listener)->on_accept([](std::unique_ptr<PendingSocket>) { FAIL(); });
  core.post([&] {
    (*listener)->close();
    EXPECT_TRUE(runtime.listen("127.0.0.1", port));
    runtime.stop();
  });
  run_with_deadline(runtime);
}

// Leaves the process one descriptor at a time: while it has none the listener must pause, and
// accept when there are some again.
TEST(AsioSocket, ListenerSurvivesRunningOutOfDescriptors) {
  AsioRuntime runtime({.cores = 1});
  Core& core = runtime.core(CoreId(0));
  auto listener = runtime.listen("127.0.0.1", 0);
  ASSERT_TRUE(listener);
  BlockingClient client((*listener)->port());

  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const int lowest_free = dup(0);
  ASSERT_GE(lowest_free, 0);
  ::close(lowest_free);
  rlimit none = limit;
  none.rlim_cur = static_cast<rlim_t>(lowest_free);

  MonotonicTime lifted{};
  bool accepted = false;
  std::unique_ptr<PendingSocket> kept;
  (*listener)->on_accept([&](std::unique_ptr<PendingSocket> pending) {
    EXPECT_NE(lifted.value(), 0) << "accepted without a descriptor";
    accepted = true;
    kept = std::move(pending);
    runtime.stop();
  });
  core.post([&] {
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    core.call_after(std::chrono::milliseconds(30), [&] {
      lifted = core.now();
      ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    });
  });
  run_with_deadline(runtime);
  EXPECT_TRUE(accepted);
}

}  // namespace
}  // namespace millrace
