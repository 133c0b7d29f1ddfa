// WireClient: the client's end of a connection, for tests: requests from the wire structs, and
// frames made by hand. On the core of its socket.
//
//   WireClient client(std::move(socket));
//   co_await client.send(encode_request(7, "test", request, 9));
//   Result<Answer> answer = co_await client.receive();
#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocols/kafka/wire/codec.h"
#include "protocols/kafka/wire/gen/messages.h"
#include "record/endian.h"
#include "runtime/socket.h"

namespace millrace::kafka::test {

inline MetadataRequest all_topics() {
  MetadataRequest request;
  request.topics = std::nullopt;
  return request;
}

class WireClient {
 public:
  explicit WireClient(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {}

  Socket& socket() { return *socket_; }
  void close() { socket_->close(); }

  Task<Result<void>> send(ByteChain frame) { return write_all(*socket_, std::move(frame)); }

  // The next frame, without its length: header and body.
  Task<Result<Bytes>> receive() {
    while (!whole_frame()) {
      std::uint8_t space[4096];
      auto count = co_await read_some(*socket_, space);
      if (!count) co_return std::unexpected(count.error());
      unread_.insert(unread_.end(), space, space + *count);
    }
    const std::size_t size = frame_size();
    Bytes frame = Bytes::copy_of(ByteView(unread_).subspan(kFrameLengthBytes, size));
    unread_.erase(unread_.begin(),
                  unread_.begin() + static_cast<std::ptrdiff_t>(kFrameLengthBytes + size));
    co_return frame;
  }

  // One request and its answer; connection_broken also when the answer is another request's.
  template <class Response, class Request>
  Task<Result<Response>> call(Request request, std::int16_t version) {
    const std::int32_t correlation = next_correlation_++;
    auto sent = co_await send(encode_request(correlation, "test", request, version));
    if (!sent) co_return std::unexpected(sent.error());
    auto frame = co_await receive();
    if (!frame) co_return std::unexpected(frame.error());
    co_return read_answer<Response>(*frame, correlation, version);
  }

  template <class Response>
  static Result<Response> read_answer(const Bytes& frame, std::int32_t correlation,
                                      std::int16_t version) {
    Reader in(frame);
    auto header = decode_response_header(
        in, response_header_version(Response::kKey, version, Response::kFlexibleFrom));
    if (!header) return std::unexpected(header.error());
    if (header->correlation_id != correlation) {
      return fail(ErrorCode::connection_broken, "the answer of another request");
    }
    auto response = decode<Response>(in, version);
    if (response && in.remaining() != 0) {
      return fail(ErrorCode::connection_broken, "bytes follow the answer");
    }
    return response;
  }

 private:
  std::size_t frame_size() const { return load_big_endian<std::uint32_t>(unread_.data()); }
  bool whole_frame() const {
    return unread_.size() >= kFrameLengthBytes &&
           unread_.size() - kFrameLengthBytes >= frame_size();
  }

  std::unique_ptr<Socket> socket_;
  std::vector<std::uint8_t> unread_;
  std::int32_t next_correlation_ = 1;
};

}  // namespace millrace::kafka::test
