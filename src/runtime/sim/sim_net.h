// SimNet: the network of a SimRuntime. Private to this folder.
//
// A connection is two pipes. What is written travels in pieces that arrive in order, each after a
// seeded delay; a pipe takes only so much that nobody has read, so writers come to wait as they do
// on real sockets.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/sim/sim_core.h"
#include "runtime/socket.h"

namespace millrace {

struct SimNetOptions {
  Duration delay_max = std::chrono::microseconds(200);
  std::size_t pipe_bytes_max = 65536;
};

// The two ends of a connection and what travels between them. End 0 is who connected.
class SimConnection : public std::enable_shared_from_this<SimConnection> {
 public:
  enum class State { open, broken };

  SimConnection(SimScheduler& scheduler, SimNetOptions options)
      : scheduler_(scheduler), options_(options) {}

  void set_core(int end, Core& core) { ends_[end].core = &core; }
  Result<std::size_t> try_read(int end, MutableByteView space);
  Result<std::size_t> try_write(int end, const ByteChain& parts, std::size_t skip);
  void when_readable(int end, Work work);
  void when_writable(int end, Work work);
  void close(int end);
  // Both ends fail from now on; what travels is lost.
  void break_off();
  // Nothing arrives any more, and nobody is told.
  void silence() { silent_ = true; }

 private:
  struct End {
    Core* core = nullptr;
    bool closed = false;
    // What arrived here and was not read yet.
    std::deque<std::uint8_t> arrived;
    bool peer_ended = false;
    // Of what was written towards this end, arrived or not.
    std::size_t unread = 0;
    std::int64_t last_arrival = 0;
    std::vector<Work> waiting_readable;
    std::vector<Work> waiting_writable;
  };

  bool can_read(const End& end) const;
  bool can_write(int end) const;
  void deliver_later(int to, std::vector<std::uint8_t> bytes, bool is_end);
  void wake(End& end, std::vector<Work>& waiting);
  void wake_all(End& end);

  SimScheduler& scheduler_;
  SimNetOptions options_;
  std::array<End, 2> ends_;
  State state_ = State::open;
  bool silent_ = false;
};

class SimSocket final : public Socket {
 public:
  SimSocket(std::shared_ptr<SimConnection> connection, int end, Core& core, std::string peer);
  ~SimSocket() override { close(); }

  SimConnection& connection() { return *connection_; }
  Result<std::size_t> try_read(MutableByteView space) override {
    return connection_->try_read(end_, space);
  }
  Result<std::size_t> try_write(const ByteChain& parts, std::size_t skip) override {
    return connection_->try_write(end_, parts, skip);
  }
  void when_readable(Work work) override { connection_->when_readable(end_, std::move(work)); }
  void when_writable(Work work) override { connection_->when_writable(end_, std::move(work)); }
  void close() override { connection_->close(end_); }
  std::string peer() const override { return peer_; }

 private:
  std::shared_ptr<SimConnection> connection_;
  int end_;
  std::string peer_;
};

class SimNet {
 public:
  SimNet(SimScheduler& scheduler, SimNetOptions options)
      : scheduler_(scheduler), options_(options) {}

  Result<std::unique_ptr<Listener>> listen(Core& core, const std::string& host, std::uint16_t port);
  Result<std::unique_ptr<Socket>> connect(Core& core, std::uint16_t port);

  // What a port accepts with; shared with the events on their way to it.
  struct Acceptor {
    Core* core = nullptr;
    std::move_only_function<void(std::unique_ptr<PendingSocket>)> callback;
    std::vector<std::unique_ptr<PendingSocket>> backlog;
    bool closed = false;
    void accept(std::unique_ptr<PendingSocket> pending);
  };
  void forget(std::uint16_t port) { ports_.erase(port); }

 private:
  SimScheduler& scheduler_;
  SimNetOptions options_;
  std::uint16_t next_port_ = 40000;
  std::uint16_t next_client_port_ = 50000;
  std::map<std::uint16_t, std::shared_ptr<Acceptor>> ports_;
};

}  // namespace millrace
