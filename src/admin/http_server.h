// HttpServer: what operators and their programs ask over HTTP: health, metrics, management. On core
// 0; not made for load.
//
//   HttpServer http(runtime);
//   http.serve("GET", "/healthz", [](HttpRequest) { return answer_now({.body = "ok\n"}); });
//   http.serve("PUT", "/api/queues/{vhost}/{name}", handler);      // http_routes.h
//   http.listen("127.0.0.1", 8080);
//
// Bounded: connections, the size of a request and of all that are held at once, and the time a
// client may take to send one and to read its answer. Who goes beyond is told with the status that
// says so, and the connection ends.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "admin/http_request.h"
#include "admin/http_routes.h"
#include "runtime/runtime.h"

namespace millrace {

// For a handler that has its answer at once.
Task<HttpAnswer> answer_now(HttpAnswer answer);

struct HttpLimits {
  std::size_t connections_max = 100;  // further ones are answered 503
  std::uint32_t header_bytes_max = 8 << 10;
  std::uint64_t body_bytes_max = 64 << 10;
  std::uint64_t held_bytes_max = 8 << 20;  // requests of all connections; further ones: 503
  Duration request_max = std::chrono::seconds(10);  // from a request's first byte to its last
  Duration answer_max = std::chrono::seconds(30);   // for a client to read its answer
  Duration idle_max = std::chrono::seconds(60);     // between two requests
  Duration linger_max = std::chrono::seconds(1);    // for a client to read a refusal, and go
};

class HttpServer {
 public:
  explicit HttpServer(Runtime& runtime, HttpLimits limits = {})
      : runtime_(runtime), limits_(limits) {}
  ~HttpServer();

  // These before listen(). Handlers are called on core 0.
  void serve(std::string_view method, std::string_view pattern, HttpHandler handler);
  // Asked first: whoever it has an answer for gets that one. It must have none to let a request by.
  using Guard = std::function<std::optional<HttpAnswer>(const HttpRequest& request)>;
  void set_guard(Guard guard) { guard_ = std::move(guard); }
  // How the server's own refusals look. Text, unless it is said otherwise.
  using Refusal = std::function<HttpAnswer(unsigned status, std::string why)>;
  void set_refusal(Refusal refusal) { refusal_ = std::move(refusal); }
  Result<void> listen(const std::string& host, std::uint16_t port);
  std::uint16_t port() const { return listener_->port(); }
  // On core 0. Connections end soon after.
  void close();
  std::size_t connections() const { return open_.size(); }
  // Of requests that are not answered yet.
  std::uint64_t held_bytes() const { return held_bytes_; }

 private:
  class Connection;
  void accept(std::unique_ptr<PendingSocket> pending);
  Task<void> run(std::shared_ptr<Connection> connection);
  Task<HttpAnswer> answer(HttpRequest request);
  HttpAnswer refuse(unsigned status, std::string why) const;

  Runtime& runtime_;
  const HttpLimits limits_;
  HttpRoutes routes_;
  Guard guard_;
  Refusal refusal_;
  std::uint64_t held_bytes_ = 0;
  std::unique_ptr<Listener> listener_;
  std::unordered_set<std::shared_ptr<Connection>> open_;
};

}  // namespace millrace
