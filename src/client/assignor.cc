#include "client/assignor.h"

#include <fmt/format.h>

#include "protocols/kafka/wire/reader.h"
#include "protocols/kafka/wire/writer.h"

namespace millrace::client {
namespace {

using kafka::Reader;
using kafka::Writer;

constexpr std::int16_t kVersion = 0;

std::unexpected<Error> unreadable(std::string_view what, const Reader& in) {
  return fail(ErrorCode::corrupt_message,
              fmt::format("a group member's {} can't be read: {}", what, in.failure()));
}

void write_no_user_data(Writer& out) { out.number(std::int32_t{-1}); }

}  // namespace

Bytes encode_subscription(const std::vector<std::string>& topics) {
  Writer out;
  out.number(kVersion);
  out.array(topics, false, [&](const std::string& topic) { out.string(topic, false); });
  write_no_user_data(out);
  return out.finish().flatten();
}

Result<std::vector<std::string>> decode_subscription(const Bytes& bytes) {
  Reader in(bytes);
  std::int16_t version = 0;
  std::vector<std::string> topics;
  const bool read = in.number(version) && in.array(topics, false, 2, [&](std::string& topic) {
    return in.string(topic, false);
  });
  if (!read) return unreadable("subscription", in);
  return topics;
}

Bytes encode_assignment(const Assignment& assignment) {
  Writer out;
  out.number(kVersion);
  out.number(static_cast<std::int32_t>(assignment.size()));
  for (const auto& [topic, partitions] : assignment) {
    out.string(topic, false);
    out.array(partitions, false, [&](std::int32_t partition) { out.number(partition); });
  }
  write_no_user_data(out);
  return out.finish().flatten();
}

Result<Assignment> decode_assignment(const Bytes& bytes) {
  Assignment assignment;
  if (bytes.empty()) return assignment;
  struct Part {
    std::string topic;
    std::vector<std::int32_t> partitions;
  };
  Reader in(bytes);
  std::int16_t version = 0;
  std::vector<Part> parts;
  const bool read = in.number(version) && in.array(parts, false, 6, [&](Part& part) {
    return in.string(part.topic, false) &&
           in.array(part.partitions, false, 4,
                    [&](std::int32_t& partition) { return in.number(partition); });
  });
  if (!read) return unreadable("assignment", in);
  for (Part& part : parts) assignment[part.topic] = std::move(part.partitions);
  return assignment;
}

std::map<std::string, Assignment> assign_ranges(
    const std::map<std::string, std::vector<std::string>>& topics_of_member,
    const std::map<std::string, std::int32_t>& partitions_of_topic) {
  std::map<std::string, Assignment> assigned;
  std::map<std::string, std::vector<std::string>> members_of_topic;
  for (const auto& [member, topics] : topics_of_member) {
    assigned[member];
    for (const std::string& topic : topics) members_of_topic[topic].push_back(member);
  }
  for (const auto& [topic, members] : members_of_topic) {
    const auto found = partitions_of_topic.find(topic);
    if (found == partitions_of_topic.end()) continue;
    const auto count = static_cast<std::int32_t>(members.size());
    std::int32_t partition = 0;
    for (std::int32_t i = 0; i < count; ++i) {
      const std::int32_t run = found->second / count + (i < found->second % count ? 1 : 0);
      for (std::int32_t j = 0; j < run; ++j)
        assigned[members[static_cast<std::size_t>(i)]][topic].push_back(partition++);
    }
  }
  return assigned;
}

}  // namespace millrace::client
