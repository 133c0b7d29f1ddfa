#include "cli/when.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "cli/time_text.h"

namespace millrace::cli {
namespace {

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const char* begin = text.data();
  const char* end = begin + text.size();
  auto [stop, error] = std::from_chars(begin, end, value);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

// "5m", "5m ago", "5 m ago": milliseconds.
std::optional<std::int64_t> span_of_time(std::string_view text) {
  if (text.ends_with(" ago")) text.remove_suffix(4);
  if (text.empty()) return std::nullopt;
  std::int64_t unit = 0;
  switch (text.back()) {
    case 's':
      unit = 1'000;
      break;
    case 'm':
      unit = 60'000;
      break;
    case 'h':
      unit = 3'600'000;
      break;
    case 'd':
      unit = 86'400'000;
      break;
    default:
      return std::nullopt;
  }
  text.remove_suffix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  const auto count = whole_number(text);
  std::int64_t ms = 0;
  if (!count || *count < 0 || __builtin_mul_overflow(*count, unit, &ms)) return std::nullopt;
  return ms;
}

}  // namespace

std::int64_t unix_ms_now() {
  using std::chrono::system_clock;
  const auto since = system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

Result<When> parse_when(const std::string& text, std::int64_t now_ms) {
  using Kind = When::Kind;
  if (text == "beginning" || text == "start" || text == "earliest") return When{Kind::beginning, 0};
  if (text == "end" || text == "latest") return When{Kind::end, 0};
  if (text.starts_with('@')) {
    const auto ms = whole_number(std::string_view(text).substr(1));
    if (ms && *ms >= 0) return When{Kind::time, *ms};
  } else if (const auto number = whole_number(text)) {
    if (*number >= 0 && !text.starts_with('-')) return When{Kind::offset, *number};
    if (*number != INT64_MIN) return When{Kind::from_end, -*number};
  } else if (const auto span = span_of_time(text)) {
    return When{Kind::time, std::max<std::int64_t>(0, now_ms - *span)};
  } else if (const auto ms = parse_time(text); ms && *ms >= 0) {
    return When{Kind::time, *ms};
  }
  return fail(ErrorCode::invalid_config,
              fmt::format("'{}' is no place in a topic: say beginning, end, an offset (1200), the "
                          "last N (-10), a time (2026-11-21T10:00:00Z, @1763719200000) or how "
                          "long ago (5m)",
                          text));
}

std::string check_when(const std::string& text) {
  auto when = parse_when(text, unix_ms_now());
  return when ? std::string() : std::string(when.error().message());
}

Result<Ranges> find_ranges(client::Client& client, const client::Topic& topic,
                           const std::vector<std::int32_t>& partitions) {
  auto first = client::find_offsets(client, topic, partitions, client::kEarliest);
  if (!first) return std::unexpected(first.error());
  auto next = client::find_offsets(client, topic, partitions, client::kLatest);
  if (!next) return std::unexpected(next.error());
  Ranges ranges;
  for (const std::int32_t partition : partitions)
    ranges[partition] = {first->at(partition), std::max(first->at(partition), next->at(partition))};
  return ranges;
}

Result<Offsets> resolve(client::Client& client, const client::Topic& topic, const Ranges& ranges,
                        const When& when, std::vector<std::string>* moved) {
  Offsets offsets;
  Offsets by_time;
  if (when.kind == When::Kind::time) {
    std::vector<std::int32_t> partitions;
    for (const auto& [partition, range] : ranges) partitions.push_back(partition);
    auto found = client::find_offsets(client, topic, partitions, when.value);
    if (!found) return std::unexpected(found.error());
    by_time = std::move(*found);
  }
  for (const auto& [partition, range] : ranges) {
    std::int64_t offset = range.first;
    switch (when.kind) {
      case When::Kind::beginning:
        break;
      case When::Kind::end:
        offset = range.next;
        break;
      case When::Kind::offset:
        offset = when.value;
        break;
      case When::Kind::from_end:
        offset = std::max(range.first, range.next - std::min(when.value, range.next));
        break;
      case When::Kind::time:
        offset = by_time[partition] < 0 ? range.next : by_time[partition];
        break;
    }
    const std::int64_t inside = std::clamp(offset, range.first, range.next);
    if (inside != offset && when.kind == When::Kind::offset && moved != nullptr)
      moved->push_back(
          range.first == range.next
              ? fmt::format("{} partition {} is empty: {}, its next offset, instead of {}",
                            topic.name, partition, inside, offset)
              : fmt::format("{} partition {} holds offsets {} to {}: {} instead of {}", topic.name,
                            partition, range.first, range.next - 1, inside, offset));
    offsets[partition] = inside;
  }
  return offsets;
}

}  // namespace millrace::cli
