#include "client/connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/assert.h"
#include "client/dial.h"
#include "client/server_error.h"
#include "protocols/kafka/wire/gen/api_versions.h"
#include "record/endian.h"

namespace millrace::client {
namespace {

using kafka::ApiVersionsRequest;
using kafka::ApiVersionsResponse;

constexpr std::size_t kBufferBytes = 64 << 10;
constexpr std::size_t kPartsPerWrite = 64;
constexpr std::int16_t kUnsupportedVersion = 35;

std::string reason(int error) { return std::generic_category().message(error); }

// The next bytes of the chain that one call may take.
std::size_t gather(const ByteChain& chain, std::size_t skip,
                   std::array<iovec, kPartsPerWrite>& parts) {
  std::size_t count = 0;
  for (const Bytes& part : chain.parts()) {
    if (skip >= part.size()) {
      skip -= part.size();
      continue;
    }
    parts[count++] = {const_cast<std::uint8_t*>(part.data()) + skip, part.size() - skip};
    skip = 0;
    if (count == parts.size()) break;
  }
  return count;
}

}  // namespace

Connection::Connection(ServerAddress address, int socket, Milliseconds timeout)
    : address_(std::move(address)), timeout_(timeout), socket_(socket), buffer_(kBufferBytes) {}

Connection::~Connection() { ::close(socket_); }

Result<std::unique_ptr<Connection>> Connection::open(const ServerAddress& address,
                                                     Milliseconds timeout) {
  auto socket = dial(address, timeout);
  if (!socket) return std::unexpected(socket.error());
  std::unique_ptr<Connection> connection(new Connection(address, *socket, timeout));
  TRY(connection->negotiate());
  return connection;
}

// A broker that lacks our version of ApiVersions answers in version 0, whatever was asked; that
// answer's first field is readable in both.
Result<void> Connection::negotiate() {
  ApiVersionsRequest request;
  request.client_software_name = "millrace-cli";
  request.client_software_version = "1";
  constexpr std::int16_t kFirstTry = 3;
  auto sent = send_at(request, kFirstTry, true);
  if (!sent) return std::unexpected(sent.error());
  auto frame = receive_frame(*sent, ApiVersionsResponse::kName, Deadline(timeout_));
  if (!frame) return std::unexpected(frame.error());
  constexpr std::size_t kErrorCodeEnd = 6;
  const bool older =
      frame->size() >= kErrorCodeEnd &&
      load_big_endian<std::int16_t>(frame->data() + sizeof(std::int32_t)) == kUnsupportedVersion;
  if (older) {
    sent = send_at(request, 0, true);
    if (!sent) return std::unexpected(sent.error());
    frame = receive_frame(*sent, ApiVersionsResponse::kName, Deadline(timeout_));
    if (!frame) return std::unexpected(frame.error());
  }
  auto response = read_answer<ApiVersionsResponse>(*frame, *sent);
  if (!response) return std::unexpected(response.error());
  TRY(check(response->error_code));
  spoke_kafka_ = true;
  for (const auto& api : response->api_keys)
    versions_[api.api_key] = {api.min_version, api.max_version};
  return {};
}

Result<std::int16_t> Connection::version_of(std::int16_t key, std::string_view name,
                                            kafka::VersionRange ours, std::int16_t cap) const {
  const auto theirs = versions_.find(key);
  if (theirs == versions_.end())
    return fail(ErrorCode::unsupported_version,
                fmt::format("{} does not offer {}", address_.text(), name));
  const std::int16_t version = std::min({ours.max, theirs->second.max, cap});
  if (version < ours.min || version < theirs->second.min)
    return fail(ErrorCode::unsupported_version,
                fmt::format("{} offers {} in the versions {} to {}, this client speaks {} to {}",
                            address_.text(), name, theirs->second.min, theirs->second.max, ours.min,
                            std::min(ours.max, cap)));
  return version;
}

Result<void> Connection::write(const ByteChain& frame) {
  const Deadline deadline(timeout_);
  std::size_t done = 0;
  while (done < frame.size()) {
    if (broken()) return std::unexpected(*broken_);
    std::array<iovec, kPartsPerWrite> parts;
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = gather(frame, done, parts);
    const ssize_t count = ::sendmsg(socket_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      done += static_cast<std::size_t>(count);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
      return break_with(ErrorCode::connection_broken, fmt::format("the connection to {} broke: {}",
                                                                  address_.text(), reason(errno)));
    if (deadline.passed())
      return break_with(ErrorCode::timed_out,
                        fmt::format("{} took no data for {}", address_.text(), text_of(timeout_)));
    pollfd wait{socket_, POLLOUT, 0};
    ::poll(&wait, 1, deadline.poll_ms());
  }
  return {};
}

Result<Bytes> Connection::receive_frame(Sent sent, std::string_view what,
                                        const Deadline& deadline) {
  if (broken()) return std::unexpected(*broken_);
  if (auto early = early_.extract(sent.correlation)) return std::move(early.mapped());
  for (;;) {
    ASSERT(!awaited_.empty());  // a request is awaited once
    const std::int32_t correlation = awaited_.front();
    auto frame = read_frame(what, deadline);
    if (!frame) return frame;
    awaited_.pop_front();
    if (correlation == sent.correlation) return frame;
    early_[correlation] = std::move(*frame);
  }
}

Result<Bytes> Connection::read_frame(std::string_view what, const Deadline& deadline) {
  std::uint8_t length_bytes[kafka::kFrameLengthBytes];
  TRY(receive_all(length_bytes, what, deadline));
  const auto length = load_big_endian<std::uint32_t>(length_bytes);
  if (length < sizeof(std::int32_t) || length > kResponseBytesMax) {
    return give_up(spoke_kafka_ ? fmt::format("an answer of {} bytes is announced", length)
                                : "its first bytes are no answer of a Kafka broker");
  }
  auto buffer = Buffer::allocate(length);
  Bytes frame(buffer, 0, length);
  TRY(receive_all({buffer->data(), length}, what, deadline));
  return frame;
}

Result<void> Connection::receive_all(MutableByteView to, std::string_view what,
                                     const Deadline& deadline) {
  while (!to.empty()) {
    if (begin_ < end_) {
      const std::size_t count = std::min(to.size(), end_ - begin_);
      std::memcpy(to.data(), buffer_.data() + begin_, count);
      begin_ += count;
      to = to.subspan(count);
      continue;
    }
    // What is large goes straight to its place.
    const bool direct = to.size() >= buffer_.size();
    auto count = receive_some(direct ? to : MutableByteView(buffer_), what, deadline);
    if (!count) return std::unexpected(count.error());
    if (direct) {
      to = to.subspan(*count);
    } else {
      begin_ = 0;
      end_ = *count;
    }
  }
  return {};
}

Result<std::size_t> Connection::receive_some(MutableByteView to, std::string_view what,
                                             const Deadline& deadline) {
  for (;;) {
    const ssize_t count = ::recv(socket_, to.data(), to.size(), MSG_DONTWAIT);
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0) {
      return break_with(
          ErrorCode::connection_broken,
          spoke_kafka_
              ? fmt::format("{} closed the connection", address_.text())
              : fmt::format("{} closed the connection at once: is it the Kafka port, and open "
                            "without TLS and login?",
                            address_.text()));
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
      return break_with(ErrorCode::connection_broken, fmt::format("the connection to {} broke: {}",
                                                                  address_.text(), reason(errno)));
    if (deadline.passed())
      return break_with(ErrorCode::timed_out,
                        fmt::format("{} is connected but gave no {} within {} (--timeout): is it "
                                    "a Kafka port, and does the broker still work?",
                                    address_.text(), what, text_of(timeout_)));
    pollfd wait{socket_, POLLIN, 0};
    ::poll(&wait, 1, deadline.poll_ms());
  }
}

// Trying again would not help, so this is no broken connection.
std::unexpected<Error> Connection::give_up(std::string why) {
  return break_with(ErrorCode::corrupt_message,
                    fmt::format("{} does not answer as a Kafka broker would: {}{}", address_.text(),
                                why, spoke_kafka_ ? "" : " (is this the Kafka port?)"));
}

std::unexpected<Error> Connection::break_with(ErrorCode code, std::string text) {
  if (!broken_) broken_ = Error(code, std::move(text));
  return std::unexpected(*broken_);
}

}  // namespace millrace::client
