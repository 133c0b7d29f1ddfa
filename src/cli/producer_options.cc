#include "cli/producer_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string_view>

namespace millrace::cli {
namespace {

// In the order of the enumeration.
constexpr std::array<std::string_view, 5> kNames = {"none", "gzip", "snappy", "lz4", "zstd"};

}  // namespace

void add_compression_option(CLI::App& command, std::string& text) {
  command.add_option("-z,--compression", text, "How batches are compressed")
      ->check(CLI::IsMember(std::vector<std::string>(kNames.begin(), kNames.end())))
      ->capture_default_str();
}

Compression compression_of(const std::string& text) {
  const auto found = std::ranges::find(kNames, text);
  return static_cast<Compression>(found == kNames.end() ? 0 : found - kNames.begin());
}

void add_acks_option(CLI::App& command, std::string& text) {
  command
      .add_option("--acks", text,
                  "What is waited for: all (on disk), 1 (with the broker), 0 (nothing)")
      ->check([](const std::string& each) {
        const bool known = each == "all" || each == "-1" || each == "1" || each == "0";
        return known ? std::string() : "acks are all, 1 or 0";
      })
      ->capture_default_str();
}

std::int16_t acks_of(const std::string& text) {
  if (text == "1") return 1;
  return text == "0" ? 0 : -1;
}

}  // namespace millrace::cli
