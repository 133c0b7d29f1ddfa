// Process: a whole broker, from the data directory to the listeners.
#pragma once

#include <memory>
#include <optional>

#include "admin/http_server.h"
#include "management/management.h"
#include "observe/observer.h"
#include "protocols/amqp/server.h"
#include "protocols/kafka/server.h"
#include "runtime/asio/asio_runtime.h"
#include "server/readiness.h"
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
  Result<void> open_http();
  Task<void> start();
  Task<Result<void>> open_broker();
  Result<void> open_kafka();
  Result<void> open_amqp();
  Result<void> open_management();
  Readiness readiness() const;
  Task<void> stop(int exit_code);
  Task<HttpAnswer> metrics_answer();
  Task<void> add_protocol_metrics(MetricsPage* page);
  void print_ready() const;
  void begin_restart();

  const ServeOptions options_;
  AsioRuntime runtime_;
  const MonotonicTime begun_;
  std::unique_ptr<Worker> opener_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<kafka::KafkaServer> kafka_;
  std::unique_ptr<amqp::AmqpServer> amqp_;
  std::unique_ptr<management::Management> management_;
  std::unique_ptr<Observer> observer_;
  std::unique_ptr<HttpServer> http_;
  bool opening_ = false;  // the store, on opener_
  bool booted_ = false;
  bool ready_ = false;
  bool stopping_ = false;
  int exit_code_ = 0;
  std::optional<ServeOptions> restart_;
};

}  // namespace millrace
