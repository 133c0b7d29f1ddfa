// The slow and obvious matcher beside WildcardTree: word by word as the protocols' texts say it. It
// remembers what it has tried, so that a fuzzer may ask it anything.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "routing/wildcard_dialect.h"

namespace millrace::test {

class ObviousMatcher {
 public:
  ObviousMatcher(const WildcardDialect& dialect, std::string_view pattern, std::string_view key)
      : dialect_(dialect), pattern_(split(pattern)), key_(split(key)) {}

  bool matches() {
    if (dialect_.hides_dollar && !key_.empty() && key_[0].starts_with('$') && !pattern_.empty()) {
      if (is(pattern_[0], dialect_.one) || is(pattern_[0], dialect_.many)) return false;
    }
    known_.assign((pattern_.size() + 1) * (key_.size() + 1), std::nullopt);
    return matches(0, 0);
  }

 private:
  std::vector<std::string_view> split(std::string_view text) const {
    std::vector<std::string_view> words;
    if (text.empty()) return words;
    for (std::size_t from = 0;;) {
      const std::size_t end = text.find(dialect_.separator, from);
      words.push_back(text.substr(from, end - from));
      if (end == std::string_view::npos) return words;
      from = end + 1;
    }
  }
  static bool is(std::string_view word, char wildcard) {
    return word.size() == 1 && word[0] == wildcard;
  }
  // Whether the pattern from word p on matches the key from word k on.
  bool matches(std::size_t p, std::size_t k) {
    std::optional<bool>& known = known_[p * (key_.size() + 1) + k];
    if (!known) known = compare(p, k);
    return *known;
  }
  bool compare(std::size_t p, std::size_t k) {
    const bool key_left = k < key_.size();
    if (p == pattern_.size()) return !key_left;
    if (is(pattern_[p], dialect_.many)) {
      if (key_left && matches(p, k + 1)) return true;
      if (dialect_.many_needs_a_word) return key_left && matches(p + 1, k + 1);
      return matches(p + 1, k);
    }
    if (!key_left) return false;
    return (is(pattern_[p], dialect_.one) || pattern_[p] == key_[k]) && matches(p + 1, k + 1);
  }

  WildcardDialect dialect_;
  std::vector<std::string_view> pattern_;
  std::vector<std::string_view> key_;
  std::vector<std::optional<bool>> known_;
};

inline bool obviously_matches(const WildcardDialect& dialect, std::string_view pattern,
                              std::string_view key) {
  return ObviousMatcher(dialect, pattern, key).matches();
}

}  // namespace millrace::test
