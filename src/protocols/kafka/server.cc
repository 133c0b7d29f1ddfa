#include "protocols/kafka/server.h"

#include "base/log.h"

namespace millrace::kafka {
namespace {

constexpr std::uint32_t kLooksMax = 10;  // in idle_max

}  // namespace

KafkaServer::KafkaServer(Runtime& runtime, Broker& broker, SessionLimits limits)
    : runtime_(runtime), broker_(broker), limits_(limits) {
  for (std::size_t i = 0; i < runtime.core_count(); ++i) {
    cores_.emplace_back(FetchSessions(limits.fetch_sessions), KafkaStats());
  }
  broker.relief().add(limits.stalled_max, [this](CoreId id) {
    const auto& sessions = cores_[id.value()].sessions;
    return std::vector<std::shared_ptr<MemoryHolder>>(sessions.begin(), sessions.end());
  });
}

Result<void> KafkaServer::listen(const std::string& host, std::uint16_t port, Endpoint advertise) {
  auto listener = runtime_.listen(host, port);
  if (!listener) return std::unexpected(listener.error());
  listener_ = std::move(*listener);
  endpoint_ = std::move(advertise);
  if (endpoint_.host.empty()) {
    endpoint_.host = host;
    endpoint_.port = listener_->port();
  }
  listener_->on_accept(
      [this](std::unique_ptr<PendingSocket> pending) { accept(std::move(pending)); });
  return {};
}

void KafkaServer::accept(std::unique_ptr<PendingSocket> pending) {
  CoreId id(static_cast<std::uint32_t>(next_core_++ % cores_.size()));
  Core& core = runtime_.core(id);
  core.post([this, id, &core, pending = std::move(pending)] {
    PerCore& here = cores_[id.value()];
    auto session = std::make_shared<Session>(pending->open_on(core), broker_.core(id), endpoint_,
                                             here.fetch_sessions, here.stats, limits_);
    if (here.closing) return session->close();
    if (here.sessions.size() >= limits_.connections_max) {
      ++here.stats.refused;
      log_warning("kafka", "refused a connection: core {} has {} already", id.value(),
                  here.sessions.size());
      return session->close();
    }
    ++here.stats.accepted;
    here.sessions.insert(session);
    arm_idle_timer(here, core);
    core.spawn("kafka connection", run(&here, std::move(session)));
  });
}

Task<void> KafkaServer::run(PerCore* here, std::shared_ptr<Session> session) {
  co_await Session::serve(session);
  here->sessions.erase(session);
}

void KafkaServer::arm_idle_timer(PerCore& here, Core& core) {
  if (here.idle_timer || here.closing || here.sessions.empty()) return;
  here.idle_timer = core.call_after(limits_.idle_max / kLooksMax, [this, &here, &core] {
    here.idle_timer.reset();
    close_idle(here);
    arm_idle_timer(here, core);
  });
}

void KafkaServer::close_idle(PerCore& here) {
  for (const auto& session : here.sessions) {
    if (session->look_for_life() < kLooksMax) continue;
    log_debug("kafka", "{}: closed: silent for longer than connections.max.idle.ms",
              session->peer());
    session->close();
  }
}

void KafkaServer::stop_listening() {
  if (listener_) listener_->close();
}

Task<void> KafkaServer::close_sessions() {
  Core& home = runtime_.core(CoreId(0));
  broker_.relief().stop();
  for (std::uint32_t id = 0; id < cores_.size(); ++id) {
    PerCore* target = &cores_[id];
    Core* core = &runtime_.core(CoreId(id));
    co_await call_on(home, *core, [target, core] {
      target->closing = true;
      if (target->idle_timer) core->cancel(*std::exchange(target->idle_timer, std::nullopt));
      for (const auto& session : target->sessions) session->close();
      return true;
    });
  }
}

}  // namespace millrace::kafka
