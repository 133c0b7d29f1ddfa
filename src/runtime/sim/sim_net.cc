#include "runtime/sim/sim_net.h"

#include <fmt/format.h>

#include <utility>

#include "base/assert.h"

namespace millrace {
namespace {

class SimPendingSocket final : public PendingSocket {
 public:
  SimPendingSocket(std::shared_ptr<SimConnection> connection, std::string peer)
      : connection_(std::move(connection)), peer_(std::move(peer)) {}
  ~SimPendingSocket() override {
    if (connection_) connection_->close(1);
  }
  std::unique_ptr<Socket> open_on(Core& core) override {
    ASSERT(connection_);
    ASSERT(core.is_current());
    return std::make_unique<SimSocket>(std::exchange(connection_, nullptr), 1, core,
                                       std::move(peer_));
  }

 private:
  std::shared_ptr<SimConnection> connection_;
  std::string peer_;
};

class SimListener final : public Listener {
 public:
  SimListener(SimNet& net, std::shared_ptr<SimNet::Acceptor> acceptor, std::uint16_t port)
      : net_(net), acceptor_(std::move(acceptor)), port_(port) {}
  ~SimListener() override { close(); }

  void on_accept(std::move_only_function<void(std::unique_ptr<PendingSocket>)> callback) override {
    ASSERT(!acceptor_->callback);
    acceptor_->callback = std::move(callback);
    for (auto& pending : std::exchange(acceptor_->backlog, {})) {
      acceptor_->accept(std::move(pending));
    }
  }
  void close() override {
    if (std::exchange(acceptor_->closed, true)) return;
    acceptor_->backlog.clear();
    net_.forget(port_);
  }
  std::uint16_t port() const override { return port_; }

 private:
  SimNet& net_;
  std::shared_ptr<SimNet::Acceptor> acceptor_;
  std::uint16_t port_;
};

}  // namespace

SimSocket::SimSocket(std::shared_ptr<SimConnection> connection, int end, Core& core,
                     std::string peer)
    : connection_(std::move(connection)), end_(end), peer_(std::move(peer)) {
  connection_->set_core(end, core);
}

void SimNet::Acceptor::accept(std::unique_ptr<PendingSocket> pending) {
  if (closed) return;
  if (!callback) {
    backlog.push_back(std::move(pending));
    return;
  }
  callback(std::move(pending));
}

Result<std::unique_ptr<Listener>> SimNet::listen(Core& core, const std::string& host,
                                                 std::uint16_t port) {
  if (port == 0) port = next_port_++;
  auto acceptor = std::make_shared<Acceptor>();
  acceptor->core = &core;
  if (!ports_.emplace(port, acceptor).second) {
    return fail(ErrorCode::io_error,
                fmt::format("cannot listen on {}:{}: Address already in use", host, port));
  }
  return std::make_unique<SimListener>(*this, std::move(acceptor), port);
}

Result<std::unique_ptr<Socket>> SimNet::connect(Core& core, std::uint16_t port) {
  auto found = ports_.find(port);
  if (found == ports_.end()) {
    return fail(ErrorCode::io_error, fmt::format("port {}: Connection refused", port));
  }
  auto connection = std::make_shared<SimConnection>(scheduler_, options_);
  auto client = std::make_unique<SimSocket>(connection, 0, core, fmt::format("127.0.0.1:{}", port));
  auto pending = std::make_unique<SimPendingSocket>(
      std::move(connection), fmt::format("127.0.0.1:{}", next_client_port_++));
  const auto delay = static_cast<std::int64_t>(
      scheduler_.random().below(static_cast<std::uint64_t>(options_.delay_max.count()) + 1));
  scheduler_.at(scheduler_.now() + delay,
                [acceptor = found->second, pending = std::move(pending)]() mutable {
                  Core& on = *acceptor->core;
                  on.post([acceptor, pending = std::move(pending)]() mutable {
                    acceptor->accept(std::move(pending));
                  });
                });
  return client;
}

}  // namespace millrace
