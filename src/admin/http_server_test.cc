#include "admin/http_server.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "runtime/sim/sim_disk.h"
#include "runtime/sim/sim_runtime.h"

namespace millrace {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kPort = 8080;

Task<void> listen(HttpServer* server, bool* listening) {
  auto outcome = server->listen("127.0.0.1", kPort);
  *listening = outcome.has_value();
  co_return;
}

Task<void> close(HttpServer* server) {
  server->close();
  co_return;
}

// Sends, and collects what comes back until the other side closes.
Task<void> talk(Socket* socket, std::string request, std::string* answer, bool* ended) {
  ByteChain out;
  out.append(Bytes::copy_of(as_bytes(request)));
  auto sent = co_await write_all(*socket, std::move(out));
  while (sent) {
    std::uint8_t space[1024];
    auto count = co_await read_some(*socket, space);
    if (!count) break;
    answer->append(as_text({space, *count}));
  }
  *ended = true;
}

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    bool listening = false;
    runtime_.run(home(), listen(&server_, &listening));
    EXPECT_TRUE(listening);
  }
  ~HttpServerTest() override {
    runtime_.run(home(), close(&server_));
    EXPECT_TRUE(runtime_.run_until([this] { return home().tasks().inside() == 0; }, 1min));
    runtime_.run_until_idle(1min);
  }

  Core& home() { return runtime_.core(CoreId(0)); }

  struct Talk {
    std::unique_ptr<Socket> socket;
    std::string answer;
    bool ended = false;
  };
  std::unique_ptr<Talk> start(std::string request) {
    auto conversation = std::make_unique<Talk>();
    auto socket = runtime_.connect(runtime_.client_core(), kPort);
    EXPECT_TRUE(socket.has_value());
    conversation->socket = std::move(*socket);
    Core& core = runtime_.client_core();
    core.post([&core, task = talk(conversation->socket.get(), std::move(request),
                                  &conversation->answer, &conversation->ended)]() mutable {
      core.spawn("client", std::move(task));
    });
    return conversation;
  }
  void finish(Talk& conversation) {
    conversation.socket->close();
    ASSERT_TRUE(runtime_.run_until([&] { return conversation.ended; }, 1min));
  }
  // What is answered to one request before the client goes.
  std::string ask(std::string request) {
    auto conversation = start(std::move(request));
    runtime_.run_for(50ms);
    finish(*conversation);
    return conversation->answer;
  }

  SimDisk disk_{1};
  SimRuntime runtime_{{.seed = 1}, disk_};
  HttpServer server_{runtime_};
};

bool begins_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

TEST_F(HttpServerTest, HealthAndReadiness) {
  for (const char* path : {"/healthz", "/readyz"}) {
    const std::string answer = ask(std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(begins_with(answer, "HTTP/1.1 200 ")) << answer;
    EXPECT_NE(answer.find("\r\n\r\nok\n"), std::string::npos) << answer;
  }
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  const std::string answer = ask("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(begins_with(answer, "HTTP/1.1 200 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(HttpServerTest, UnknownPathsAndMethods) {
  EXPECT_TRUE(begins_with(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 404 "));
  EXPECT_TRUE(begins_with(ask("DELETE /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 405 "));
}

TEST_F(HttpServerTest, AConnectionIsUsedAgain) {
  const std::string one = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string answer = ask(one + one + one);
  std::size_t count = 0;
  for (auto at = answer.find("200 OK"); at != std::string::npos;
       at = answer.find("200 OK", at + 1)) {
    ++count;
  }
  EXPECT_EQ(count, 3u) << answer;
}

TEST_F(HttpServerTest, OneAnswerAndTheEndWhenTheClientWantsIt) {
  auto conversation = start("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(runtime_.run_until([&] { return conversation->ended; }, 1s));
  EXPECT_TRUE(begins_with(conversation->answer, "HTTP/1.1 200 "));
  finish(*conversation);
}

TEST_F(HttpServerTest, NoHttpEndsTheConnection) {
  for (const std::string& garbage : {std::string("hello\r\n\r\n"), std::string(1000, '\0'),
                                     "GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\n\r\n"}) {
    auto conversation = start(garbage);
    EXPECT_TRUE(runtime_.run_until([&] { return conversation->ended; }, 1s));
    finish(*conversation);
    EXPECT_TRUE(begins_with(ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 "));
  }
}

TEST_F(HttpServerTest, ABodyIsReadAndItsLimitHolds) {
  EXPECT_TRUE(begins_with(ask("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
                          "HTTP/1.1 200 "));
  auto conversation = start("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
  EXPECT_TRUE(runtime_.run_until([&] { return conversation->ended; }, 1s));
  finish(*conversation);
}

// Idle ones too: the server's end closes them.
TEST_F(HttpServerTest, OpenConnectionsEndWithTheServer) {
  auto idle = start("");
  auto half = start("GET /heal");
  runtime_.run_for(10ms);
  runtime_.run(home(), close(&server_));
  EXPECT_TRUE(runtime_.run_until([&] { return idle->ended && half->ended; }, 1s));
}

}  // namespace
}  // namespace millrace
