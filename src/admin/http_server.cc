#include "admin/http_server.h"

#include <array>
#include <boost/beast/http.hpp>
#include <sstream>

namespace millrace {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t kHeaderBytesMax = 8 << 10;
constexpr std::uint64_t kBodyBytesMax = 64 << 10;

using Request = http::request<http::string_body>;

Bytes answer(const Request& request) {
  http::response<http::string_body> response;
  response.version(request.version());
  response.keep_alive(request.keep_alive());
  response.set(http::field::content_type, "text/plain");
  bool known = request.target() == "/healthz" || request.target() == "/readyz";
  bool reads = request.method() == http::verb::get || request.method() == http::verb::head;
  if (!known) {
    response.result(http::status::not_found);
    response.body() = "there are /healthz and /readyz\n";
  } else if (!reads) {
    response.result(http::status::method_not_allowed);
    response.body() = "use GET\n";
  } else {
    // The listener opens when the broker serves, so to be reached is to be ready.
    response.body() = "ok\n";
  }
  response.prepare_payload();
  if (request.method() == http::verb::head) response.body().clear();
  std::ostringstream text;
  text << response;
  return Bytes::copy_of(as_bytes(text.str()));
}

}  // namespace

HttpServer::~HttpServer() = default;

Result<void> HttpServer::listen(const std::string& host, std::uint16_t port) {
  auto listener = runtime_.listen(host, port);
  if (!listener) return std::unexpected(listener.error());
  listener_ = std::move(*listener);
  listener_->on_accept([this](std::unique_ptr<PendingSocket> pending) {
    Core& core = runtime_.core(CoreId(0));
    std::shared_ptr<Socket> socket = pending->open_on(core);
    if (open_.size() >= limits_.connections_max) return socket->close();
    open_.insert(socket);
    core.spawn("http connection", serve(std::move(socket)));
  });
  return {};
}

void HttpServer::close() {
  if (listener_) listener_->close();
  for (const auto& socket : open_) socket->close();
}

Task<void> HttpServer::serve(std::shared_ptr<Socket> socket) {
  bool goes_on = true;
  std::string unread;
  while (goes_on) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kHeaderBytesMax);
    parser.body_limit(kBodyBytesMax);
    boost::beast::error_code error;
    while (goes_on && !parser.is_done()) {
      if (!unread.empty()) {
        std::size_t used = parser.put(boost::asio::buffer(unread), error);
        unread.erase(0, used);
        if (error == http::error::need_more) error = {};
        if (error) goes_on = false;
        if (error || parser.is_done() || used > 0) continue;
      }
      std::array<std::uint8_t, 4096> space;
      auto count = co_await read_some(*socket, space);
      goes_on = count.has_value() && unread.size() <= kHeaderBytesMax + kBodyBytesMax;
      if (goes_on) unread += as_text({space.data(), *count});
    }
    if (!goes_on) break;
    Request request = parser.release();
    ByteChain out;
    out.append(answer(request));
    auto written = co_await write_all(*socket, std::move(out));
    goes_on = written.has_value() && request.keep_alive();
  }
  socket->close();
  open_.erase(socket);
}

}  // namespace millrace
