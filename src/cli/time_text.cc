#include "cli/time_text.h"

#include <charconv>
#include <chrono>

namespace millrace::cli {
namespace {

// Takes what it recognises from the front; anything else makes it fail for good.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : left_(text) {}

  bool ok() const { return ok_; }
  bool at_end() const { return left_.empty(); }
  char peek() const { return left_.empty() ? '\0' : left_.front(); }
  bool take(char letter) {
    if (peek() != letter) return false;
    left_.remove_prefix(1);
    return true;
  }
  void expect(char letter) { ok_ = take(letter) && ok_; }
  // Exactly so many digits.
  int digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (peek() < '0' || peek() > '9') {
        ok_ = false;
        return 0;
      }
      value = value * 10 + (peek() - '0');
      left_.remove_prefix(1);
    }
    return value;
  }
  // Digits behind the point, as milliseconds; what is finer is dropped.
  int fraction() {
    int value = 0;
    int scale = 100;
    std::size_t count = 0;
    for (; peek() >= '0' && peek() <= '9'; ++count, scale /= 10) {
      value += (peek() - '0') * scale;
      left_.remove_prefix(1);
    }
    ok_ = ok_ && count > 0;
    return value;
  }

 private:
  std::string_view left_;
  bool ok_ = true;
};

// Minutes east of Greenwich.
int zone(Scanner& in) {
  if (in.take('Z') || in.take('z') || in.at_end()) return 0;
  const bool west = in.peek() == '-';
  if (!in.take('+')) in.expect('-');
  const int hours = in.digits(2);
  in.take(':');
  const int minutes = in.at_end() ? 0 : in.digits(2);
  return (west ? -1 : 1) * (hours * 60 + minutes);
}

}  // namespace

std::optional<std::int64_t> parse_time(std::string_view text) {
  namespace chrono = std::chrono;
  Scanner in(text);
  const int year = in.digits(4);
  in.expect('-');
  const int month = in.digits(2);
  in.expect('-');
  const int day = in.digits(2);
  int hour = 0;
  int minute = 0;
  int second = 0;
  int ms = 0;
  int east = 0;
  if (in.ok() && !in.at_end()) {
    if (!in.take('T') && !in.take('t')) in.expect(' ');
    hour = in.digits(2);
    in.expect(':');
    minute = in.digits(2);
    if (in.take(':')) {
      second = in.digits(2);
      if (in.take('.')) ms = in.fraction();
    }
    east = zone(in);
  }
  const chrono::year_month_day date{chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day))};
  if (!in.ok() || !in.at_end() || !date.ok() || hour > 23 || minute > 59 || second > 59)
    return std::nullopt;
  const chrono::milliseconds time = chrono::sys_days(date).time_since_epoch() +
                                    chrono::hours(hour) + chrono::minutes(minute - east) +
                                    chrono::seconds(second) + chrono::milliseconds(ms);
  return time.count();
}

}  // namespace millrace::cli
