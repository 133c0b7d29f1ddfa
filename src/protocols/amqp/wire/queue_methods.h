// The class queue (50).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/value.h"
#include "protocols/amqp/wire/method_id.h"

namespace millrace::amqp {

struct QueueDeclare {
  static constexpr MethodId kId = make_method_id(50, 10);
  static constexpr std::string_view kName = "queue.declare";
  std::uint16_t ticket = 0;
  std::string_view queue;
  bool passive = false;
  bool durable = false;
  bool exclusive = false;
  bool auto_delete = false;
  bool no_wait = false;
  ValueTable arguments;
  void fields(this auto& self, auto& visit) {
    visit(self.ticket, self.queue, self.passive, self.durable, self.exclusive, self.auto_delete,
          self.no_wait, self.arguments);
  }
  bool operator==(const QueueDeclare&) const = default;
};

struct QueueDeclareOk {
  static constexpr MethodId kId = make_method_id(50, 11);
  static constexpr std::string_view kName = "queue.declare-ok";
  std::string_view queue;
  std::uint32_t message_count = 0;
  std::uint32_t consumer_count = 0;
  void fields(this auto& self, auto& visit) {
    visit(self.queue, self.message_count, self.consumer_count);
  }
  bool operator==(const QueueDeclareOk&) const = default;
};

struct QueueBind {
  static constexpr MethodId kId = make_method_id(50, 20);
  static constexpr std::string_view kName = "queue.bind";
  std::uint16_t ticket = 0;
  std::string_view queue;
  std::string_view exchange;
  std::string_view routing_key;
  bool no_wait = false;
  ValueTable arguments;
  void fields(this auto& self, auto& visit) {
    visit(self.ticket, self.queue, self.exchange, self.routing_key, self.no_wait, self.arguments);
  }
  bool operator==(const QueueBind&) const = default;
};

struct QueueBindOk {
  static constexpr MethodId kId = make_method_id(50, 21);
  static constexpr std::string_view kName = "queue.bind-ok";
  void fields(this auto&, auto&) {}
  bool operator==(const QueueBindOk&) const = default;
};

struct QueuePurge {
  static constexpr MethodId kId = make_method_id(50, 30);
  static constexpr std::string_view kName = "queue.purge";
  std::uint16_t ticket = 0;
  std::string_view queue;
  bool no_wait = false;
  void fields(this auto& self, auto& visit) { visit(self.ticket, self.queue, self.no_wait); }
  bool operator==(const QueuePurge&) const = default;
};

struct QueuePurgeOk {
  static constexpr MethodId kId = make_method_id(50, 31);
  static constexpr std::string_view kName = "queue.purge-ok";
  std::uint32_t message_count = 0;
  void fields(this auto& self, auto& visit) { visit(self.message_count); }
  bool operator==(const QueuePurgeOk&) const = default;
};

struct QueueDelete {
  static constexpr MethodId kId = make_method_id(50, 40);
  static constexpr std::string_view kName = "queue.delete";
  std::uint16_t ticket = 0;
  std::string_view queue;
  bool if_unused = false;
  bool if_empty = false;
  bool no_wait = false;
  void fields(this auto& self, auto& visit) {
    visit(self.ticket, self.queue, self.if_unused, self.if_empty, self.no_wait);
  }
  bool operator==(const QueueDelete&) const = default;
};

struct QueueDeleteOk {
  static constexpr MethodId kId = make_method_id(50, 41);
  static constexpr std::string_view kName = "queue.delete-ok";
  std::uint32_t message_count = 0;
  void fields(this auto& self, auto& visit) { visit(self.message_count); }
  bool operator==(const QueueDeleteOk&) const = default;
};

// Has no no_wait.
struct QueueUnbind {
  static constexpr MethodId kId = make_method_id(50, 50);
  static constexpr std::string_view kName = "queue.unbind";
  std::uint16_t ticket = 0;
  std::string_view queue;
  std::string_view exchange;
  std::string_view routing_key;
  ValueTable arguments;
  void fields(this auto& self, auto& visit) {
    visit(self.ticket, self.queue, self.exchange, self.routing_key, self.arguments);
  }
  bool operator==(const QueueUnbind&) const = default;
};

struct QueueUnbindOk {
  static constexpr MethodId kId = make_method_id(50, 51);
  static constexpr std::string_view kName = "queue.unbind-ok";
  void fields(this auto&, auto&) {}
  bool operator==(const QueueUnbindOk&) const = default;
};

}  // namespace millrace::amqp
