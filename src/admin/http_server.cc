#include "admin/http_server.h"

#include <fmt/format.h>

#include <array>
#include <boost/beast/http.hpp>
#include <optional>
#include <sstream>
#include <utility>

namespace millrace {
namespace {

namespace http = boost::beast::http;

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

Bytes as_written(Response& response, bool head) {
  response.set(http::field::cache_control, "no-store");
  response.prepare_payload();
  if (head) response.body().clear();
  std::ostringstream text;
  text << response;
  return Bytes::copy_of(as_bytes(text.str()));
}

Bytes as_written(const HttpAnswer& answer, unsigned version, bool keep_alive, bool head) {
  Response response(http::int_to_status(answer.status), version);
  response.keep_alive(keep_alive);
  response.set(http::field::content_type, answer.content_type);
  for (const auto& [name, value] : answer.headers) response.set(name, value);
  response.body() = answer.body;
  return as_written(response, head);
}

// Its target is set by who looks at it.
HttpRequest request_of(Request& request, std::string peer) {
  HttpRequest out;
  out.method = request.method_string();
  for (const auto& field : request) out.headers.emplace(field.name_string(), field.value());
  out.body = std::move(request.body());
  out.peer = std::move(peer);
  return out;
}

// For a client that is not listened to any more.
Bytes refusal(http::status status) {
  Response response(status, 11);
  response.set(http::field::content_type, "text/plain; charset=utf-8");
  response.keep_alive(false);
  response.body() = fmt::format("{}\n", std::string_view(http::obsolete_reason(status)));
  return as_written(response, false);
}

http::status status_of(const boost::beast::error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return http::status::request_header_fields_too_large;
  }
  if (error == http::error::body_limit) return http::status::payload_too_large;
  if (error == http::error::bad_version) return http::status::http_version_not_supported;
  return http::status::bad_request;
}

}  // namespace

Task<HttpAnswer> answer_now(HttpAnswer answer) { co_return answer; }

// One connection: requests one after the other, each with a time limit.
class HttpServer::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Socket> socket, Core& core, const HttpLimits& limits,
             std::uint64_t& held_bytes)
      : socket_(std::move(socket)), core_(core), limits_(limits), held_by_all_(held_bytes) {}
  Connection(const Connection&) = delete;
  ~Connection() {
    stop_clock();
    hold(0);
  }

  // Nothing: the connection is over, whatever there was to say is said.
  Task<std::optional<Request>> read_request() {
    http::request_parser<http::string_body> parser;
    parser.header_limit(limits_.header_bytes_max);
    parser.body_limit(limits_.body_bytes_max);
    bool begun = !unread_.empty();
    bool told_to_go_on = false;
    if (begun) {
      start_clock(limits_.request_max, AtTheEnd::say_so);
    } else {
      start_clock(limits_.idle_max, AtTheEnd::close);
    }
    for (;;) {
      boost::beast::error_code error;
      std::size_t used = 0;
      if (!unread_.empty()) used = parser.put(boost::asio::buffer(unread_), error);
      unread_.erase(0, used);
      if (error == http::error::need_more) error = {};
      if (error) co_return co_await refuse(status_of(error));
      hold(unread_.size() + parser.get().body().size());
      if (held_by_all_ > limits_.held_bytes_max) {
        co_return co_await refuse(http::status::service_unavailable);
      }
      if (parser.is_done()) break;
      if (parser.is_header_done() && !std::exchange(told_to_go_on, true)) go_on(parser.get());
      if (used > 0 && !unread_.empty()) continue;
      // The parser wants a header whole: it is in here until then.
      if (unread_.size() > limits_.header_bytes_max + limits_.body_bytes_max) {
        co_return co_await refuse(http::status::request_header_fields_too_large);
      }
      std::array<std::uint8_t, 4096> space;
      auto count = co_await read_some(*socket_, space);
      if (!count) co_return std::nullopt;
      if (is_late_) continue;  // it has been told
      unread_ += as_text({space.data(), *count});
      if (!std::exchange(begun, true)) start_clock(limits_.request_max, AtTheEnd::say_so);
    }
    stop_clock();
    co_return parser.release();
  }

  // What the request took is free again.
  void forget_request() { hold(unread_.size()); }
  std::string peer() const { return socket_->peer(); }

  Task<bool> write(Bytes answer, Duration limit) {
    ByteChain out;
    out.append(std::move(answer));
    start_clock(limit, AtTheEnd::close);
    auto written = co_await write_all(*socket_, std::move(out));
    stop_clock();
    co_return written.has_value();
  }

  // Says no, waits a little for the client to read it, and ends. What the client still sends goes
  // unread: a socket closed on it would take the answer back.
  Task<std::optional<Request>> refuse(http::status status) {
    bool written = co_await write(refusal(status), limits_.linger_max);
    start_clock(limits_.linger_max, AtTheEnd::close);
    std::array<std::uint8_t, 4096> space;
    while (written) {
      auto count = co_await read_some(*socket_, space);
      if (!count) break;
    }
    close();
    co_return std::nullopt;
  }
  // The same in passing, as far as the socket takes it at once.
  void turn_away(http::status status) {
    ByteChain out;
    out.append(refusal(status));
    (void)socket_->try_write(out, 0);
    close();
  }
  void close() {
    stop_clock();
    socket_->close();
  }

 private:
  enum class AtTheEnd { close, say_so };
  void hold(std::uint64_t bytes) {
    held_by_all_ += bytes - held_;
    held_ = bytes;
  }
  // A client with a long body may wait for this before it sends it. Who can't be told at once
  // sends it a little later.
  void go_on(const Request& request) {
    if (!boost::beast::iequals(request[http::field::expect], "100-continue")) return;
    ByteChain out;
    out.append(Bytes::copy_of(as_bytes("HTTP/1.1 100 Continue\r\n\r\n")));
    (void)socket_->try_write(out, 0);
  }
  void start_clock(Duration limit, AtTheEnd then) {
    stop_clock();
    clock_ = core_.call_after(limit, [this, then] {
      clock_.reset();
      if (then == AtTheEnd::close) return socket_->close();
      is_late_ = true;
      unread_.clear();
      core_.spawn("http connection", say_late(shared_from_this()));
    });
  }
  // Beside the read that waits, which ends with the socket.
  static Task<void> say_late(std::shared_ptr<Connection> self) {
    co_await self->write(refusal(http::status::request_timeout), self->limits_.linger_max);
    self->close();
  }
  void stop_clock() {
    if (clock_) core_.cancel(*std::exchange(clock_, std::nullopt));
  }

  std::shared_ptr<Socket> socket_;
  Core& core_;
  const HttpLimits& limits_;
  std::uint64_t& held_by_all_;
  std::uint64_t held_ = 0;  // of it, by this connection
  std::string unread_;
  bool is_late_ = false;
  std::optional<TimerId> clock_;
};

HttpServer::~HttpServer() = default;

void HttpServer::serve(std::string_view method, std::string_view pattern, HttpHandler handler) {
  ASSERT(!listener_);
  routes_.add(method, pattern, std::move(handler));
}

Result<void> HttpServer::listen(const std::string& host, std::uint16_t port) {
  auto listener = runtime_.listen(host, port);
  if (!listener) return std::unexpected(listener.error());
  listener_ = std::move(*listener);
  listener_->on_accept(
      [this](std::unique_ptr<PendingSocket> pending) { accept(std::move(pending)); });
  return {};
}

void HttpServer::accept(std::unique_ptr<PendingSocket> pending) {
  Core& core = runtime_.core(CoreId(0));
  auto connection =
      std::make_shared<Connection>(pending->open_on(core), core, limits_, held_bytes_);
  if (open_.size() >= limits_.connections_max) {
    connection->turn_away(http::status::service_unavailable);
    return;
  }
  open_.insert(connection);
  core.spawn("http connection", run(std::move(connection)));
}

void HttpServer::close() {
  if (listener_) listener_->close();
  for (const auto& connection : open_) connection->close();
}

HttpAnswer HttpServer::refuse(unsigned status, std::string why) const {
  if (refusal_) return refusal_(status, std::move(why));
  return {.status = status, .body = std::move(why) + "\n"};
}

Task<HttpAnswer> HttpServer::answer(HttpRequest request) {
  const auto parsed = take_target(request, std::string(request.target));
  if (!parsed) co_return refuse(400, parsed.error().detail);
  if (guard_) {
    if (auto refused = guard_(request)) co_return std::move(*refused);
  }
  const HttpRoutes::Found found = routes_.find(request);
  if (found.handler) co_return co_await (*found.handler)(std::move(request));
  if (found.allowed.empty()) co_return refuse(404, "there is " + routes_.paths());
  HttpAnswer refused = refuse(405, "use " + found.allowed);
  refused.headers.emplace_back("Allow", found.allowed);
  co_return refused;
}

Task<void> HttpServer::run(std::shared_ptr<Connection> connection) {
  for (bool goes_on = true; goes_on;) {
    auto request = co_await connection->read_request();
    if (!request) break;
    const bool head = request->method() == http::verb::head;
    const bool keep_alive = request->keep_alive();
    const unsigned version = request->version();
    HttpRequest asked = request_of(*request, connection->peer());
    asked.target = request->target();
    request.reset();
    const HttpAnswer said = co_await answer(std::move(asked));
    connection->forget_request();
    goes_on =
        co_await connection->write(as_written(said, version, keep_alive, head), limits_.answer_max);
    goes_on = goes_on && keep_alive;
  }
  connection->close();
  open_.erase(connection);
}

}  // namespace millrace
