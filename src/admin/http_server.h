// HttpServer: what operators and their programs ask over HTTP: health, readiness, metrics. On core
// 0; not made for load.
//
//   HttpServer http(runtime);
//   http.serve("/healthz", [] { return answer_now({.body = "ok\n"}); });
//   http.listen("127.0.0.1", 8080);
//
// Bounded: connections, the size of a request, and the time a client may take to send one and to
// read its answer. Who goes beyond is told with the status that says so, and the connection ends.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>

#include "runtime/runtime.h"

namespace millrace {

struct HttpAnswer {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};
// Called on core 0, for GET and HEAD.
using HttpHandler = std::function<Task<HttpAnswer>()>;
// For a handler that has its answer at once.
Task<HttpAnswer> answer_now(HttpAnswer answer);

struct HttpLimits {
  std::size_t connections_max = 100;  // further ones are answered 503
  std::uint32_t header_bytes_max = 8 << 10;
  std::uint64_t body_bytes_max = 64 << 10;
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

  // Before listen().
  void serve(std::string path, HttpHandler handler);
  Result<void> listen(const std::string& host, std::uint16_t port);
  std::uint16_t port() const { return listener_->port(); }
  // On core 0. Connections end soon after.
  void close();
  std::size_t connections() const { return open_.size(); }

 private:
  class Connection;
  void accept(std::unique_ptr<PendingSocket> pending);
  Task<void> run(std::shared_ptr<Connection> connection);
  // What there is, for who asks for something else.
  std::string paths() const;

  Runtime& runtime_;
  const HttpLimits limits_;
  std::map<std::string, HttpHandler, std::less<>> handlers_;
  std::unique_ptr<Listener> listener_;
  std::unordered_set<std::shared_ptr<Connection>> open_;
};

}  // namespace millrace
