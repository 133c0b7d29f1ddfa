// The class basic (60): messages. Publish, return, deliver and get-ok are followed by a content.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/value.h"
#include "protocols/amqp/wire/method_id.h"

namespace millrace::amqp {

struct BasicQos {
  static constexpr MethodId kId = make_method_id(60, 10);
  static constexpr std::string_view kName = "basic.qos";
  std::uint32_t prefetch_bytes = 0;
  std::uint16_t prefetch_count = 0;
  bool global = false;
  void fields(this auto& self, auto& visit) {
    visit(self.prefetch_bytes, self.prefetch_count, self.global);
  }
  bool operator==(const BasicQos&) const = default;
};

struct BasicQosOk {
  static constexpr MethodId kId = make_method_id(60, 11);
  static constexpr std::string_view kName = "basic.qos-ok";
  void fields(this auto&, auto&) {}
  bool operator==(const BasicQosOk&) const = default;
};

struct BasicConsume {
  static constexpr MethodId kId = make_method_id(60, 20);
  static constexpr std::string_view kName = "basic.consume";
  std::uint16_t ticket = 0;
  std::string_view queue;
  std::string_view consumer_tag;
  bool no_local = false;
  bool no_ack = false;
  bool exclusive = false;
  bool no_wait = false;
  ValueTable arguments;
  void fields(this auto& self, auto& visit) {
    visit(self.ticket, self.queue, self.consumer_tag, self.no_local, self.no_ack, self.exclusive,
          self.no_wait, self.arguments);
  }
  bool operator==(const BasicConsume&) const = default;
};

struct BasicConsumeOk {
  static constexpr MethodId kId = make_method_id(60, 21);
  static constexpr std::string_view kName = "basic.consume-ok";
  std::string_view consumer_tag;
  void fields(this auto& self, auto& visit) { visit(self.consumer_tag); }
  bool operator==(const BasicConsumeOk&) const = default;
};

struct BasicCancel {
  static constexpr MethodId kId = make_method_id(60, 30);
  static constexpr std::string_view kName = "basic.cancel";
  std::string_view consumer_tag;
  bool no_wait = false;
  void fields(this auto& self, auto& visit) { visit(self.consumer_tag, self.no_wait); }
  bool operator==(const BasicCancel&) const = default;
};

struct BasicCancelOk {
  static constexpr MethodId kId = make_method_id(60, 31);
  static constexpr std::string_view kName = "basic.cancel-ok";
  std::string_view consumer_tag;
  void fields(this auto& self, auto& visit) { visit(self.consumer_tag); }
  bool operator==(const BasicCancelOk&) const = default;
};

struct BasicPublish {
  static constexpr MethodId kId = make_method_id(60, 40);
  static constexpr std::string_view kName = "basic.publish";
  std::uint16_t ticket = 0;
  std::string_view exchange;
  std::string_view routing_key;
  bool mandatory = false;
  bool immediate = false;
  void fields(this auto& self, auto& visit) {
    visit(self.ticket, self.exchange, self.routing_key, self.mandatory, self.immediate);
  }
  bool operator==(const BasicPublish&) const = default;
};

struct BasicReturn {
  static constexpr MethodId kId = make_method_id(60, 50);
  static constexpr std::string_view kName = "basic.return";
  std::uint16_t reply_code = 0;
  std::string_view reply_text;
  std::string_view exchange;
  std::string_view routing_key;
  void fields(this auto& self, auto& visit) {
    visit(self.reply_code, self.reply_text, self.exchange, self.routing_key);
  }
  bool operator==(const BasicReturn&) const = default;
};

struct BasicDeliver {
  static constexpr MethodId kId = make_method_id(60, 60);
  static constexpr std::string_view kName = "basic.deliver";
  std::string_view consumer_tag;
  std::uint64_t delivery_tag = 0;
  bool redelivered = false;
  std::string_view exchange;
  std::string_view routing_key;
  void fields(this auto& self, auto& visit) {
    visit(self.consumer_tag, self.delivery_tag, self.redelivered, self.exchange, self.routing_key);
  }
  bool operator==(const BasicDeliver&) const = default;
};

struct BasicGet {
  static constexpr MethodId kId = make_method_id(60, 70);
  static constexpr std::string_view kName = "basic.get";
  std::uint16_t ticket = 0;
  std::string_view queue;
  bool no_ack = false;
  void fields(this auto& self, auto& visit) { visit(self.ticket, self.queue, self.no_ack); }
  bool operator==(const BasicGet&) const = default;
};

// `message_count`: those that are still in the queue.
struct BasicGetOk {
  static constexpr MethodId kId = make_method_id(60, 71);
  static constexpr std::string_view kName = "basic.get-ok";
  std::uint64_t delivery_tag = 0;
  bool redelivered = false;
  std::string_view exchange;
  std::string_view routing_key;
  std::uint32_t message_count = 0;
  void fields(this auto& self, auto& visit) {
    visit(self.delivery_tag, self.redelivered, self.exchange, self.routing_key, self.message_count);
  }
  bool operator==(const BasicGetOk&) const = default;
};

struct BasicGetEmpty {
  static constexpr MethodId kId = make_method_id(60, 72);
  static constexpr std::string_view kName = "basic.get-empty";
  std::string_view reserved_1;
  void fields(this auto& self, auto& visit) { visit(self.reserved_1); }
  bool operator==(const BasicGetEmpty&) const = default;
};

struct BasicAck {
  static constexpr MethodId kId = make_method_id(60, 80);
  static constexpr std::string_view kName = "basic.ack";
  std::uint64_t delivery_tag = 0;
  bool multiple = false;
  void fields(this auto& self, auto& visit) { visit(self.delivery_tag, self.multiple); }
  bool operator==(const BasicAck&) const = default;
};

struct BasicReject {
  static constexpr MethodId kId = make_method_id(60, 90);
  static constexpr std::string_view kName = "basic.reject";
  std::uint64_t delivery_tag = 0;
  bool requeue = false;
  void fields(this auto& self, auto& visit) { visit(self.delivery_tag, self.requeue); }
  bool operator==(const BasicReject&) const = default;
};

struct BasicRecoverAsync {
  static constexpr MethodId kId = make_method_id(60, 100);
  static constexpr std::string_view kName = "basic.recover-async";
  bool requeue = false;
  void fields(this auto& self, auto& visit) { visit(self.requeue); }
  bool operator==(const BasicRecoverAsync&) const = default;
};

struct BasicRecover {
  static constexpr MethodId kId = make_method_id(60, 110);
  static constexpr std::string_view kName = "basic.recover";
  bool requeue = false;
  void fields(this auto& self, auto& visit) { visit(self.requeue); }
  bool operator==(const BasicRecover&) const = default;
};

struct BasicRecoverOk {
  static constexpr MethodId kId = make_method_id(60, 111);
  static constexpr std::string_view kName = "basic.recover-ok";
  void fields(this auto&, auto&) {}
  bool operator==(const BasicRecoverOk&) const = default;
};

struct BasicNack {
  static constexpr MethodId kId = make_method_id(60, 120);
  static constexpr std::string_view kName = "basic.nack";
  std::uint64_t delivery_tag = 0;
  bool multiple = false;
  bool requeue = false;
  void fields(this auto& self, auto& visit) {
    visit(self.delivery_tag, self.multiple, self.requeue);
  }
  bool operator==(const BasicNack&) const = default;
};

}  // namespace millrace::amqp
