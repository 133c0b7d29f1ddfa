#include "server/process.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "base/assert.h"
#include "base/log.h"
#include "server/version.h"

namespace millrace {

using namespace std::chrono_literals;

namespace {
// How long a stop waits for what is under way before it says what that is and goes on.
constexpr Duration kStopPatience = 10s;

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == 0) return "localhost";
  return name.data();
}
}  // namespace

Process::Process(ServeOptions options)
    : options_(std::move(options)),
      runtime_({.cores = options_.cores}),
      begun_(runtime_.core(CoreId(0)).now()) {}

int Process::run() {
  runtime_.on_stop_signal([this] {
    log_info("server", "stopping");
    // Nothing was appended, and nothing is lost: it may take long.
    if (opening_) ::_exit(exit_code_);
    restart_.reset();  // if one is under way it ends here
    runtime_.core(CoreId(0)).spawn("stop", stop(0));
  });
  Core& home = runtime_.core(CoreId(0));
  home.post([this, &home] { home.spawn("start", start()); });
  runtime_.run();
  http_.reset();
  observer_.reset();
  management_.reset();
  amqp_.reset();
  kafka_.reset();
  broker_.reset();
  store_.reset();
  opener_.reset();
  return exit_code_;
}

// HTTP first: who asks is told that the broker starts. What is wrong with its address is told
// after what is wrong with the data.
Task<void> Process::start() {
  Result<void> listening = open_http();
  auto opened = co_await open_broker();
  if (opened) opened = listening;
  if (opened) opened = open_kafka();
  if (opened) opened = open_amqp();
  if (opened) opened = open_management();
  if (!opened) {
    fmt::print(stderr, "millrace: {}\n", opened.error().message());
    runtime_.core(CoreId(0)).spawn("stop", stop(1));
    co_return;
  }
  if (stopping_) co_return;
  ready_ = true;
  if (observer_) {
    Duration startup(runtime_.core(CoreId(0)).now() - begun_);
    observer_->observe(*broker_, startup);
  }
  print_ready();
}

Result<void> Process::open_http() {
  if (!options_.http) return {};
  observer_ = std::make_unique<Observer>(runtime_,
                                         ObserverOptions{.version = kVersion,
                                                         .data_directory = options_.data_dir,
                                                         .restarts = options_.restarts,
                                                         .process_bytes = options_.memory.process});
  observer_->set_ready([this] { return readiness() == Readiness::ready; });
  observer_->add_source([this](MetricsPage* page) { return add_protocol_metrics(page); });
  http_ = std::make_unique<HttpServer>(runtime_, options_.http_limits);
  http_->serve("GET", "/healthz", [](HttpRequest) { return answer_now({.body = "ok\n"}); });
  http_->serve("GET", "/readyz",
               [this](HttpRequest) { return answer_now(readiness_answer(readiness())); });
  http_->serve("GET", "/metrics", [this](HttpRequest) { return metrics_answer(); });
  auto listening = http_->listen(options_.http->host, options_.http->port);
  if (!listening) http_.reset();
  return listening;
}

Task<Result<void>> Process::open_broker() {
  Core& home = runtime_.core(CoreId(0));
  opener_ = runtime_.make_worker("open");
  opening_ = true;
  auto store = co_await call_on(home, *opener_, [this] {
    return Store::open(runtime_, options_.data_dir, options_.storage);
  });
  opening_ = false;
  if (!store) co_return std::unexpected(store.error());
  store_ = std::move(*store);
  broker_ = std::make_unique<Broker>(runtime_, *store_, options_.broker);
  auto booted = co_await broker_->boot();
  if (!booted) co_return booted;
  booted_ = true;
  store_->on_must_restart([this] { begin_restart(); });
  co_return Result<void>{};
}

Result<void> Process::open_kafka() {
  if (!options_.kafka) return {};
  kafka_ = std::make_unique<kafka::KafkaServer>(runtime_, *broker_, options_.sessions);
  kafka::Endpoint endpoint;
  if (options_.advertise) {
    endpoint.host = options_.advertise->host;
    endpoint.port = options_.advertise->port;
  }
  endpoint.cluster_id = store_->cluster_id();
  return kafka_->listen(options_.kafka->host, options_.kafka->port, endpoint);
}

Result<void> Process::open_amqp() {
  if (!options_.amqp) return {};
  amqp_ = std::make_unique<amqp::AmqpServer>(runtime_, *broker_, options_.amqp_limits);
  auto listening = amqp_->listen(options_.amqp->host, options_.amqp->port);
  if (!listening) amqp_.reset();
  return listening;
}

// Behind the others, of which it tells.
Result<void> Process::open_management() {
  if (!options_.management) return {};
  management::Facts facts;
  facts.version = kVersion;
  facts.node = "millrace@" + host_name();
  facts.data_directory = options_.data_dir;
  facts.memory_bytes_max = options_.memory.process;
  facts.disk_reserve_bytes = options_.storage.disk_reserve_bytes;
  auto add = [&facts](std::string protocol, const std::string& host, std::uint16_t port) {
    facts.listeners.push_back({std::move(protocol), host, port});
  };
  if (amqp_) add("amqp", options_.amqp->host, amqp_->port());
  if (kafka_) add("kafka", options_.kafka->host, kafka_->port());
  if (http_) add("http/prometheus", options_.http->host, http_->port());
  management_ = std::make_unique<management::Management>(
      runtime_, *broker_, amqp_.get(), std::move(facts), options_.management_limits);
  auto listening = management_->listen(options_.management->host, options_.management->port);
  if (!listening) management_.reset();
  return listening;
}

Readiness Process::readiness() const {
  if (stopping_) return Readiness::stopping;
  if (!ready_) return Readiness::starting;
  switch (store_->health()) {
    case StoreHealth::good:
      return Readiness::ready;
    case StoreHealth::journal_stalled:
      return Readiness::journal_stalled;
    case StoreHealth::disk_full:
      return Readiness::disk_full;
    case StoreHealth::disk_failing:
      return Readiness::disk_failing;
  }
  ASSERT(false);
  return Readiness::disk_failing;
}

Task<HttpAnswer> Process::metrics_answer() {
  HttpAnswer answer{.content_type = "text/plain; version=0.0.4; charset=utf-8"};
  answer.body = co_await observer_->scrape();
  co_return answer;
}

Task<void> Process::add_protocol_metrics(MetricsPage* page) {
  if (kafka_) co_await kafka_->add_metrics(page);
  if (amqp_) amqp_->add_metrics(*page);
}

void Process::begin_restart() {
  log_warning("server",
              "beginning again from what is durable: what was not answered may be sent again");
  restart_ = options_;
  ++restart_->restarts;
  if (kafka_) restart_->kafka->port = kafka_->port();
  if (amqp_) restart_->amqp->port = amqp_->port();
  if (management_) restart_->management->port = management_->port();
  if (http_) restart_->http->port = http_->port();
  runtime_.core(CoreId(0)).spawn("restart", stop(0));
}

void Process::print_ready() const {
  if (options_.restarts > 0) {
    log_info("server", "goes on");
    return;
  }
  auto bound = [](const std::optional<Address>& asked, auto& server) -> std::string {
    if (!asked) return "off";
    return Address{asked->host, server->port()}.text();
  };
  std::string kafka = bound(options_.kafka, kafka_);
  std::string amqp = bound(options_.amqp, amqp_);
  std::string management = bound(options_.management, management_);
  std::string http = bound(options_.http, http_);
  if (options_.json) {
    fmt::print(
        R"({{"ready":true,"version":"{}","kafka":"{}","amqp":"{}","management":"{}","http":"{}",)"
        R"("data_dir":"{}"}})"
        "\n",
        kVersion, kafka, amqp, management, http, options_.data_dir);
  } else {
    fmt::print("millrace {} is ready: kafka {}, amqp {}, management {}, http {}, data in {}\n",
               kVersion, kafka, amqp, management, http, options_.data_dir);
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
  if (amqp_) amqp_->stop_listening();
  if (management_) management_->close();
  if (http_) http_->close();
  if (booted_) {
    co_await broker_->stop();
    if (kafka_) co_await kafka_->close_sessions();
    if (amqp_) co_await amqp_->close_connections();
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
  MonotonicTime deadline = home.now() + kStopPatience.count();
  auto http_connections = [this] {
    return (http_ ? http_->connections() : 0) + (management_ ? management_->connections() : 0);
  };
  while (http_connections() > 0 && home.now() < deadline) {
    co_await sleep_for(home, 5ms);
  }
  runtime_.stop();
}

}  // namespace millrace
