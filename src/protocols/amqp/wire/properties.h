// The properties of a message: 16 flags, and a list of those that are there.
//
// The broker keeps the raw bytes (flags and list) with the message and sends them again as they
// came, so it rarely decodes them. On publish they are walked once:
//
//   Result<PropertiesView> properties = parse_properties(header.properties);
//   if (properties->delivery_mode() == 2) ...
//   if (auto headers = properties->headers()) find_field(*headers, "x-delay") ...
//
// Bytes that were found good before are walked by the cheaper scan_properties(). Who changes
// properties (dead letters, BCC) decodes and encodes them:
//
//   Result<BasicProperties> all = decode_properties(raw);
//   all->expiration.reset();
//   std::vector<std::uint8_t> raw = encode_properties(*all);
//
// Errors are invalid_request (502).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/value.h"

namespace millrace::amqp {

// Each with the number of its flag; they stand in the list from the highest down.
enum class Property : std::uint8_t {
  content_type = 15,
  content_encoding = 14,
  headers = 13,
  delivery_mode = 12,
  priority = 11,
  correlation_id = 10,
  reply_to = 9,
  expiration = 8,
  message_id = 7,
  timestamp = 6,
  type = 5,
  user_id = 4,
  app_id = 3,
  cluster_id = 2,  // reserved by the specification
};

inline constexpr std::uint8_t kTransient = 1;
inline constexpr std::uint8_t kPersistent = 2;

// What no property at all looks like.
inline constexpr std::array<std::uint8_t, 2> kNoProperties = {0, 0};

// Views of the raw bytes, which must live as long.
class PropertiesView {
 public:
  ByteView raw() const { return raw_; }
  bool has(Property property) const { return (flags_ >> bit(property) & 1) != 0; }

  // Of one that is a short string.
  std::optional<std::string_view> text(Property property) const;
  std::optional<std::string_view> correlation_id() const { return text(Property::correlation_id); }
  std::optional<std::string_view> reply_to() const { return text(Property::reply_to); }
  // Milliseconds, as digits: whether it is a number is not known yet.
  std::optional<std::string_view> expiration() const { return text(Property::expiration); }
  std::optional<std::string_view> message_id() const { return text(Property::message_id); }
  std::optional<std::string_view> user_id() const { return text(Property::user_id); }
  // The content of the field table.
  std::optional<ByteView> headers() const;
  std::optional<std::uint8_t> delivery_mode() const { return octet(Property::delivery_mode); }
  std::optional<std::uint8_t> priority() const { return octet(Property::priority); }
  std::optional<TimestampSeconds> timestamp() const;

 private:
  friend class PropertiesWalk;
  static unsigned bit(Property property) { return static_cast<unsigned>(property); }
  std::optional<std::uint8_t> octet(Property property) const;

  ByteView raw_;
  std::uint16_t flags_ = 0;
  std::array<std::uint32_t, 16> position_{};  // by flag, of those that are there
};

// The whole is well-formed, nested tables too. Allocates nothing.
Result<PropertiesView> parse_properties(ByteView raw);
// The same without looking into the headers.
Result<PropertiesView> scan_properties(ByteView raw);

// All of them; strings are views of what was decoded, or of what the caller encodes.
struct BasicProperties {
  std::optional<std::string_view> content_type;
  std::optional<std::string_view> content_encoding;
  std::optional<ValueTable> headers;
  std::optional<std::uint8_t> delivery_mode;
  std::optional<std::uint8_t> priority;
  std::optional<std::string_view> correlation_id;
  std::optional<std::string_view> reply_to;
  std::optional<std::string_view> expiration;
  std::optional<std::string_view> message_id;
  std::optional<TimestampSeconds> timestamp;
  std::optional<std::string_view> type;
  std::optional<std::string_view> user_id;
  std::optional<std::string_view> app_id;
  std::optional<std::string_view> cluster_id;

  void fields(this auto& self, auto& visit) {
    visit(self.content_type, self.content_encoding, self.headers, self.delivery_mode, self.priority,
          self.correlation_id, self.reply_to, self.expiration, self.message_id, self.timestamp,
          self.type, self.user_id, self.app_id, self.cluster_id);
  }
  bool operator==(const BasicProperties&) const = default;
};

Result<BasicProperties> decode_properties(ByteView raw);
// Flags and list.
std::vector<std::uint8_t> encode_properties(const BasicProperties& properties);

}  // namespace millrace::amqp
