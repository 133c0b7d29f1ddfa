// HttpServer: answers /healthz and /readyz. On core 0; not made for load.
#pragma once

#include <memory>
#include <string>
#include <unordered_set>

#include "runtime/runtime.h"

namespace millrace {

struct HttpLimits {
  std::size_t connections_max = 100;  // further ones are closed at once
};

class HttpServer {
 public:
  explicit HttpServer(Runtime& runtime, HttpLimits limits = {})
      : runtime_(runtime), limits_(limits) {}
  ~HttpServer();

  Result<void> listen(const std::string& host, std::uint16_t port);
  std::uint16_t port() const { return listener_->port(); }
  void close();

 private:
  Task<void> serve(std::shared_ptr<Socket> socket);
  Runtime& runtime_;
  const HttpLimits limits_;
  std::unique_ptr<Listener> listener_;
  std::unordered_set<std::shared_ptr<Socket>> open_;
};

}  // namespace millrace
