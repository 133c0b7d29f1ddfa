// Process: a whole broker, from the data directory to the listeners.
#pragma once

#include <memory>

#include "admin/http_server.h"
#include "protocols/kafka/server.h"
#include "runtime/asio/asio_runtime.h"
#include "server/options.h"

namespace millrace {

class Process {
 public:
  explicit Process(ServeOptions options);
  // Serves until SIGTERM or SIGINT; the process's exit code.
  int run();

 private:
  Task<void> start();
  Task<Result<void>> open_listeners();
  Task<void> stop(int exit_code);
  void print_ready() const;

  const ServeOptions options_;
  AsioRuntime runtime_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<kafka::KafkaServer> kafka_;
  std::unique_ptr<HttpServer> http_;
  bool booted_ = false;
  bool stopping_ = false;
  int exit_code_ = 0;
};

}  // namespace millrace
