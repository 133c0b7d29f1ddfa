// Report: what was looked at, and what each look gave.
//
//   Report report("data");
//   report.fine("lock", "no broker is running on it");
//   report.finding("segments", "a file is missing", "restore it from a copy");
//   return report.print(json);        // the exit code
#pragma once

#include <string>
#include <vector>

namespace millrace::doctor {

class Report {
 public:
  explicit Report(std::string subject) : subject_(std::move(subject)) {}

  void fine(std::string check, std::string text) { add(Outcome::fine, check, text, ""); }
  // Worth knowing, and as it may be.
  void note(std::string check, std::string text, std::string advice = "") {
    add(Outcome::note, check, text, advice);
  }
  // Something is wrong; `advice` says what to do.
  void finding(std::string check, std::string text, std::string advice) {
    add(Outcome::finding, check, text, advice);
  }

  std::size_t findings() const;
  // To standard output; 0 when nothing is wrong, 1 otherwise.
  int print(bool json) const;

 private:
  enum class Outcome { fine, note, finding };
  struct Row {
    Outcome outcome;
    std::string check;
    std::string text;
    std::string advice;
  };
  static std::string_view name_of(Outcome outcome);
  void add(Outcome outcome, std::string& check, std::string& text, std::string advice) {
    rows_.push_back({outcome, std::move(check), std::move(text), std::move(advice)});
  }
  void print_json() const;
  void print_lines() const;

  std::string subject_;
  std::vector<Row> rows_;
};

}  // namespace millrace::doctor
