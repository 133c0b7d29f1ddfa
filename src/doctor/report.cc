#include "doctor/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/json.h"
#include "cli/options.h"
#include "cli/text.h"

namespace millrace::doctor {

std::string_view Report::name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::fine:
      return "ok";
    case Outcome::note:
      return "note";
    case Outcome::finding:
      break;
  }
  return "finding";
}

std::size_t Report::findings() const {
  return static_cast<std::size_t>(std::ranges::count(rows_, Outcome::finding, &Row::outcome));
}

int Report::print(bool json) const {
  if (json)
    print_json();
  else
    print_lines();
  return findings() == 0 ? cli::kDone : cli::kFailed;
}

void Report::print_json() const {
  cli::Json out;
  out["subject"] = subject_;
  out["findings"] = findings();
  out["checks"] = cli::Json::array();
  for (const Row& row : rows_) {
    cli::Json check;
    check["check"] = row.check;
    check["outcome"] = name_of(row.outcome);
    check["text"] = row.text;
    if (!row.advice.empty()) check["advice"] = row.advice;
    out["checks"].push_back(std::move(check));
  }
  cli::print_json(out);
}

void Report::print_lines() const {
  std::size_t width = 0;
  for (const Row& row : rows_) width = std::max(width, row.check.size());
  for (const Row& row : rows_) {
    fmt::print("{:<7}  {:<{}}  {}\n", name_of(row.outcome), row.check, width, row.text);
    if (!row.advice.empty()) fmt::print("{:<7}  {:<{}}  -> {}\n", "", "", width, row.advice);
  }
  const auto count = static_cast<std::int64_t>(findings());
  fmt::print("{}: {}\n", subject_,
             count == 0 ? std::string("nothing is wrong") : cli::counted(count, "finding"));
}

}  // namespace millrace::doctor
