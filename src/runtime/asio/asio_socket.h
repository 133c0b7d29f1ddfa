// AsioSocket: a connected TCP socket on a core. Private to this folder.
//
// Reads and writes are plain system calls on the non-blocking descriptor; the loop is asked only
// when one of them would have to wait. A socket that goes while a callback waits is closed first,
// and the callback still fires: who captured the socket itself in it must not let it go before.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <string>

#include "runtime/asio/asio_core.h"
#include "runtime/socket.h"

namespace millrace {

class AsioSocket final : public Socket {
 public:
  // Takes the descriptor over.
  AsioSocket(AsioCore& core, int descriptor, std::string peer);
  ~AsioSocket() override;

  Result<std::size_t> try_read(MutableByteView space) override;
  Result<std::size_t> try_write(const ByteChain& parts, std::size_t skip) override;
  void when_readable(Work work) override;
  void when_writable(Work work) override;
  void close() override;
  std::string peer() const override { return peer_; }

 private:
  void wait_for(boost::asio::posix::stream_descriptor::wait_type what, Work work);

  AsioCore& core_;
  boost::asio::posix::stream_descriptor descriptor_;
  std::string peer_;
};

// Holds an accepted descriptor until it has a core; closes it when it never gets one.
class AsioPendingSocket final : public PendingSocket {
 public:
  AsioPendingSocket(int descriptor, std::string peer)
      : descriptor_(descriptor), peer_(std::move(peer)) {}
  ~AsioPendingSocket() override;
  std::unique_ptr<Socket> open_on(Core& core) override;

 private:
  int descriptor_;
  std::string peer_;
};

}  // namespace millrace
