#include "cli/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/json.h"

namespace millrace::cli {
namespace {

std::string check_server(const std::string& text) {
  auto address = client::parse_server(text);
  return address ? std::string() : std::string(address.error().message());
}

}  // namespace

void add_shared_options(CLI::App& command, Shared& shared) {
  command.add_option("-s,--server", shared.server, "The broker to talk to, HOST:PORT")
      ->check(check_server)
      ->type_name("ADDRESS")
      ->envname("MILLRACE_SERVER")
      ->capture_default_str();
  command
      .add_option("--timeout", shared.timeout_s, "Seconds to wait for an answer before giving up")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  command.add_flag("--json", shared.json, "Print JSON, for programs");
}

void set_callback(CLI::App& command, std::function<void()> callback) {
  command.callback(std::move(callback));
}

client::ClientOptions client_options(const Shared& shared) {
  client::ClientOptions options;
  options.server = client::parse_server(shared.server).value_or(client::ServerAddress{});
  options.timeout = client::Milliseconds(static_cast<std::int64_t>(shared.timeout_s * 1000));
  return options;
}

void report(const Error& error, bool json) {
  if (json) {
    Json out;
    out["error"]["code"] = error_name(error.code);
    out["error"]["message"] = error.message();
    fmt::print(stderr, "{}\n", dump(out));
  } else {
    fmt::print(stderr, "millrace: {}\n", error.message());
  }
}

void warn(const std::string& text) { fmt::print(stderr, "millrace: {}\n", text); }

int misused(const std::string& text) {
  fmt::print(stderr, "millrace: {}\n", text);
  return kMisused;
}

}  // namespace millrace::cli
