// The class connection (10): login, negotiation, the end. Fields that the specification reserves
// are kept, so that what was read can be written again.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/value.h"
#include "protocols/amqp/wire/field_codec.h"
#include "protocols/amqp/wire/method_id.h"

namespace millrace::amqp {

struct ConnectionStart {
  static constexpr MethodId kId = make_method_id(10, 10);
  static constexpr std::string_view kName = "connection.start";
  std::uint8_t version_major = 0;
  std::uint8_t version_minor = 0;
  ValueTable server_properties;
  LongText mechanisms;
  LongText locales;
  void fields(this auto& self, auto& visit) {
    visit(self.version_major, self.version_minor, self.server_properties, self.mechanisms,
          self.locales);
  }
  bool operator==(const ConnectionStart&) const = default;
};

struct ConnectionStartOk {
  static constexpr MethodId kId = make_method_id(10, 11);
  static constexpr std::string_view kName = "connection.start-ok";
  ValueTable client_properties;
  std::string_view mechanism;
  LongText response;
  std::string_view locale;
  void fields(this auto& self, auto& visit) {
    visit(self.client_properties, self.mechanism, self.response, self.locale);
  }
  bool operator==(const ConnectionStartOk&) const = default;
};

struct ConnectionSecure {
  static constexpr MethodId kId = make_method_id(10, 20);
  static constexpr std::string_view kName = "connection.secure";
  LongText challenge;
  void fields(this auto& self, auto& visit) { visit(self.challenge); }
  bool operator==(const ConnectionSecure&) const = default;
};

struct ConnectionSecureOk {
  static constexpr MethodId kId = make_method_id(10, 21);
  static constexpr std::string_view kName = "connection.secure-ok";
  LongText response;
  void fields(this auto& self, auto& visit) { visit(self.response); }
  bool operator==(const ConnectionSecureOk&) const = default;
};

struct ConnectionTune {
  static constexpr MethodId kId = make_method_id(10, 30);
  static constexpr std::string_view kName = "connection.tune";
  std::uint16_t channel_max = 0;
  std::uint32_t frame_bytes_max = 0;
  std::uint16_t heartbeat_seconds = 0;
  void fields(this auto& self, auto& visit) {
    visit(self.channel_max, self.frame_bytes_max, self.heartbeat_seconds);
  }
  bool operator==(const ConnectionTune&) const = default;
};

struct ConnectionTuneOk {
  static constexpr MethodId kId = make_method_id(10, 31);
  static constexpr std::string_view kName = "connection.tune-ok";
  std::uint16_t channel_max = 0;
  std::uint32_t frame_bytes_max = 0;
  std::uint16_t heartbeat_seconds = 0;
  void fields(this auto& self, auto& visit) {
    visit(self.channel_max, self.frame_bytes_max, self.heartbeat_seconds);
  }
  bool operator==(const ConnectionTuneOk&) const = default;
};

struct ConnectionOpen {
  static constexpr MethodId kId = make_method_id(10, 40);
  static constexpr std::string_view kName = "connection.open";
  std::string_view virtual_host;
  std::string_view reserved_1;
  bool reserved_2 = false;
  void fields(this auto& self, auto& visit) {
    visit(self.virtual_host, self.reserved_1, self.reserved_2);
  }
  bool operator==(const ConnectionOpen&) const = default;
};

struct ConnectionOpenOk {
  static constexpr MethodId kId = make_method_id(10, 41);
  static constexpr std::string_view kName = "connection.open-ok";
  std::string_view reserved_1;
  void fields(this auto& self, auto& visit) { visit(self.reserved_1); }
  bool operator==(const ConnectionOpenOk&) const = default;
};

// `class_id` and `method_id` are those of the method that failed, or 0.
struct ConnectionClose {
  static constexpr MethodId kId = make_method_id(10, 50);
  static constexpr std::string_view kName = "connection.close";
  std::uint16_t reply_code = 0;
  std::string_view reply_text;
  std::uint16_t class_id = 0;
  std::uint16_t method_id = 0;
  void fields(this auto& self, auto& visit) {
    visit(self.reply_code, self.reply_text, self.class_id, self.method_id);
  }
  bool operator==(const ConnectionClose&) const = default;
};

struct ConnectionCloseOk {
  static constexpr MethodId kId = make_method_id(10, 51);
  static constexpr std::string_view kName = "connection.close-ok";
  void fields(this auto&, auto&) {}
  bool operator==(const ConnectionCloseOk&) const = default;
};

struct ConnectionBlocked {
  static constexpr MethodId kId = make_method_id(10, 60);
  static constexpr std::string_view kName = "connection.blocked";
  std::string_view reason;
  void fields(this auto& self, auto& visit) { visit(self.reason); }
  bool operator==(const ConnectionBlocked&) const = default;
};

struct ConnectionUnblocked {
  static constexpr MethodId kId = make_method_id(10, 61);
  static constexpr std::string_view kName = "connection.unblocked";
  void fields(this auto&, auto&) {}
  bool operator==(const ConnectionUnblocked&) const = default;
};

struct ConnectionUpdateSecret {
  static constexpr MethodId kId = make_method_id(10, 70);
  static constexpr std::string_view kName = "connection.update-secret";
  LongText new_secret;
  std::string_view reason;
  void fields(this auto& self, auto& visit) { visit(self.new_secret, self.reason); }
  bool operator==(const ConnectionUpdateSecret&) const = default;
};

struct ConnectionUpdateSecretOk {
  static constexpr MethodId kId = make_method_id(10, 71);
  static constexpr std::string_view kName = "connection.update-secret-ok";
  void fields(this auto&, auto&) {}
  bool operator==(const ConnectionUpdateSecretOk&) const = default;
};

}  // namespace millrace::amqp
