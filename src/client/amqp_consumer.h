// AmqpConsumer: one consumer of one queue, over AMQP 0-9-1. Blocking; nothing but next() waits
// longer than the time-out.
//
//   auto consumer = AmqpConsumer::open({.address = address, .queue = "jobs"});
//   auto message = (*consumer)->next(std::nullopt);       // the next one, however long it takes
//   (*consumer)->acknowledge((*message)->tag);
//   (*consumer)->close();                                 // what was acknowledged is durable now
//
// What was not acknowledged when it ends goes back to the queue.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "client/address.h"
#include "client/deadline.h"
#include "protocols/amqp/wire/frame.h"
#include "protocols/amqp/wire/methods.h"
#include "protocols/amqp/wire/writer.h"

namespace millrace::client {

struct AmqpOptions {
  ServerAddress address;
  Milliseconds timeout{10'000};
  std::string vhost = "/";
  std::string queue;
  std::uint16_t prefetch = 1;
  std::string user = "guest";
  std::string password = "guest";
  std::string_view option = "--server";  // by which people say the address
};

struct AmqpMessage {
  std::uint64_t tag = 0;
  bool redelivered = false;
  std::string exchange;
  std::string routing_key;
  std::vector<std::uint8_t> properties;  // flags and list
  std::string body;
};

class AmqpConsumer {
 public:
  // Connected and consuming. not_found: there is no such queue.
  static Result<std::unique_ptr<AmqpConsumer>> open(AmqpOptions options);
  ~AmqpConsumer();
  AmqpConsumer(const AmqpConsumer&) = delete;
  AmqpConsumer& operator=(const AmqpConsumer&) = delete;

  // Nothing: `until` passed, or a signal came. not_found: the queue was deleted.
  Result<std::optional<AmqpMessage>> next(std::optional<Clock::time_point> until);
  Result<void> acknowledge(std::uint64_t tag);
  Result<void> reject(std::uint64_t tag, bool requeue);
  // No more messages; what was acknowledged is durable when it returns.
  Result<void> close();

 private:
  explicit AmqpConsumer(AmqpOptions options) : options_(std::move(options)) {}

  Result<void> log_in();
  Result<void> consume();
  Result<void> flush();
  // Of its own thread of thought: more bytes are there, false when `until` passed.
  Result<bool> receive(std::optional<Clock::time_point> until);
  // The next frame that is whole; its view holds until more is received.
  Result<std::optional<amqp::FrameView>> frame();
  Result<void> handle(const amqp::FrameView& frame);
  Result<void> handle_method(ByteView payload);
  Result<void> wait_for(amqp::MethodId id);
  std::unexpected<Error> broken(std::string_view why) const;

  const AmqpOptions options_;
  int socket_ = -1;
  amqp::FrameWriter out_;
  std::vector<std::uint8_t> received_;
  std::size_t begin_ = 0;
  std::size_t frame_bytes_max_ = 1 << 20;
  amqp::MethodId last_method_{};       // that was not handled at once
  std::optional<AmqpMessage> coming_;  // of which bodies are missing
  std::uint64_t body_bytes_ = 0;
  std::deque<AmqpMessage> ready_;
};

}  // namespace millrace::client
