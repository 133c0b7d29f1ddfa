// Life: one run of the broker in a history, from its start to a stop, a kill or a power cut, with
// the Kafka protocol in front of it. Clients run on the runtime's client core and outlive it only
// in what the ledger keeps of them.
//
//   auto life = std::make_unique<Life>(options, disk, ledger);
//   if (auto started = life->start()) { life->spawn(run_producer(life.get(), &producer)); ... }
//   life->stop();          // or, under a ScopedLeakCheckOff: life->abandon()
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "broker/sim_broker_test_support.h"
#include "protocols/kafka/server.h"
#include "protocols/kafka/wire_client_test_support.h"
#include "simulation/ledger.h"

namespace millrace::simulation {

inline constexpr std::uint16_t kPort = 9092;

// What a history draws for one life.
struct LifeOptions {
  SimOptions runtime;
  StorageLimits storage;
  BrokerLimits broker;
  kafka::SessionLimits sessions;
  // Of a thousand requests: whose connection breaks, or falls silent, before the answer.
  unsigned break_per_mille = 3;
  unsigned silence_per_mille = 1;
};

class Life {
 public:
  Life(const LifeOptions& options, SimDisk& disk, Ledger& ledger_in);

  Ledger& ledger;
  const LifeOptions options;
  bool ending = false;  // clients begin nothing new, and end when what they sent is answered
  bool dead = false;    // clients give up
  std::multiset<std::string> clients;  // that have not ended
  std::size_t producers = 0;           // of them

  Result<void> start();
  // The broker asked for a start of its own (a failed flush).
  bool must_restart() const { return must_restart_; }
  bool is_serving() const { return server_ != nullptr; }
  // As the process does it, whatever the disk says to the last checkpoint. Nothing of this life is
  // left when it returns; or what did not end, and then it is all still there.
  std::string stop();
  // As a kill or a power cut does: nothing of it runs on. For ScopedLeakCheckOff.
  void abandon();

  SimRuntime& runtime() { return sim_.runtime(); }
  SimRandom& random() { return runtime().random(); }
  Core& client_core() { return runtime().client_core(); }
  millrace::test::SimBroker& sim() { return sim_; }
  // A client's task beside everything else; one of `clients` until it ends.
  void spawn(std::string name, Task<void> client);
  bool over() const { return dead; }

 private:
  std::string what_is_inside();
  static Task<void> counted(Life* life, std::string name, Task<void> client);
  static Task<void> listen(Life* life, std::optional<Result<void>>* listening);
  static Task<void> stop_serving(Life* life);

  millrace::test::SimBroker sim_;
  std::unique_ptr<kafka::KafkaServer> server_;
  bool must_restart_ = false;
};

// A client's connection. A broker that says nothing for too long is given up, as clients do.
class Client {
 public:
  // Null: refused. The network leaves a `steady` one alone.
  static std::unique_ptr<Client> connect(Life& life, bool steady = false);
  ~Client() { wire_.close(); }
  Client(const Client&) = delete;

  template <class Response, class Request>
  Task<Result<Response>> call(Request request, std::int16_t version) {
    auto sent = co_await send(request, version);
    if (!sent) co_return std::unexpected(sent.error());
    co_return co_await answer<Response>(*sent, version);
  }
  // The two halves of a call, for who has several under way: gives the request's number.
  template <class Request>
  Task<Result<std::int32_t>> send(const Request& request, std::int16_t version) {
    const std::int32_t number = next_number_++;
    disturb();
    const TimerId patience = give_up_later();
    auto written =
        co_await wire_.send(kafka::encode_request(number, "simulated", request, version));
    life_.client_core().cancel(patience);
    if (!written) co_return std::unexpected(written.error());
    co_return number;
  }
  template <class Response>
  Task<Result<Response>> answer(std::int32_t number, std::int16_t version) {
    const TimerId patience = give_up_later();
    auto frame = co_await wire_.receive();
    life_.client_core().cancel(patience);
    if (!frame) co_return std::unexpected(frame.error());
    co_return kafka::test::WireClient::read_answer<Response>(*frame, number, version);
  }

 private:
  Client(Life& life, std::unique_ptr<Socket> socket, bool steady)
      : life_(life), wire_(std::move(socket)), steady_(steady) {}
  void disturb();
  TimerId give_up_later();

  Life& life_;
  kafka::test::WireClient wire_;
  const bool steady_;
  std::int32_t next_number_ = 1;
};

// Answers after which nothing is known, or that say "again": the broker stops, its disk fails or is
// full, or it took too long.
bool is_trouble(std::int16_t error);
inline bool is(std::int16_t error, ErrorCode code) { return error == kafka_error_code(code); }

}  // namespace millrace::simulation
