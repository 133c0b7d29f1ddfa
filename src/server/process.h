// Process: a whole broker, from the data directory to the listeners.
#pragma once

#include <memory>
#include <optional>

#include "protocols/kafka/server.h"
#include "runtime/asio/asio_runtime.h"
#include "server/serve_options.h"

namespace millrace {

class Process {
 public:
  explicit Process(ServeOptions options);
  // Serves until SIGTERM or SIGINT, or until must_restart(); the process's exit code. Once.
  int run();
  // A flush of the journal failed, and what is durable is safe (Store::on_must_restart): another
  // Process with these options goes on from there, at the same addresses.
  const std::optional<ServeOptions>& must_restart() const { return restart_; }

 private:
  Task<void> start();
  Task<Result<void>> open_listeners();
  Task<void> stop(int exit_code);
  void print_ready() const;
  void begin_restart();

  const ServeOptions options_;
  AsioRuntime runtime_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<kafka::KafkaServer> kafka_;
  std::unique_ptr<HttpServer> http_;
  bool booted_ = false;
  bool stopping_ = false;
  int exit_code_ = 0;
  std::optional<ServeOptions> restart_;
};

}  // namespace millrace
