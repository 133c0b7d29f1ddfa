#include "admin/http_server.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

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

Task<HttpAnswer> later(Core* core, std::string body) {
  co_await sleep_for(*core, 1ms);
  co_return HttpAnswer{.body = std::move(body)};
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
    server_.serve("GET", "/healthz", [](HttpRequest) { return answer_now({.body = "ok\n"}); });
    server_.serve("GET", "/metrics",
                  [this](HttpRequest) { return later(&home(), std::string(answer_bytes_, 'm')); });
    server_.serve("GET", "/readyz", [](HttpRequest) {
      return answer_now({.status = 503, .content_type = "application/json", .body = "{}\n"});
    });
    server_.serve("PUT", "/things/{place}/{name}", [](HttpRequest request) {
      return answer_now({.status = 201,
                         .body = request.parameter("place") + '|' + request.parameter("name") +
                                 '|' + request.body,
                         .headers = {{"X-From", request.peer.substr(0, 9)}}});
    });
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
  static constexpr std::uint64_t kHeldBytesMax = 280'000;
  HttpServer server_{runtime_, {.held_bytes_max = kHeldBytesMax}};
  std::size_t answer_bytes_ = 3;
};

bool begins_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

TEST_F(HttpServerTest, AnswersAreTheHandlers) {
  std::string answer = ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(begins_with(answer, "HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nok\n")) << answer;
  EXPECT_NE(answer.find("Content-Type: text/plain; charset=utf-8\r\n"), std::string::npos);
  answer = ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(begins_with(answer, "HTTP/1.1 503 Service Unavailable\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n{}\n")) << answer;
  EXPECT_NE(answer.find("Content-Type: application/json\r\n"), std::string::npos);
  answer = ask("GET /metrics?name[]=up HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(begins_with(answer, "HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nmmm")) << answer;
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  const std::string answer = ask("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(begins_with(answer, "HTTP/1.1 200 ")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(HttpServerTest, UnknownPathsAndMethods) {
  const std::string unknown = ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(begins_with(unknown, "HTTP/1.1 404 "));
  EXPECT_TRUE(unknown.ends_with("there is /healthz /metrics /readyz /things/{place}/{name}\n"))
      << unknown;
  EXPECT_TRUE(begins_with(ask("GET /healthz/ HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 "));
  EXPECT_TRUE(begins_with(ask("GET /healthz/x HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 404 "));
  EXPECT_TRUE(begins_with(ask("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 400 "));
  for (const char* method : {"POST", "DELETE", "PUT", "OPTIONS", "BREW"}) {
    const std::string answer = ask(method + std::string(" /healthz HTTP/1.1\r\nHost: x\r\n\r\n"));
    EXPECT_TRUE(begins_with(answer, "HTTP/1.1 405 ")) << answer;
    EXPECT_NE(answer.find("Allow: GET, HEAD\r\n"), std::string::npos) << answer;
  }
}

TEST_F(HttpServerTest, PartsOfThePathAndTheBodyReachTheHandler) {
  const std::string answer =
      ask("PUT /things/%2F/a%20b+c?x=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(begins_with(answer, "HTTP/1.1 201 Created\r\n")) << answer;
  EXPECT_NE(answer.find("X-From: 127.0.0.1\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n/|a b+c|hello")) << answer;
  const std::string wrong = ask("GET /things/a/b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(begins_with(wrong, "HTTP/1.1 405 ")) << wrong;
  EXPECT_NE(wrong.find("Allow: PUT\r\n"), std::string::npos) << wrong;
  const std::string empty = ask("PUT /things//b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(begins_with(empty, "HTTP/1.1 404 ")) << empty;
}

TEST_F(HttpServerTest, WhoAsksWhetherToGoOnIsTold) {
  auto conversation = start(
      "PUT /things/a/b HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_TRUE(runtime_.run_until(
      [&] { return conversation->answer == "HTTP/1.1 100 Continue\r\n\r\n"; }, 1s))
      << conversation->answer;
  finish(*conversation);
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

// What is answered to something that is not read to its end; the connection is over then.
class HttpRefusalTest : public HttpServerTest {
 protected:
  void expect_refused(std::string request, const std::string& status) {
    auto conversation = start(std::move(request));
    EXPECT_TRUE(runtime_.run_until([&] { return conversation->ended; }, 5min)) << status;
    EXPECT_TRUE(begins_with(conversation->answer, "HTTP/1.1 " + status + "\r\n"))
        << conversation->answer;
    EXPECT_NE(conversation->answer.find("Connection: close\r\n"), std::string::npos);
    finish(*conversation);
    EXPECT_TRUE(begins_with(ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 "));
  }
};

TEST_F(HttpRefusalTest, WhatIsNoHttp) {
  expect_refused("hello\r\n\r\n", "400 Bad Request");
  expect_refused(std::string(1000, '\0'), "400 Bad Request");
  expect_refused("GET / HTTP/9.7\r\n\r\n", "505 HTTP Version Not Supported");
}

TEST_F(HttpRefusalTest, AHeaderThatIsTooLarge) {
  expect_refused("GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\n\r\n",
                 "431 Request Header Fields Too Large");
  expect_refused("GET /healthz HTTP/1.1\r\nA: " + std::string(20'000, 'x') + "\r\n\r\n",
                 "431 Request Header Fields Too Large");
  // One that never ends.
  expect_refused("GET /healthz HTTP/1.1\r\nA: " + std::string(200'000, 'x'),
                 "431 Request Header Fields Too Large");
}

TEST_F(HttpRefusalTest, ABodyThatIsTooLarge) {
  EXPECT_TRUE(begins_with(ask("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
                          "HTTP/1.1 200 "));
  expect_refused("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
                 "413 Payload Too Large");
}

TEST_F(HttpRefusalTest, ARequestThatTakesTooLong) {
  expect_refused("GET /heal", "408 Request Timeout");
  expect_refused("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel",
                 "408 Request Timeout");
}

// Each is within what one request may be.
TEST_F(HttpRefusalTest, RequestsThatAreTooMuchTogether) {
  const std::string half = "PUT /things/a/b HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" +
                           std::string(50'000, 'x');
  std::vector<std::unique_ptr<Talk>> talks;
  for (std::uint64_t held = 50'000; held < kHeldBytesMax; held += 50'000) {
    talks.push_back(start(half));
  }
  ASSERT_TRUE(runtime_.run_until([&] { return server_.held_bytes() == 250'000; }, 5s));
  auto one_more = start(half);
  EXPECT_TRUE(runtime_.run_until([&] { return one_more->ended; }, 5s));
  EXPECT_TRUE(begins_with(one_more->answer, "HTTP/1.1 503 ")) << one_more->answer;
  finish(*one_more);
  for (auto& talk : talks) finish(*talk);
  EXPECT_TRUE(runtime_.run_until([&] { return server_.held_bytes() == 0; }, 5s));
  EXPECT_TRUE(begins_with(ask(half + std::string(10'000, 'x')), "HTTP/1.1 201 "));
}

// The part of a second request is timed from when the first one was answered.
TEST_F(HttpRefusalTest, ASecondRequestThatTakesTooLong) {
  auto conversation = start("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea");
  EXPECT_TRUE(runtime_.run_until([&] { return conversation->ended; }, 5min));
  EXPECT_TRUE(begins_with(conversation->answer, "HTTP/1.1 200 ")) << conversation->answer;
  EXPECT_NE(conversation->answer.find("HTTP/1.1 408 "), std::string::npos);
  finish(*conversation);
}

TEST_F(HttpServerTest, WhoSaysNothingIsLetGo) {
  auto conversation = start("");
  runtime_.run_for(59s);
  EXPECT_FALSE(conversation->ended);
  EXPECT_TRUE(runtime_.run_until([&] { return conversation->ended; }, 10s));
  EXPECT_EQ(conversation->answer, "");
  finish(*conversation);
}

// More than the sockets' buffers hold, and nobody reads.
TEST_F(HttpServerTest, WhoDoesNotReadItsAnswerIsLetGo) {
  answer_bytes_ = 8 << 20;
  auto socket = runtime_.connect(runtime_.client_core(), kPort);
  ASSERT_TRUE(socket.has_value());
  Core& core = runtime_.client_core();
  core.post([&] {
    ByteChain out;
    out.append(Bytes::copy_of(as_bytes("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")));
    ASSERT_TRUE((*socket)->try_write(out, 0).has_value());
  });
  ASSERT_TRUE(runtime_.run_until([&] { return server_.connections() == 1; }, 1s));
  runtime_.run_for(29s);
  EXPECT_EQ(server_.connections(), 1u);
  EXPECT_TRUE(runtime_.run_until([&] { return server_.connections() == 0; }, 5s));
  (*socket)->close();
}

TEST_F(HttpServerTest, MoreConnectionsThanThereMayBeAreTurnedAway) {
  std::vector<std::unique_ptr<Talk>> talks;
  for (std::size_t i = 0; i < HttpLimits{}.connections_max; ++i) talks.push_back(start(""));
  ASSERT_TRUE(runtime_.run_until(
      [&] { return server_.connections() == HttpLimits{}.connections_max; }, 1s));
  auto one_more = start("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(runtime_.run_until([&] { return one_more->ended; }, 1s));
  EXPECT_TRUE(one_more->answer.empty() ||
              begins_with(one_more->answer, "HTTP/1.1 503 Service Unavailable"))
      << one_more->answer;
  finish(*one_more);
  for (auto& talk : talks) finish(*talk);
  EXPECT_TRUE(runtime_.run_until([&] { return server_.connections() == 0; }, 1s));
  EXPECT_TRUE(begins_with(ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 "));
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
