#include "server/process.h"

#include <fmt/format.h>

#include "base/log.h"
#include "server/version.h"

namespace millrace {

using namespace std::chrono_literals;

namespace {
// How long a stop waits for what is under way before it says what that is and goes on.
constexpr Duration kStopPatience = 10s;
}  // namespace

Process::Process(ServeOptions options)
    : options_(std::move(options)), runtime_({.cores = options_.cores}) {}

int Process::run() {
  auto store = Store::open(runtime_, options_.data_dir, options_.storage);
  if (!store) {
    fmt::print(stderr, "millrace: {}\n", store.error().message());
    return 1;
  }
  store_ = std::move(*store);
  broker_ = std::make_unique<Broker>(runtime_, *store_, options_.broker);
  runtime_.on_stop_signal([this] {
    log_info("server", "stopping");
    restart_.reset();  // if one is under way it ends here
    runtime_.core(CoreId(0)).spawn("stop", stop(0));
  });
  Core& home = runtime_.core(CoreId(0));
  home.post([this, &home] { home.spawn("start", start()); });
  runtime_.run();
  http_.reset();
  kafka_.reset();
  broker_.reset();
  store_.reset();
  return exit_code_;
}

Task<void> Process::start() {
  auto booted = co_await broker_->boot();
  if (!booted) {
    fmt::print(stderr, "millrace: {}\n", booted.error().message());
    exit_code_ = 1;
    runtime_.stop();
    co_return;
  }
  booted_ = true;
  store_->on_must_restart([this] { begin_restart(); });
  auto listening = co_await open_listeners();
  if (!listening) {
    fmt::print(stderr, "millrace: {}\n", listening.error().message());
    runtime_.core(CoreId(0)).spawn("stop", stop(1));
    co_return;
  }
  print_ready();
}

Task<Result<void>> Process::open_listeners() {
  if (options_.kafka) {
    kafka_ = std::make_unique<kafka::KafkaServer>(runtime_, *broker_, options_.sessions);
    kafka::Endpoint endpoint;
    if (options_.advertise) {
      endpoint.host = options_.advertise->host;
      endpoint.port = options_.advertise->port;
    }
    endpoint.cluster_id = store_->cluster_id();
    auto listening = kafka_->listen(options_.kafka->host, options_.kafka->port, endpoint);
    if (!listening) co_return listening;
  }
  if (options_.http) {
    http_ = std::make_unique<HttpServer>(runtime_, options_.http_limits);
    auto listening = http_->listen(options_.http->host, options_.http->port);
    if (!listening) co_return listening;
  }
  co_return Result<void>{};
}

void Process::begin_restart() {
  log_warning("server",
              "beginning again from what is durable: what was not answered may be sent again");
  restart_ = options_;
  restart_->is_restart = true;
  if (kafka_) restart_->kafka->port = kafka_->port();
  if (http_) restart_->http->port = http_->port();
  runtime_.core(CoreId(0)).spawn("restart", stop(0));
}

void Process::print_ready() const {
  if (options_.is_restart) {
    log_info("server", "goes on");
    return;
  }
  auto bound = [](const std::optional<Address>& asked, auto& server) -> std::string {
    if (!asked) return "off";
    return Address{asked->host, server->port()}.text();
  };
  std::string kafka = bound(options_.kafka, kafka_);
  std::string http = bound(options_.http, http_);
  if (options_.json) {
    fmt::print(R"({{"ready":true,"version":"{}","kafka":"{}","http":"{}","data_dir":"{}"}})"
               "\n",
               kVersion, kafka, http, options_.data_dir);
  } else {
    fmt::print("millrace {} is ready: kafka {}, http {}, data in {}\n", kVersion, kafka, http,
               options_.data_dir);
  }
  std::fflush(stdout);
}

// Order: no new connections, waiting requests answered, connections closed, then what was appended
// is flushed and marked clean. Whatever a client was told is durable at every point of it.
Task<void> Process::stop(int exit_code) {
  if (stopping_) co_return;
  stopping_ = true;
  exit_code_ = exit_code;
  Core& home = runtime_.core(CoreId(0));
  if (kafka_) kafka_->stop_listening();
  if (http_) http_->close();
  if (booted_) {
    co_await broker_->stop();
    if (kafka_) co_await kafka_->close_sessions();
    MonotonicTime deadline = home.now() + kStopPatience.count();
    for (std::uint32_t id = 0; id < runtime_.core_count(); ++id) {
      Core& core = runtime_.core(CoreId(id));
      std::size_t own = id == 0 ? 1 : 0;  // this task
      for (;;) {
        std::size_t inside =
            co_await call_on(home, core, [&core] { return core.tasks().inside(); });
        if (inside <= own) break;
        if (home.now() > deadline) {
          std::string who =
              co_await call_on(home, core, [&core] { return core.tasks().describe(); });
          log_warning("server", "still under way on core {}: {}", id, who);
          break;
        }
        co_await sleep_for(home, 5ms);
      }
    }
    auto closed = co_await store_->close();
    if (!closed && !restart_) {
      log_error("server", "the last checkpoint failed, the next start replays the journal: {}",
                closed.error().message());
      exit_code_ = 1;
    }
  }
  runtime_.stop();
}

}  // namespace millrace
