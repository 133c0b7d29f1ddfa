// Any bytes as patterns and key. The first byte chooses the dialect, the rest is cut into lines: a
// key and patterns. The tree must agree with the obvious matcher on each, and be empty in the end.
//
//   scripts/test --only fuzz/routing_key
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>
#include <vector>

#include "routing/wildcard_test_support.h"
#include "routing/wildcard_tree.h"

namespace {

using namespace millrace;

constexpr std::size_t kKeyBytesMax = 255;
constexpr std::size_t kPatternsMax = 16;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Language {
  const WildcardDialect& dialect;
  bool (*valid)(std::string_view);
};

constexpr Language kLanguages[] = {{kAmqpWildcards, valid_amqp_pattern},
                                   {kNatsWildcards, valid_nats_pattern},
                                   {kMqttWildcards, valid_mqtt_pattern}};

void check(const Language& language, std::string_view key, std::string_view patterns) {
  WildcardTree tree(language.dialect);
  std::vector<std::string_view> inserted;
  for (Words lines(patterns, '\n'); lines.more() && inserted.size() < kPatternsMax;) {
    const std::string_view pattern = lines.next();
    if (pattern.size() > kKeyBytesMax || !language.valid(pattern) || tree.find(pattern)) continue;
    tree.insert(pattern);
    inserted.push_back(pattern);
  }
  while (true) {
    const auto matched = tree.match(key);
    const std::set<PatternId> found(matched.begin(), matched.end());
    require(found.size() == matched.size());
    for (const std::string_view pattern : inserted) {
      const auto id = tree.find(pattern);
      require(id.has_value());
      require(found.contains(*id) == test::obviously_matches(language.dialect, pattern, key));
    }
    require(found.size() <= inserted.size() && tree.pattern_count() == inserted.size());
    if (inserted.empty()) break;
    tree.remove(*tree.find(inserted.back()));
    inserted.pop_back();
  }
  require(tree.node_count() == 1 && tree.word_count() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::size_t end = text.find('\n');
  const std::string_view key = text.substr(0, end);
  if (key.size() > kKeyBytesMax || end == std::string_view::npos) return 0;
  check(kLanguages[data[0] % std::size(kLanguages)], key, text.substr(end + 1));
  return 0;
}
