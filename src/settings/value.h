// Values of settings: as people write them, and held against the bounds of their row.
//
//   parse_value(*find_setting("storage.checkpoint_bytes"), "64MiB")->number     // 67108864
//
// Sizes take B, KiB, MiB, GiB, TiB; durations us, ms, s, m, h, d; a plain number is in the unit
// that the setting's name ends in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "settings/table.h"

namespace millrace {

struct SettingValue {
  std::string text;         // as it is shown: sizes and durations in the largest unit that fits
  std::int64_t number = 0;  // in the base unit; 1 for true
  bool is_word = false;     // the setting's word, so not of its kind
};

// Error::invalid_config with what is allowed.
Result<SettingValue> parse_value(const Setting& setting, std::string_view text);

// "a size from 64KiB to 1GiB, as 64MiB, or a number of bytes"
std::string allowed(const Setting& setting);

// Of a choice, in the order of the table.
std::vector<std::string_view> choices_of(const Setting& setting);

// 65536 of bytes is "64KiB", 90000 milliseconds are "90s".
std::string number_text(Kind kind, std::int64_t number);

}  // namespace millrace
