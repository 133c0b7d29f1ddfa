// The class exchange (40).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/value.h"
#include "protocols/amqp/wire/method_id.h"

namespace millrace::amqp {

struct ExchangeDeclare {
  static constexpr MethodId kId = make_method_id(40, 10);
  static constexpr std::string_view kName = "exchange.declare";
  std::uint16_t ticket = 0;
  std::string_view exchange;
  std::string_view type;
  bool passive = false;
  bool durable = false;
  bool auto_delete = false;
  bool internal = false;
  bool no_wait = false;
  ValueTable arguments;
  void fields(this auto& self, auto& visit) {
    visit(self.ticket, self.exchange, self.type, self.passive, self.durable, self.auto_delete,
          self.internal, self.no_wait, self.arguments);
  }
  bool operator==(const ExchangeDeclare&) const = default;
};

struct ExchangeDeclareOk {
  static constexpr MethodId kId = make_method_id(40, 11);
  static constexpr std::string_view kName = "exchange.declare-ok";
  void fields(this auto&, auto&) {}
  bool operator==(const ExchangeDeclareOk&) const = default;
};

struct ExchangeDelete {
  static constexpr MethodId kId = make_method_id(40, 20);
  static constexpr std::string_view kName = "exchange.delete";
  std::uint16_t ticket = 0;
  std::string_view exchange;
  bool if_unused = false;
  bool no_wait = false;
  void fields(this auto& self, auto& visit) {
    visit(self.ticket, self.exchange, self.if_unused, self.no_wait);
  }
  bool operator==(const ExchangeDelete&) const = default;
};

struct ExchangeDeleteOk {
  static constexpr MethodId kId = make_method_id(40, 21);
  static constexpr std::string_view kName = "exchange.delete-ok";
  void fields(this auto&, auto&) {}
  bool operator==(const ExchangeDeleteOk&) const = default;
};

struct ExchangeBind {
  static constexpr MethodId kId = make_method_id(40, 30);
  static constexpr std::string_view kName = "exchange.bind";
  std::uint16_t ticket = 0;
  std::string_view destination;
  std::string_view source;
  std::string_view routing_key;
  bool no_wait = false;
  ValueTable arguments;
  void fields(this auto& self, auto& visit) {
    visit(self.ticket, self.destination, self.source, self.routing_key, self.no_wait,
          self.arguments);
  }
  bool operator==(const ExchangeBind&) const = default;
};

struct ExchangeBindOk {
  static constexpr MethodId kId = make_method_id(40, 31);
  static constexpr std::string_view kName = "exchange.bind-ok";
  void fields(this auto&, auto&) {}
  bool operator==(const ExchangeBindOk&) const = default;
};

struct ExchangeUnbind {
  static constexpr MethodId kId = make_method_id(40, 40);
  static constexpr std::string_view kName = "exchange.unbind";
  std::uint16_t ticket = 0;
  std::string_view destination;
  std::string_view source;
  std::string_view routing_key;
  bool no_wait = false;
  ValueTable arguments;
  void fields(this auto& self, auto& visit) {
    visit(self.ticket, self.destination, self.source, self.routing_key, self.no_wait,
          self.arguments);
  }
  bool operator==(const ExchangeUnbind&) const = default;
};

// Really 51, not 41.
struct ExchangeUnbindOk {
  static constexpr MethodId kId = make_method_id(40, 51);
  static constexpr std::string_view kName = "exchange.unbind-ok";
  void fields(this auto&, auto&) {}
  bool operator==(const ExchangeUnbindOk&) const = default;
};

}  // namespace millrace::amqp
