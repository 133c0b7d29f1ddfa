// Runs of offsets as bytes: for each the distance from the end of the one before it, doubled, plus
// 1 when it is longer than one offset; then, for those, the length less 2. Numbers have seven bits
// a byte, lowest first, the top bit saying "more".
#include "base/assert.h"
#include "queues/events.h"

namespace millrace {
namespace {

void put_number(std::vector<std::uint8_t>& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}

bool read_number(ByteView& bytes, std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    std::uint64_t byte = bytes.front();
    bytes = bytes.subspan(1);
    if (shift == 63 && byte > 1) return false;
    value |= (byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

}  // namespace

std::vector<std::uint8_t> write_runs(const OffsetRuns& runs) {
  std::vector<std::uint8_t> out;
  Offset at(0);
  for (const OffsetRange& run : runs) {
    ASSERT(!run.empty() && at <= run.first);
    std::int64_t count = run.count();
    put_number(out, static_cast<std::uint64_t>(run.first - at) << 1 | (count > 1 ? 1 : 0));
    if (count > 1) put_number(out, static_cast<std::uint64_t>(count) - 2);
    at = run.end;
  }
  return out;
}

bool read_runs(ByteView bytes, OffsetRuns& runs) {
  runs.clear();
  Offset at(0);
  while (!bytes.empty()) {
    std::uint64_t distance = 0;
    std::uint64_t beyond_two = 0;
    if (!read_number(bytes, distance)) return false;
    bool is_long = (distance & 1) != 0;
    distance >>= 1;
    if (is_long && !read_number(bytes, beyond_two)) return false;
    // Adjoining runs are written as one.
    if (distance == 0 && !runs.empty()) return false;
    auto left = static_cast<std::uint64_t>(kOffsetMax - at);
    if (distance > left || left - distance < 2 || beyond_two > left - distance - 2) return false;
    Offset first = at + static_cast<std::int64_t>(distance);
    at = first + (is_long ? static_cast<std::int64_t>(beyond_two) + 2 : 1);
    runs.push_back({first, at});
  }
  return true;
}

}  // namespace millrace
