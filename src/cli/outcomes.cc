#include "cli/outcomes.h"

#include <fmt/format.h>

#include "cli/options.h"

namespace millrace::cli {

Outcomes::Outcomes(std::string plural, bool json) : plural_(std::move(plural)), json_(json) {}

void Outcomes::done(const std::string& name, const std::string& sentence, Json facts) {
  Json row;
  row["name"] = name;
  row.update(facts);
  rows_.push_back(std::move(row));
  if (!json_) fmt::print("{}\n", sentence);
}

void Outcomes::failed(const std::string& name, const std::string& doing, const Error& error) {
  any_failed_ = true;
  Json row;
  row["name"] = name;
  row["error"]["code"] = error_name(error.code);
  row["error"]["message"] = error.message();
  rows_.push_back(std::move(row));
  if (!json_) warn(fmt::format("cannot {}: {}", doing, error.message()));
}

int Outcomes::finish() {
  if (json_) {
    Json out;
    out[plural_] = std::move(rows_);
    print_json(out);
  }
  return any_failed_ ? kFailed : kDone;
}

}  // namespace millrace::cli
