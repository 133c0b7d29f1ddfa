// The class channel (20), and access (30), which is of the past: every client gets ticket 1.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocols/amqp/wire/field_codec.h"
#include "protocols/amqp/wire/method_id.h"

namespace millrace::amqp {

struct ChannelOpen {
  static constexpr MethodId kId = make_method_id(20, 10);
  static constexpr std::string_view kName = "channel.open";
  std::string_view reserved_1;
  void fields(this auto& self, auto& visit) { visit(self.reserved_1); }
  bool operator==(const ChannelOpen&) const = default;
};

struct ChannelOpenOk {
  static constexpr MethodId kId = make_method_id(20, 11);
  static constexpr std::string_view kName = "channel.open-ok";
  LongText reserved_1;
  void fields(this auto& self, auto& visit) { visit(self.reserved_1); }
  bool operator==(const ChannelOpenOk&) const = default;
};

struct ChannelFlow {
  static constexpr MethodId kId = make_method_id(20, 20);
  static constexpr std::string_view kName = "channel.flow";
  bool active = false;
  void fields(this auto& self, auto& visit) { visit(self.active); }
  bool operator==(const ChannelFlow&) const = default;
};

struct ChannelFlowOk {
  static constexpr MethodId kId = make_method_id(20, 21);
  static constexpr std::string_view kName = "channel.flow-ok";
  bool active = false;
  void fields(this auto& self, auto& visit) { visit(self.active); }
  bool operator==(const ChannelFlowOk&) const = default;
};

// `class_id` and `method_id` are those of the method that failed, or 0.
struct ChannelClose {
  static constexpr MethodId kId = make_method_id(20, 40);
  static constexpr std::string_view kName = "channel.close";
  std::uint16_t reply_code = 0;
  std::string_view reply_text;
  std::uint16_t class_id = 0;
  std::uint16_t method_id = 0;
  void fields(this auto& self, auto& visit) {
    visit(self.reply_code, self.reply_text, self.class_id, self.method_id);
  }
  bool operator==(const ChannelClose&) const = default;
};

struct ChannelCloseOk {
  static constexpr MethodId kId = make_method_id(20, 41);
  static constexpr std::string_view kName = "channel.close-ok";
  void fields(this auto&, auto&) {}
  bool operator==(const ChannelCloseOk&) const = default;
};

struct AccessRequest {
  static constexpr MethodId kId = make_method_id(30, 10);
  static constexpr std::string_view kName = "access.request";
  std::string_view realm;
  bool exclusive = false;
  bool passive = false;
  bool active = false;
  bool write = false;
  bool read = false;
  void fields(this auto& self, auto& visit) {
    visit(self.realm, self.exclusive, self.passive, self.active, self.write, self.read);
  }
  bool operator==(const AccessRequest&) const = default;
};

struct AccessRequestOk {
  static constexpr MethodId kId = make_method_id(30, 11);
  static constexpr std::string_view kName = "access.request-ok";
  std::uint16_t ticket = 0;
  void fields(this auto& self, auto& visit) { visit(self.ticket); }
  bool operator==(const AccessRequestOk&) const = default;
};

}  // namespace millrace::amqp
