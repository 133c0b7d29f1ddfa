// Three protocols let a reader name many keys with one pattern, and differ in little:
//
//             words by   one word   any number of words
//   AMQP      .          *          #   none too; anywhere
//   NATS      .          *          >   at least one; last only
//   MQTT      /          +          #   none too; last only
//
// A character is a wildcard only when it is a whole word. Words are compared as bytes, and between
// two separators stands an empty word, which is a word ("a..b" has three). The empty text has none.
#pragma once

#include <cstddef>
#include <string_view>

namespace millrace {

struct WildcardDialect {
  char separator;
  char one;
  char many;
  bool many_needs_a_word;
  // MQTT 5, 4.7.2: a key that begins with $ is not matched by a wildcard in the first place.
  bool hides_dollar;
};

inline constexpr WildcardDialect kAmqpWildcards{'.', '*', '#', false, false};
inline constexpr WildcardDialect kNatsWildcards{'.', '*', '>', true, false};
inline constexpr WildcardDialect kMqttWildcards{'/', '+', '#', false, true};

// AMQP carries a pattern as a short string.
inline constexpr std::size_t kAmqpPatternBytesMax = 255;
// MQTT 5, 1.5.4: the length of a string is two bytes.
inline constexpr std::size_t kMqttPatternBytesMax = 65535;
// What a pattern may cost in NATS and MQTT: as many words as fit in one of AMQP.
inline constexpr std::size_t kPatternWordsMax = 256;

// Whether a client may ask for it. Everything is a pattern in AMQP that fits; NATS wants words that
// are not empty and hold no white space; MQTT (4.7.1) wants wildcards to be whole words, and no
// NUL.
bool valid_amqp_pattern(std::string_view pattern);
bool valid_nats_pattern(std::string_view pattern);
bool valid_mqtt_pattern(std::string_view pattern);

// The words of a text, one after the other.
//
//   for (Words words(key, '.'); words.more();) use(words.next());
class Words {
 public:
  Words(std::string_view text, char separator)
      : rest_(text), separator_(separator), more_(!text.empty()) {}
  bool more() const { return more_; }
  // While there are more.
  std::string_view next() {
    const std::size_t end = rest_.find(separator_);
    const std::string_view word = rest_.substr(0, end);
    more_ = end != std::string_view::npos;
    rest_.remove_prefix(more_ ? end + 1 : rest_.size());
    return word;
  }

 private:
  std::string_view rest_;
  char separator_;
  bool more_;
};

}  // namespace millrace
