// Connection: one socket to one broker: requests out, answers in, in their order. Blocking, and
// never beyond a deadline.
//
//   Result<std::unique_ptr<Connection>> opened = Connection::open(address, 10s);
//   Result<MetadataResponse> answer = connection.call<MetadataResponse>(request);
//
//   Result<Sent> sent = connection.send(request);      // several may be under way
//   ...
//   Result<ProduceResponse> answer = connection.receive<ProduceResponse>(*sent);
//
// Opening asks the broker which versions it offers; a request goes out in the highest that both
// sides know, or below it where the caller's structs mean older fields (`cap`). What a server sends
// is not trusted: a frame has at most kResponseBytesMax, an answer is that of the oldest open
// request, and anything else breaks the connection for good (`broken()`).
#pragma once

#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "client/address.h"
#include "client/deadline.h"
#include "protocols/kafka/wire/codec.h"

namespace millrace::client {

// Fetch answers are the largest, and we ask for no more than a part of this.
inline constexpr std::size_t kResponseBytesMax = std::size_t{256} << 20;

inline constexpr std::int16_t kNewest = std::numeric_limits<std::int16_t>::max();

class Connection {
 public:
  // A request that waits for its answer.
  struct Sent {
    std::int32_t correlation = 0;
    std::int16_t version = 0;
  };

  // Connects and asks for versions. Errors say what to do about them.
  static Result<std::unique_ptr<Connection>> open(const ServerAddress& address,
                                                  Milliseconds timeout);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const ServerAddress& address() const { return address_; }
  Milliseconds timeout() const { return timeout_; }
  int descriptor() const { return socket_; }
  bool broken() const { return broken_.has_value(); }
  // Bytes of an answer are here already: poll(2) would not tell.
  bool has_buffered() const { return begin_ < end_ || !early_.empty(); }

  // The version to speak of an API, at most `cap`; Error::unsupported_version when there is none.
  Result<std::int16_t> version_of(std::int16_t key, std::string_view name, kafka::VersionRange ours,
                                  std::int16_t cap = kNewest) const;
  bool offers(kafka::ApiKey key) const { return versions_.contains(static_cast<int>(key)); }

  template <class Request>
  Result<Sent> send(const Request& request, std::int16_t cap = kNewest) {
    auto version = version_of(Request::kKey, Request::kName, Request::kVersions, cap);
    if (!version) return std::unexpected(version.error());
    return send_at(request, *version, true);
  }
  // For requests that the broker does not answer (acks=0).
  template <class Request>
  Result<void> send_unanswered(const Request& request, std::int16_t cap = kNewest) {
    auto version = version_of(Request::kKey, Request::kName, Request::kVersions, cap);
    if (!version) return std::unexpected(version.error());
    auto sent = send_at(request, *version, false);
    if (!sent) return std::unexpected(sent.error());
    return {};
  }
  // `extra`: how long the broker may hold the answer back beyond the connection's time-out.
  template <class Response>
  Result<Response> receive(Sent sent, Milliseconds extra = {}) {
    auto frame = receive_frame(sent, Response::kName, Deadline(timeout_ + extra));
    if (!frame) return std::unexpected(frame.error());
    return read_answer<Response>(*frame, sent);
  }
  template <class Response, class Request>
  Result<Response> call(const Request& request, std::int16_t cap = kNewest,
                        Milliseconds extra = {}) {
    auto sent = send(request, cap);
    if (!sent) return std::unexpected(sent.error());
    return receive<Response>(*sent, extra);
  }

 private:
  Connection(ServerAddress address, int socket, Milliseconds timeout);

  template <class Request>
  Result<Sent> send_at(const Request& request, std::int16_t version, bool answered) {
    const Sent sent{next_correlation_, version};
    next_correlation_ = (next_correlation_ + 1) & 0x7fffffff;
    TRY(write(kafka::encode_request(sent.correlation, std::string("millrace"), request, version)));
    if (answered) awaited_.push_back(sent.correlation);
    return sent;
  }
  template <class Response>
  Result<Response> read_answer(const Bytes& frame, Sent sent) {
    kafka::Reader in(frame);
    auto header = kafka::decode_response_header(
        in, kafka::response_header_version(Response::kKey, sent.version, Response::kFlexibleFrom));
    if (!header) return give_up(std::string(header.error().message()));
    if (header->correlation_id != sent.correlation)
      return give_up("its answers do not belong to our requests");
    auto response = kafka::decode<Response>(in, sent.version);
    if (!response) return give_up(std::string(response.error().message()));
    return response;
  }

  Result<void> negotiate();
  Result<void> write(const ByteChain& frame);
  // Answers come in the order of the requests: those before the one asked for are put aside.
  Result<Bytes> receive_frame(Sent sent, std::string_view what, const Deadline& deadline);
  Result<Bytes> read_frame(std::string_view what, const Deadline& deadline);
  // At least one byte into `to`; waits for it.
  Result<std::size_t> receive_some(MutableByteView to, std::string_view what,
                                   const Deadline& deadline);
  Result<void> receive_all(MutableByteView to, std::string_view what, const Deadline& deadline);
  std::unexpected<Error> give_up(std::string why);
  std::unexpected<Error> break_with(ErrorCode code, std::string text);

  const ServerAddress address_;
  const Milliseconds timeout_;
  int socket_;
  std::optional<Error> broken_;  // what broke it
  bool spoke_kafka_ = false;
  std::int32_t next_correlation_ = 1;
  std::deque<std::int32_t> awaited_;
  std::unordered_map<std::int32_t, Bytes> early_;          // by correlation
  std::unordered_map<int, kafka::VersionRange> versions_;  // by API key
  // What was received and not yet taken: [begin_, end_).
  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace millrace::client
