#include "runtime/asio/asio_listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "runtime/asio/asio_socket.h"

namespace millrace {
namespace {

constexpr Duration kAcceptPause = std::chrono::milliseconds(100);
constexpr Duration kAcceptLogInterval = std::chrono::seconds(1);
constexpr int kAcceptsPerTurnMax = 64;

std::string address_text(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return fmt::format("{}:{}", text, ntohs(v4.sin_port));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
}

// A listening descriptor, or -1 with errno set.
int listening_socket(const addrinfo& address) {
  const int descriptor =
      socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -1;
  const int on = 1;
  (void)setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(descriptor, address.ai_addr, address.ai_addrlen) == 0 &&
      listen(descriptor, SOMAXCONN) == 0) {
    return descriptor;
  }
  const int number = errno;
  close(descriptor);
  errno = number;
  return -1;
}

std::uint16_t bound_port(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  const int result = getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  ASSERT(result == 0);
  return ntohs(address.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(address).sin_port
                                            : reinterpret_cast<sockaddr_in6&>(address).sin6_port);
}

// The errors that belong to one connection: the next accept may succeed at once.
bool is_of_one_connection(int number) {
  switch (number) {
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPERM:
    case EINTR:
      return true;
    default:
      return false;
  }
}

}  // namespace

// Shared with the loop's handlers, so that the listener may go at any time. Core 0 only, once
// started.
class AsioListener::Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  using Callback = std::move_only_function<void(std::unique_ptr<PendingSocket>)>;

  Acceptor(AsioCore& core, int descriptor) : core_(core), descriptor_(core.context(), descriptor) {}

  AsioCore& core() { return core_; }
  void start(Callback callback) {
    callback_ = std::move(callback);
    wait();
  }
  void close() {
    boost::system::error_code ignored;
    descriptor_.close(ignored);
  }

 private:
  void wait() {
    if (!descriptor_.is_open()) return;
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this()](const boost::system::error_code& error) {
                             if (error) return;
                             const AsioCore::Turn turn(self->core_, "accepting connections");
                             self->accept_some();
                           });
  }

  void accept_some() {
    for (int i = 0; i < kAcceptsPerTurnMax && descriptor_.is_open(); ++i) {
      sockaddr_storage address{};
      socklen_t size = sizeof(address);
      const int accepted =
          accept4(descriptor_.native_handle(), reinterpret_cast<sockaddr*>(&address), &size,
                  SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (accepted >= 0) {
        callback_(std::make_unique<AsioPendingSocket>(accepted, address_text(address)));
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      if (!is_of_one_connection(errno)) return pause(errno);
    }
    wait();
  }

  void pause(int number) {
    const MonotonicTime now = core_.now();
    if (now >= next_log_) {
      next_log_ = now + Duration(kAcceptLogInterval).count();
      log_warning("network", "cannot accept connections: {}; trying again every {} ms",
                  std::strerror(number),
                  std::chrono::duration_cast<std::chrono::milliseconds>(kAcceptPause).count());
    }
    core_.call_after(kAcceptPause, [self = shared_from_this()] { self->accept_some_or_end(); });
  }

  void accept_some_or_end() {
    if (descriptor_.is_open()) accept_some();
  }

  AsioCore& core_;
  boost::asio::posix::stream_descriptor descriptor_;
  Callback callback_;
  MonotonicTime next_log_{};
};

AsioListener::AsioListener(std::shared_ptr<Acceptor> acceptor, std::uint16_t port)
    : acceptor_(std::move(acceptor)), port_(port) {}

AsioListener::~AsioListener() { close(); }

Result<std::unique_ptr<Listener>> AsioListener::bind(AsioCore& core, const std::string& host,
                                                     std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failure = getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                  std::to_string(port).c_str(), &hints, &found);
  if (failure != 0) {
    const char* reason = failure == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(failure);
    return fail(
        ErrorCode::io_error,
        fmt::format("cannot listen on {}:{}: cannot resolve the host: {}", host, port, reason));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  int first_error = 0;
  for (const addrinfo* address = found; address; address = address->ai_next) {
    const int descriptor = listening_socket(*address);
    if (descriptor >= 0) {
      return std::unique_ptr<Listener>(
          new AsioListener(std::make_shared<Acceptor>(core, descriptor), bound_port(descriptor)));
    }
    if (first_error == 0) first_error = errno;
  }
  return fail(ErrorCode::io_error,
              fmt::format("cannot listen on {}:{}: {}", host, port, std::strerror(first_error)));
}

void AsioListener::on_accept(
    std::move_only_function<void(std::unique_ptr<PendingSocket>)> callback) {
  ASSERT(acceptor_);
  acceptor_->core().post([acceptor = acceptor_, callback = std::move(callback)]() mutable {
    acceptor->start(std::move(callback));
  });
}

void AsioListener::close() {
  if (!acceptor_) return;
  std::shared_ptr<Acceptor> acceptor = std::move(acceptor_);
  AsioCore& core = acceptor->core();
  if (core.is_current()) {
    acceptor->close();
  } else {
    core.post([acceptor = std::move(acceptor)] { acceptor->close(); });
  }
}

}  // namespace millrace
