// NAME=VALUE arguments: configs and headers.
#pragma once

#include <string>
#include <utility>

namespace millrace::cli {

// For CLI11's check(): what is wrong, or nothing.
std::string check_assignment(const std::string& text);
// Of text that passed: the parts before and behind the first "=".
std::pair<std::string, std::string> split_assignment(const std::string& text);

}  // namespace millrace::cli
