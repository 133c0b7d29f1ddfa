// AsioListener: accepts TCP connections on core 0. Private to this folder.
//
// When accept fails for want of descriptors or memory, the listener pauses 100 ms: the connection
// stays in the kernel's queue and would wake the loop at once again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/asio/asio_core.h"
#include "runtime/socket.h"

namespace millrace {

class AsioListener final : public Listener {
 public:
  // Resolves and binds; blocks while it does.
  static Result<std::unique_ptr<Listener>> bind(AsioCore& core, const std::string& host,
                                                std::uint16_t port);
  ~AsioListener() override;

  void on_accept(std::move_only_function<void(std::unique_ptr<PendingSocket>)> callback) override;
  void close() override;
  std::uint16_t port() const override { return port_; }

 private:
  class Acceptor;
  AsioListener(std::shared_ptr<Acceptor> acceptor, std::uint16_t port);

  std::shared_ptr<Acceptor> acceptor_;
  std::uint16_t port_;
};

}  // namespace millrace
