#include "base/canonical_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>
#include <tuple>
#include <vector>

namespace millrace {

namespace {

// Every value begins with a letter for its type; texts carry their length, so that no text can look
// like what follows another one.
class CanonicalWriter {
 public:
  void table(const ValueTable& table) {
    std::vector<const ValueTable::Entry*> entries;
    for (const ValueTable::Entry& entry : table.entries()) entries.push_back(&entry);
    // Of two with one name the first stays in front.
    std::ranges::sort(entries, [](const ValueTable::Entry* a, const ValueTable::Entry* b) {
      return std::tie(a->first, a) < std::tie(b->first, b);
    });
    put("{}F", entries.size());
    for (const ValueTable::Entry* entry : entries) {
      text('k', entry->first);
      value(entry->second);
    }
  }
  std::string take() && { return std::move(out_); }

 private:
  void value(const Value& value) {
    if (auto integer = value.as_integer()) return put("i{};", *integer);
    std::visit([this](const auto& held) { put_held(held); }, value.variant());
  }
  void put_held(std::monostate) { out_ += 'V'; }
  void put_held(bool held) { out_ += held ? 't' : 'n'; }
  void put_held(std::integral auto held) { put("i{};", held); }
  void put_held(float held) { put_held(static_cast<double>(held)); }
  void put_held(double held) {
    constexpr double kIntegersEnd = 9007199254740992.0;  // 2^53: all below are exact
    if (std::abs(held) < kIntegersEnd && held == std::trunc(held)) {
      put("i{};", static_cast<std::int64_t>(held));
    } else {
      put("d{};", held);
    }
  }
  void put_held(const Decimal& held) { put("D{}:{};", held.scale, held.digits); }
  void put_held(TimestampSeconds held) { put("T{};", held.value); }
  void put_held(const std::string& held) { text('S', held); }
  void put_held(const ByteString& held) { text('x', held.bytes); }
  void put_held(const ValueArray& held) {
    put("A{};", held.size());
    for (const Value& member : held) value(member);
  }
  void put_held(const ValueTable& held) { table(held); }

  void text(char type, std::string_view text) { put("{}{}:{}", type, text.size(), text); }
  template <class... Arguments>
  void put(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Arguments>(arguments)...);
  }

  std::string out_;
};

}  // namespace

std::string canonical_text(const ValueTable& table) {
  CanonicalWriter writer;
  writer.table(table);
  return std::move(writer).take();
}

}  // namespace millrace
