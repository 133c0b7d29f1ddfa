// Outcomes: what became of each of several things that one command was asked for. One failure
// neither hides nor stops the others.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/json.h"

namespace millrace::cli {

class Outcomes {
 public:
  // `plural`: the key of the list in JSON, "topics".
  Outcomes(std::string plural, bool json);

  // `sentence` is for people, `facts` for programs.
  void done(const std::string& name, const std::string& sentence, Json facts);
  // `doing`: "create orders".
  void failed(const std::string& name, const std::string& doing, const Error& error);
  // Prints the JSON; the exit code.
  int finish();

 private:
  const std::string plural_;
  const bool json_;
  Json rows_ = Json::array();
  bool any_failed_ = false;
};

}  // namespace millrace::cli
