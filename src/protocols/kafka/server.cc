#include "protocols/kafka/server.h"

#include "base/log.h"

namespace millrace::kafka {

KafkaServer::KafkaServer(Runtime& runtime, Broker& broker, SessionLimits limits)
    : runtime_(runtime), broker_(broker), limits_(limits) {
  for (std::size_t i = 0; i < runtime.core_count(); ++i) {
    cores_.emplace_back(FetchSessions(limits.fetch_sessions));
  }
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
                                             here.fetch_sessions, limits_);
    if (here.sessions.size() >= limits_.connections_max) {
      log_warning("kafka", "refused a connection: core {} has {} already", id.value(),
                  here.sessions.size());
      return session->close();
    }
    here.sessions.insert(session);
    core.spawn("kafka connection", run(&here, std::move(session)));
  });
}

Task<void> KafkaServer::run(PerCore* here, std::shared_ptr<Session> session) {
  co_await Session::serve(session);
  here->sessions.erase(session);
}

void KafkaServer::stop_listening() {
  if (listener_) listener_->close();
}

Task<void> KafkaServer::close_sessions() {
  Core& home = runtime_.core(CoreId(0));
  for (std::uint32_t id = 0; id < cores_.size(); ++id) {
    PerCore* target = &cores_[id];
    co_await call_on(home, runtime_.core(CoreId(id)), [target] {
      for (const auto& session : target->sessions) session->close();
      return true;
    });
  }
}

}  // namespace millrace::kafka
