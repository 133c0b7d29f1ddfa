#include "client/dial.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace millrace::client {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

// 0, or the error of the attempt; ETIMEDOUT when the deadline came first.
int finish_connecting(int socket, const addrinfo& target, const Deadline& deadline) {
  if (::connect(socket, target.ai_addr, target.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  for (;;) {
    pollfd wait{socket, POLLOUT, 0};
    const int ready = ::poll(&wait, 1, deadline.poll_ms());
    if (ready == 0) return ETIMEDOUT;
    if (ready < 0 && errno != EINTR) return errno;
    if (ready < 0) continue;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
  }
}

std::unexpected<Error> refuse(const ServerAddress& address, int error, Milliseconds timeout,
                              std::string_view option) {
  if (error == ETIMEDOUT)
    return fail(ErrorCode::timed_out,
                fmt::format("no broker answers at {} within {}: check the address ({} "
                            "HOST:PORT) and what lies between",
                            address.text(), text_of(timeout), option));
  return fail(ErrorCode::connection_broken,
              fmt::format("no broker answers at {} ({}): start one with 'millrace serve', or name "
                          "another with {} HOST:PORT",
                          address.text(), std::generic_category().message(error), option));
}

}  // namespace

Result<int> dial(const ServerAddress& address, Milliseconds timeout, std::string_view option) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code =
      ::getaddrinfo(address.host.c_str(), fmt::to_string(address.port).c_str(), &hints, &found);
  if (code != 0)
    return fail(ErrorCode::connection_broken,
                fmt::format("the host '{}' is not found ({}): check {} HOST:PORT", address.host,
                            ::gai_strerror(code), option));
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  const Deadline deadline(timeout);
  int error = ECONNREFUSED;
  for (const addrinfo* target = found; target != nullptr; target = target->ai_next) {
    const int socket =
        ::socket(target->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (socket < 0) {
      error = errno;
      continue;
    }
    error = finish_connecting(socket, *target, deadline);
    if (error == 0) {
      const int on = 1;
      ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return socket;
    }
    ::close(socket);
  }
  return refuse(address, error, timeout, option);
}

}  // namespace millrace::client
