// What the tests of this folder share: running works on a real runtime under a deadline, and a
// plain blocking client.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/asio/asio_runtime.h"

namespace millrace {

inline constexpr Duration kTestDeadline = std::chrono::seconds(60);

// Runs until something calls runtime.stop(); fails the test when nothing does in time.
inline void run_with_deadline(AsioRuntime& runtime) {
  Core& core = runtime.core(CoreId(0));
  core.post([&] {
    core.call_after(kTestDeadline, [&] {
      ADD_FAILURE() << "the deadline passed";
      runtime.stop();
    });
  });
  runtime.run();
}

class BlockingClient {
 public:
  explicit BlockingClient(std::uint16_t port) : descriptor_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  BlockingClient(const BlockingClient&) = delete;
  ~BlockingClient() { ::close(descriptor_); }

  void send_all(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
      ASSERT_GT(count, 0);
      text.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  void end_sending() { shutdown(descriptor_, SHUT_WR); }
  // All until the peer closes.
  std::string receive_all() {
    std::string all;
    char space[65536];
    for (;;) {
      const ssize_t count = recv(descriptor_, space, sizeof(space), 0);
      if (count <= 0) return all;
      all.append(space, static_cast<std::size_t>(count));
    }
  }

 private:
  int descriptor_;
};

// A folder of its own that goes with the test.
class TestDirectory {
 public:
  TestDirectory() {
    std::string pattern = testing::TempDir() + "millrace-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TestDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace millrace
