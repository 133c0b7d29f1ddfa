// A topic id, directory id or cluster-wide id as Kafka sends it: 16 bytes, all zero for "none".
//
// People see it as Kafka prints it: 22 letters of the URL-safe base64 alphabet without padding.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::kafka {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  bool is_zero() const { return *this == Uuid{}; }
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

std::string to_text(const Uuid& uuid);
// Nothing for text that to_text does not give.
std::optional<Uuid> parse_uuid(std::string_view text);

}  // namespace millrace::kafka

template <>
struct std::hash<millrace::kafka::Uuid> {
  std::size_t operator()(const millrace::kafka::Uuid& uuid) const noexcept {
    // Ids are random, but may come from a client: both halves are mixed.
    std::uint64_t halves[2];
    std::memcpy(halves, uuid.bytes.data(), sizeof halves);
    return halves[0] ^ (halves[1] * 0x9e3779b97f4a7c15ULL);
  }
};
