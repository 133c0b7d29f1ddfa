#include "runtime/asio/asio_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "runtime/asio/gather.h"

namespace millrace {
namespace {

std::unexpected<Error> socket_failure(int number) {
  if (number == EAGAIN || number == EWOULDBLOCK) return fail(ErrorCode::would_block);
  return fail(ErrorCode::connection_broken, std::strerror(number));
}

}  // namespace

AsioSocket::AsioSocket(AsioCore& core, int descriptor, std::string peer)
    : core_(core), descriptor_(core.context(), descriptor), peer_(std::move(peer)) {
  const int on = 1;
  // Refused only by what is not TCP, where it does not matter.
  (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

AsioSocket::~AsioSocket() { close(); }

Result<std::size_t> AsioSocket::try_read(MutableByteView space) {
  ASSERT(!space.empty());
  if (!descriptor_.is_open()) return fail(ErrorCode::connection_broken);
  for (;;) {
    const ssize_t count = recv(descriptor_.native_handle(), space.data(), space.size(), 0);
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0) return fail(ErrorCode::end_of_stream);
    if (errno != EINTR) return socket_failure(errno);
  }
}

Result<std::size_t> AsioSocket::try_write(const ByteChain& parts, std::size_t skip) {
  ASSERT(skip < parts.size());
  if (!descriptor_.is_open()) return fail(ErrorCode::connection_broken);
  Gather gather(parts, skip);
  msghdr message{};
  message.msg_iov = gather.parts.data();
  message.msg_iovlen = gather.count;
  for (;;) {
    const ssize_t count = sendmsg(descriptor_.native_handle(), &message, MSG_NOSIGNAL);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return socket_failure(errno);
  }
}

void AsioSocket::wait_for(boost::asio::posix::stream_descriptor::wait_type what, Work work) {
  ASSERT(core_.is_current());
  if (!descriptor_.is_open()) {
    core_.post(std::move(work));
    return;
  }
  // An error wakes as well: the next read or write says what it is.
  descriptor_.async_wait(
      what, [&core = core_, work = std::move(work)](const boost::system::error_code&) mutable {
        const AsioCore::Turn turn(core, "a socket");
        work();
        work = nullptr;
      });
}

void AsioSocket::when_readable(Work work) {
  wait_for(boost::asio::posix::stream_descriptor::wait_read, std::move(work));
}

void AsioSocket::when_writable(Work work) {
  wait_for(boost::asio::posix::stream_descriptor::wait_write, std::move(work));
}

void AsioSocket::close() {
  if (!descriptor_.is_open()) return;
  boost::system::error_code ignored;
  descriptor_.close(ignored);
}

AsioPendingSocket::~AsioPendingSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::unique_ptr<Socket> AsioPendingSocket::open_on(Core& core) {
  ASSERT(descriptor_ >= 0);
  ASSERT(core.is_current());
  // A core of another runtime can't get here: pending sockets come from this runtime's listener.
  return std::make_unique<AsioSocket>(static_cast<AsioCore&>(core), std::exchange(descriptor_, -1),
                                      std::move(peer_));
}

}  // namespace millrace
