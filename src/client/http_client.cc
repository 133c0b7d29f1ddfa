#include "client/http_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <system_error>

#include "base/base64.h"
#include "client/dial.h"

namespace millrace::client {
namespace {

namespace http = boost::beast::http;

// Of an answer: a list of some hundred thousand queues.
constexpr std::uint64_t kReplyBytesMax = std::uint64_t{512} << 20;

}  // namespace

Result<void> HttpClient::connect() {
  if (socket_ >= 0 && was_closed()) close();
  if (socket_ >= 0) return {};
  auto socket = dial(options_.address, options_.timeout, options_.option);
  if (!socket) return std::unexpected(socket.error());
  socket_ = *socket;
  return {};
}

void HttpClient::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

// Between two requests the server has nothing to say: what is readable is its end.
bool HttpClient::was_closed() const {
  pollfd look{socket_, POLLIN, 0};
  return ::poll(&look, 1, 0) != 0;
}

std::unexpected<Error> HttpClient::broken(std::string_view why) {
  close();
  return fail(ErrorCode::connection_broken,
              fmt::format("the connection to {} broke ({}): is it the management listener? see {} "
                          "HOST:PORT",
                          options_.address.text(), why, options_.option));
}

std::unexpected<Error> HttpClient::late() {
  close();
  return fail(ErrorCode::timed_out,
              fmt::format("{} did not answer within {}: is it the management listener? see {} "
                          "HOST:PORT and --timeout",
                          options_.address.text(), text_of(options_.timeout), options_.option));
}

Result<void> HttpClient::write(std::string_view text, const Deadline& deadline) {
  while (!text.empty()) {
    const ssize_t count = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
    if (count > 0) {
      text.remove_prefix(static_cast<std::size_t>(count));
      continue;
    }
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
      return broken(std::generic_category().message(errno));
    }
    pollfd wait{socket_, POLLOUT, 0};
    if (::poll(&wait, 1, deadline.poll_ms()) == 0) return late();
  }
  return {};
}

Result<HttpReply> HttpClient::read(const Deadline& deadline) {
  http::response_parser<http::string_body> parser;
  parser.body_limit(kReplyBytesMax);
  std::string unread;
  std::array<char, 64 << 10> space;
  while (!parser.is_done()) {
    boost::beast::error_code error;
    const std::size_t used = unread.empty() ? 0 : parser.put(boost::asio::buffer(unread), error);
    unread.erase(0, used);
    if (error && error != http::error::need_more) return broken("what it says is no HTTP");
    if (parser.is_done()) break;
    if (used > 0 && !unread.empty()) continue;
    pollfd wait{socket_, POLLIN, 0};
    if (::poll(&wait, 1, deadline.poll_ms()) == 0) return late();
    const ssize_t count = ::recv(socket_, space.data(), space.size(), 0);
    if (count == 0) return broken("it was closed");
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
      return broken(std::generic_category().message(errno));
    }
    if (count > 0) unread.append(space.data(), static_cast<std::size_t>(count));
  }
  const bool goes_on = parser.keep_alive();
  auto message = parser.release();
  HttpReply reply{message.result_int(), std::move(message.body())};
  if (!goes_on) close();
  return reply;
}

Result<HttpReply> HttpClient::ask(std::string_view method, const std::string& target,
                                  const std::string& body) {
  TRY(connect());
  const std::string login = options_.user + ':' + options_.password;
  std::string text = fmt::format(
      "{} {} HTTP/1.1\r\nHost: {}\r\nAuthorization: Basic {}\r\nAccept: application/json\r\n",
      method, target, options_.address.text(), base64(as_bytes(login)));
  if (!body.empty() || method != "GET") {
    text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  }
  text += "\r\n";
  text += body;
  const Deadline deadline(options_.timeout);
  TRY(write(text, deadline));
  return read(deadline);
}

}  // namespace millrace::client
