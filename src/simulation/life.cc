#include "simulation/life.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/assert.h"

namespace millrace::simulation {

using namespace std::chrono_literals;

namespace {
// Longer than the longest time that a request may be held for: a join during a rebalance.
constexpr Duration kClientPatience = 40s;
constexpr Duration kStopPatience = 2min;
}  // namespace

Life::Life(const LifeOptions& options_in, SimDisk& disk, Ledger& ledger_in)
    : ledger(ledger_in),
      options(options_in),
      sim_(options_in.runtime, disk, options_in.broker, options_in.storage) {}

Result<void> Life::start() {
  TRY(sim_.start());
  sim_.store().on_must_restart([this] { must_restart_ = true; });
  server_ = std::make_unique<kafka::KafkaServer>(runtime(), sim_.broker(), options.sessions);
  std::optional<Result<void>> listening;
  Core& home = runtime().core(CoreId(0));
  home.post([&home, task = listen(this, &listening)]() mutable {
    home.spawn("listen", std::move(task));
  });
  runtime().run_until([&] { return listening.has_value(); }, 1s);
  ASSERT(listening.has_value());
  return *listening;
}

Task<void> Life::listen(Life* life, std::optional<Result<void>>* listening) {
  *listening = life->server_->listen("127.0.0.1", kPort, {});
  co_return;
}

Task<void> Life::stop_serving(Life* life) {
  life->server_->stop_listening();
  co_await life->sim_.broker().stop();
  co_await life->server_->close_sessions();
}

std::string Life::stop() {
  dead = true;
  sim_.run(stop_serving(this));
  if (!runtime().run_until([&] { return clients.empty(); }, kStopPatience)) {
    return fmt::format("{}", fmt::join(clients, ", "));
  }
  if (!runtime().run_until([&] { return sim_.nothing_inside(); }, kStopPatience)) {
    return what_is_inside();
  }
  server_.reset();
  return sim_.close_whatever_the_disk_says(kStopPatience) ? "" : what_is_inside();
}

std::string Life::what_is_inside() {
  std::string inside;
  for (std::uint32_t id = 0; id < runtime().core_count(); ++id) {
    inside += fmt::format(" core {}: {}", id, runtime().core(CoreId(id)).tasks().describe());
  }
  return inside;
}

void Life::abandon() {
  dead = true;
  sim_.abandon();
  [[maybe_unused]] kafka::KafkaServer* server = server_.release();
}

void Life::spawn(std::string name, Task<void> client) {
  clients.insert(name);
  Core& core = client_core();
  core.post([&core, task = counted(this, std::move(name), std::move(client))]() mutable {
    core.spawn("client", std::move(task));
  });
}

Task<void> Life::counted(Life* life, std::string name, Task<void> client) {
  co_await client;
  life->clients.erase(life->clients.find(name));
}

std::unique_ptr<Client> Client::connect(Life& life, bool steady) {
  auto socket = life.runtime().connect(life.client_core(), kPort);
  if (!socket) return nullptr;
  return std::unique_ptr<Client>(new Client(life, std::move(*socket), steady));
}

void Client::disturb() {
  if (steady_) return;
  const std::uint64_t drawn = life_.random().below(1000);
  if (drawn < life_.options.break_per_mille) {
    life_.runtime().break_connection(wire_.socket());
  } else if (drawn < life_.options.break_per_mille + life_.options.silence_per_mille) {
    life_.runtime().silence_connection(wire_.socket());
  }
}

TimerId Client::give_up_later() {
  return life_.client_core().call_after(
      kClientPatience, [this] { life_.runtime().break_connection(wire_.socket()); });
}

bool is_trouble(std::int16_t error) {
  return is(error, ErrorCode::outcome_unknown) || is(error, ErrorCode::stopping) ||
         is(error, ErrorCode::timed_out);
}

}  // namespace millrace::simulation
