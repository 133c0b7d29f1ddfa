#include "groups/subscription.h"

namespace millrace {
namespace {

std::optional<std::uint32_t> take_number(ByteView& bytes, std::size_t size) {
  if (bytes.size() < size) return std::nullopt;
  std::uint32_t value = 0;
  for (std::uint8_t byte : bytes.first(size)) value = value << 8 | byte;
  bytes = bytes.subspan(size);
  return value;
}

}  // namespace

// A member that has just joined may not speak the protocol of the generation before; each of its
// protocols carries its topics.
std::optional<TopicNames> subscribed_topics(const Group& group) {
  TopicNames topics;
  if (group.members().empty()) return topics;
  if (group.protocol_type != kConsumerProtocolType) return std::nullopt;
  for (const auto& [id, member] : group.members()) {
    const Blob* metadata = member.info.metadata(group.protocol_name);
    if (!metadata) metadata = &member.info.protocols.front().metadata;
    if (!read_subscription(*metadata, topics)) return std::nullopt;
  }
  return topics;
}

bool read_subscription(ByteView metadata, TopicNames& topics) {
  auto version = take_number(metadata, 2);
  auto count = take_number(metadata, 4);
  if (!version || *version > 0x7FFF || !count || *count > 0x7FFFFFFF) return false;
  for (std::uint32_t i = 0; i < *count; ++i) {
    auto size = take_number(metadata, 2);
    if (!size || *size > 0x7FFF || *size > metadata.size()) return false;
    topics.emplace(as_text(metadata.first(*size)));
    metadata = metadata.subspan(*size);
  }
  return true;
}

}  // namespace millrace
