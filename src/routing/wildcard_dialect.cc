#include "routing/wildcard_dialect.h"

namespace millrace {

namespace {

// Every word is accepted by `valid_word(word, is_last)`, and they are not too many.
template <class ValidWord>
bool valid_words(std::string_view pattern, char separator, ValidWord valid_word) {
  if (pattern.empty()) return false;
  std::size_t count = 0;
  for (Words words(pattern, separator); words.more();) {
    const std::string_view word = words.next();
    if (++count > kPatternWordsMax || !valid_word(word, !words.more())) return false;
  }
  return true;
}

bool has_any(std::string_view word, std::string_view characters) {
  return word.find_first_of(characters) != std::string_view::npos;
}

}  // namespace

bool valid_amqp_pattern(std::string_view pattern) { return pattern.size() <= kAmqpPatternBytesMax; }

bool valid_nats_pattern(std::string_view pattern) {
  return valid_words(pattern, kNatsWildcards.separator, [](std::string_view word, bool last) {
    if (word.empty() || has_any(word, {" \t\r\n\f\0", 6})) return false;
    return word != ">" || last;
  });
}

bool valid_mqtt_pattern(std::string_view pattern) {
  if (pattern.size() > kMqttPatternBytesMax) return false;
  return valid_words(pattern, kMqttWildcards.separator, [](std::string_view word, bool last) {
    if (word == "+") return true;
    if (word == "#") return last;
    return !has_any(word, {"+#\0", 3});
  });
}

}  // namespace millrace
