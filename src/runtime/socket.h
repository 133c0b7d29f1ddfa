// Socket and Listener: streams of bytes to a peer. Core-local; a connection lives on one core.
//
//   Result<size_t> n = co_await read_some(socket, space);     // 0 never: a closed peer is
//   Error::end_of_stream co_await write_all(socket, chain);                        // one gathered
//   write where the kernel takes it whole
//
// The virtual functions never wait; the coroutines below add the waiting, so that both runtimes
// share it.
#pragma once

#include <coroutine>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/error.h"
#include "runtime/core.h"

namespace millrace {

class Socket {
 public:
  virtual ~Socket() = default;
  // Error::would_block when nothing is there, Error::end_of_stream when the peer closed its side.
  virtual Result<std::size_t> try_read(MutableByteView space) = 0;
  // Writes the bytes of `parts` from `skip` on, as many as the kernel takes. Error::would_block
  // when it takes none.
  virtual Result<std::size_t> try_write(const ByteChain& parts, std::size_t skip) = 0;
  // Calls back once, from the core's loop, when a read or write is worth trying again or the socket
  // was closed.
  virtual void when_readable(Work work) = 0;
  virtual void when_writable(Work work) = 0;
  // Waiting callbacks fire; later reads and writes fail. Idempotent.
  virtual void close() = 0;
  virtual std::string peer() const = 0;
};

// An accepted connection before it has a core: made by the listener, opened on the core it is dealt
// to.
class PendingSocket {
 public:
  virtual ~PendingSocket() = default;
  virtual std::unique_ptr<Socket> open_on(Core& core) = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;
  // Calls back for every connection until close().
  virtual void on_accept(
      std::move_only_function<void(std::unique_ptr<PendingSocket>)> callback) = 0;
  virtual void close() = 0;
  // The bound port: what the kernel chose when 0 was asked for.
  virtual std::uint16_t port() const = 0;
};

namespace socket_detail {
struct Readable {
  Socket& socket;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) const {
    socket.when_readable([waiting] { waiting.resume(); });
  }
  void await_resume() const {}
};
struct Writable {
  Socket& socket;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) const {
    socket.when_writable([waiting] { waiting.resume(); });
  }
  void await_resume() const {}
};
}  // namespace socket_detail

inline socket_detail::Readable readable(Socket& socket) { return {socket}; }

// At least one byte, or an error. `space` must outlive the wait.
Task<Result<std::size_t>> read_some(Socket& socket, MutableByteView space);
Task<Result<void>> write_all(Socket& socket, ByteChain bytes);

}  // namespace millrace
