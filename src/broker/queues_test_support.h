// QueuesTest: a broker of three cores in simulation, its queues, and what a test does with them.
//
//   auto orders = declare("orders");
//   publish("orders", {"a", "b"});                            // expects that both are taken
//   auto sink = consume(orders, {.credit = 10});
//   ASSERT_TRUE(until([&] { return sink->bodies().size() == 2; }));
//   settle(orders, *sink, Verdict::acknowledged);             // what it has
//   restart();                                                // or cut_everywhere(...)
//
// Verbs come from the core that `from` says: numbers above the cores' begin again at the first.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "broker/queues.h"
#include "broker/sim_broker_test_support.h"

namespace millrace::test {

class TestSink : public DeliverySink {
 public:
  struct Given {
    Offset offset;
    std::string body;
    bool redelivered = false;
    DeliveryCounts before;
  };

  explicit TestSink(HolderId holder) : holder_(holder) {}
  void deliver(HolderId holder, std::vector<Delivery> deliveries) override {
    EXPECT_EQ(holder, holder_);
    for (const Delivery& each : deliveries) {
      given_.push_back({each.offset, std::string(as_text(each.message->fields.body)),
                        each.redelivered, each.before});
    }
  }
  void cancelled(HolderId holder) override {
    EXPECT_EQ(holder, holder_);
    ++cancelled_;
  }

  HolderId holder() const { return holder_; }
  const std::vector<Given>& given() const { return given_; }
  std::vector<std::string> bodies() const {
    std::vector<std::string> bodies;
    for (const Given& each : given_) bodies.push_back(each.body);
    return bodies;
  }
  std::size_t count() const { return given_.size(); }
  int cancelled() const { return cancelled_; }

 private:
  HolderId holder_;
  std::vector<Given> given_;
  int cancelled_ = 0;
};

struct ConsumeOptions {
  std::int64_t credit = 1000;
  std::optional<std::int64_t> bytes;
  bool no_ack = false;
  bool is_exclusive = false;
  std::int32_t priority = 0;
};

struct QueueOptions {
  ValueTable arguments = {};
  bool durable = true;
  bool exclusive = false;
  bool auto_delete = false;
};

struct PublishOptions {
  std::string exchange;  // the default one
  std::optional<std::int64_t> ttl_ms = {};
  std::size_t from = 0;
};

class QueuesTest : public testing::Test {
 protected:
  static constexpr std::size_t kCores = 3;
  using Bodies = std::vector<std::string>;
  using QueueRef = std::shared_ptr<const QueueInfo>;

  QueuesTest() : disk_(std::make_unique<SimDisk>(1)) {
    set_log_level(LogLevel::error);
    disk_->make_durable_directory(kSimDirectory);
  }
  ~QueuesTest() override { set_log_level(LogLevel::info); }
  void SetUp() override { start(); }
  void TearDown() override { stop(); }

  void start() {
    sim_ = std::make_unique<SimBroker>(SimOptions{.seed = ++seed_, .cores = kCores}, *disk_,
                                       BrokerLimits{}, storage_);
    auto started = sim_->start();
    ASSERT_TRUE(started.has_value()) << started.error().message();
  }
  void stop() {
    if (!sim_) return;
    EXPECT_EQ(sim_->runtime().blocking_calls_on_cores(), 0u);
    sim_.reset();
  }
  void restart() {
    stop();
    start();
  }

  SimBroker& sim() { return *sim_; }
  static std::uint32_t core_id(std::size_t id) { return static_cast<std::uint32_t>(id % kCores); }
  BrokerCore& core(std::size_t id = 0) { return sim().core(core_id(id)); }
  Queues& queues(std::size_t id = 0) { return core(id).queues(); }
  bool until(const std::function<bool()>& done, Duration limit = std::chrono::seconds(20)) {
    return sim().runtime().run_until(done, limit);
  }
  void run_for(Duration time) { sim().runtime().run_for(time); }
  template <class T>
  T run(Task<T> task, std::size_t from = 0) {
    return sim().run(std::move(task), core_id(from));
  }

  // Topology.
  void change(CatalogMachine::TopologyCommand command, std::size_t from = 0) {
    auto reply = run(queues(from).change(std::move(command)), from);
    EXPECT_FALSE(reply.error) << reply.error->message();
  }
  QueueRef declare(const std::string& name, QueueOptions options = {}, std::size_t from = 0) {
    DeclareQueue command;
    command.tenant = kDefaultTenant;
    command.name = name;
    command.durable = options.durable;
    command.exclusive = options.exclusive;
    command.auto_delete = options.auto_delete;
    command.owner = OwnerId(1);
    command.arguments = std::move(options.arguments);
    change(std::move(command), from);
    return find(name);
  }
  QueueRef find(std::string_view name, std::size_t from = 0) {
    return queues(from).find_queue(kDefaultTenant, name);
  }
  void remove(const std::string& name, std::size_t from = 0) {
    DeleteQueue command;
    command.tenant = kDefaultTenant;
    command.name = name;
    command.owner = OwnerId(1);
    change(std::move(command), from);
  }
  void declare_exchange(const std::string& name, const std::string& type, bool durable = true) {
    DeclareExchange command;
    command.tenant = kDefaultTenant;
    command.name = name;
    command.type = type;
    command.durable = durable;
    change(std::move(command));
  }
  void bind(const std::string& exchange, const std::string& queue, const std::string& key = "") {
    ChangeBinding command;
    command.tenant = kDefaultTenant;
    command.source = exchange;
    command.destination = queue;
    command.key = key;
    command.owner = OwnerId(1);
    change(std::move(command));
  }

  // Messages.
  Task<std::vector<Error>> publishing(std::string key, Bodies bodies, PublishOptions options) {
    Queues& here = queues(options.from);
    auto exchange = here.find_exchange(kDefaultTenant, options.exchange);
    Publication publication(here);
    for (const std::string& body : bodies) {
      MessageFields fields;
      fields.body = as_bytes(body);
      fields.exchange = options.exchange;
      fields.routing_key = std::string_view(key);
      if (options.ttl_ms) fields.expires = here.broker().broker_time() + *options.ttl_ms;
      publication.add(exchange->id, {.key = key}, fields);
    }
    co_return co_await publication.submit(AckLevel::durable, std::chrono::minutes(1));
  }
  std::vector<Error> try_publish(const std::string& key, Bodies bodies,
                                 PublishOptions options = {}) {
    auto from = options.from;
    return run(publishing(key, std::move(bodies), std::move(options)), from);
  }
  void publish(const std::string& key, Bodies bodies, PublishOptions options = {}) {
    for (const Error& error : try_publish(key, std::move(bodies), std::move(options))) {
      EXPECT_EQ(error.code, ErrorCode::ok) << error.message();
    }
  }
  // a0, a1, ...
  static Bodies numbered(const std::string& stem, int count, int first = 0) {
    Bodies bodies;
    for (int i = first; i < first + count; ++i) bodies.push_back(fmt::format("{}{}", stem, i));
    return bodies;
  }

  Result<void> try_consume(const QueueRef& queue, const std::shared_ptr<TestSink>& sink,
                           ConsumeOptions options = {}, std::size_t from = 0) {
    return run(queues(from).consume(queue->id, {.holder = sink->holder(),
                                                .priority = options.priority,
                                                .credit = {options.credit, options.bytes},
                                                .no_ack = options.no_ack,
                                                .is_exclusive = options.is_exclusive,
                                                .sink = sink}),
               from);
  }
  std::shared_ptr<TestSink> new_sink(std::size_t from = 0) {
    return std::make_shared<TestSink>(queues(from).new_holder());
  }
  std::shared_ptr<TestSink> consume(const QueueRef& queue, ConsumeOptions options = {},
                                    std::size_t from = 0) {
    auto sink = new_sink(from);
    auto consuming = try_consume(queue, sink, options, from);
    EXPECT_TRUE(consuming.has_value()) << consuming.error().message();
    return sink;
  }
  // What nobody waits for is asked from the core, so that it stays in order with the rest.
  void ask(std::size_t from, std::function<void(Queues&)> question) {
    Queues& here = queues(from);
    core(from).core().post([&here, question = std::move(question)] { question(here); });
  }
  void settle(const QueueRef& queue, HolderId holder, OffsetRange range, Verdict verdict,
              std::size_t from = 0) {
    ask(from, [=, id = queue->id](Queues& here) { here.settle(id, holder, {{range, verdict}}); });
  }
  // Whatever it was given so far.
  void settle(const QueueRef& queue, const TestSink& sink, Verdict verdict, std::size_t from = 0) {
    std::vector<Judgement> judgements;
    for (const auto& each : sink.given()) {
      judgements.push_back({OffsetRange::of(each.offset), verdict});
    }
    ask(from, [id = queue->id, holder = sink.holder(), judgements](Queues& here) {
      here.settle(id, holder, judgements);
    });
  }
  void grant(const QueueRef& queue, const TestSink& sink, std::int64_t credit, std::size_t from = 0,
             std::optional<std::int64_t> bytes = {}) {
    ask(from, [=, id = queue->id, holder = sink.holder()](Queues& here) {
      here.grant(id, holder, {credit, bytes});
    });
  }
  void release(const QueueRef& queue, HolderId holder, std::size_t from = 0) {
    ask(from, [=, id = queue->id](Queues& here) { here.release(id, holder); });
  }
  Result<void> settled(const QueueRef& queue, std::size_t from = 0) {
    return run(queues(from).settled(queue->id), from);
  }
  void expect_settled(const QueueRef& queue, std::size_t from = 0) {
    auto outcome = settled(queue, from);
    EXPECT_TRUE(outcome.has_value()) << outcome.error().message();
  }
  std::int64_t length(const QueueRef& queue) {
    auto length = run(queues().length(queue->id));
    EXPECT_TRUE(length.has_value());
    return length ? length->ready : -1;
  }
  QueueFigures figures(const QueueRef& queue) {
    auto figures = run(queues().figures(queue->id));
    EXPECT_TRUE(figures.has_value());
    return figures.value_or(QueueFigures{});
  }
  // What is ready.
  Bodies bodies_in(const QueueRef& queue) {
    Bodies bodies;
    auto seen = run(queues().peek(queue->id, 100'000));
    EXPECT_TRUE(seen.has_value()) << seen.error().message();
    if (!seen) return bodies;
    for (const Delivery& each : *seen) {
      bodies.emplace_back(as_text(each.message->fields.body));
    }
    return bodies;
  }
  bool until_length(const QueueRef& queue, std::int64_t wanted) {
    for (int i = 0; i < 200; ++i) {
      if (length(queue) == wanted) return true;
      run_for(std::chrono::milliseconds(100));
    }
    return false;
  }
  static ValueTable arguments(std::initializer_list<ValueTable::Entry> entries) { return entries; }

  // Lives `life`, and then begins again after every power cut that could have ended it: `check`,
  // with what `note` said when the power went. The broker goes on as it was when all were tried.
  template <class Note>
  void cut_everywhere(const std::function<void()>& life, const std::function<Note()>& note,
                      const std::function<void(const Note&)>& check) {
    struct Cut {
      std::unique_ptr<SimDisk> disk;
      Note note;
    };
    std::vector<Cut> cuts;
    disk_->on_operation([&] { cuts.push_back({disk_->copy(), note()}); });
    life();
    disk_->on_operation({});
    ASSERT_FALSE(cuts.empty());
    auto lived_disk = std::move(disk_);
    auto lived = std::move(sim_);
    for (std::size_t i = 0; i < cuts.size() && !HasFailure(); ++i) {
      const CrashKeeps keeps = i % 3 == 0   ? CrashKeeps::nothing
                               : i % 3 == 1 ? CrashKeeps::everything
                                            : CrashKeeps::some;
      SCOPED_TRACE(fmt::format("cut {} of {}, keeps {}", i, cuts.size(), static_cast<int>(keeps)));
      disk_ = std::move(cuts[i].disk);
      disk_->crash(keeps);
      start();
      if (!HasFatalFailure()) check(cuts[i].note);
      stop();
    }
    disk_ = std::move(lived_disk);
    sim_ = std::move(lived);
  }

  std::uint64_t seed_ = 0;
  std::unique_ptr<SimDisk> disk_;
  StorageLimits storage_ = small_storage();
  std::unique_ptr<SimBroker> sim_;
};

}  // namespace millrace::test
