#include "server/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <thread>

#include "cli/commands.h"
#include "server/version.h"

namespace millrace {
namespace {

// One processor is left to the journal's writer and the kernel.
std::size_t default_cores() {
  return std::max<std::size_t>(1, std::thread::hardware_concurrency() - 1);
}

// In any spelling: 0.0.0.0, ::, 0:0:0:0:0:0:0:0, 0.
bool is_wildcard(const std::string& host) {
  return host.find_first_not_of("0:.") == std::string::npos;
}

Result<std::optional<Address>> parse_listener(const std::string& flag, const std::string& text) {
  if (text == "off") return std::nullopt;
  auto address = parse_address(text);
  if (!address) {
    return fail(ErrorCode::invalid_config,
                fmt::format("--{} {}: {}; or say 'off'", flag, text, address.error().message()));
  }
  return *address;
}

struct Texts {
  std::string kafka = "127.0.0.1:9092";
  std::string http = "127.0.0.1:8080";
  std::string advertise;
  std::string log_level = "info";
};

Result<void> finish(ServeOptions& options, const Texts& texts) {
  auto kafka = parse_listener("kafka", texts.kafka);
  if (!kafka) return std::unexpected(kafka.error());
  options.kafka = *kafka;
  auto http = parse_listener("http", texts.http);
  if (!http) return std::unexpected(http.error());
  options.http = *http;
  if (!texts.advertise.empty()) {
    auto advertise = parse_address(texts.advertise);
    if (!advertise || is_wildcard(advertise->host) || advertise->port == 0) {
      return fail(ErrorCode::invalid_config,
                  fmt::format("--advertise {}: it must be the HOST:PORT at which clients reach "
                              "this broker",
                              texts.advertise));
    }
    options.advertise = *advertise;
  }
  if (options.kafka && is_wildcard(options.kafka->host) && !options.advertise) {
    return fail(ErrorCode::invalid_config,
                fmt::format("--kafka {} listens on all interfaces, but clients are sent to one "
                            "address: name it with --advertise HOST:PORT",
                            texts.kafka));
  }
  if (!options.kafka && !options.http) {
    return fail(ErrorCode::invalid_config, "all listeners are off: there is nothing to serve");
  }
  return {};
}

}  // namespace

std::string Address::text() const {
  bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<Address> parse_address(const std::string& text) {
  auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) {
    return fail(ErrorCode::invalid_config, "an address is HOST:PORT, as in 127.0.0.1:9092");
  }
  Address address;
  address.host = text.substr(0, colon);
  if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find_first_of("[]:") != std::string::npos) {
    return fail(ErrorCode::invalid_config, "an IPv6 address stands in brackets, as in [::1]:9092");
  }
  const char* begin = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(begin, end, address.port);
  if (begin == end || error != std::errc{} || stop != end) {
    return fail(ErrorCode::invalid_config, "a port is a number from 0 (take a free one) to 65535");
  }
  return address;
}

Parsed parse_command_line(int argc, char** argv) {
  CLI::App app{"Millrace: message broker and event-streaming platform in one binary", "millrace"};
  app.set_version_flag("--version", std::string("millrace ") + kVersion);
  app.require_subcommand(0, 1);
  ServeOptions options;
  options.cores = default_cores();
  Texts texts;
  auto add_serve_options = [&](CLI::App& serve) {
    serve
        .add_option("--data-dir", options.data_dir, "Folder of everything durable; one broker each")
        ->capture_default_str();
    serve
        .add_option("--kafka", texts.kafka,
                    "Kafka listener, HOST:PORT or 'off'; port 0 takes a free one")
        ->capture_default_str();
    serve.add_option("--http", texts.http, "HTTP listener (/healthz, /readyz), HOST:PORT or 'off'")
        ->capture_default_str();
    serve.add_option("--advertise", texts.advertise,
                     "HOST:PORT at which clients reach this broker [the bound address]");
    serve.add_option("--cores", options.cores, "Event loops, a thread each")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    serve
        .add_option("--group-initial-rebalance-delay-ms", options.group_initial_rebalance_delay_ms,
                    "How long the first rebalance of an empty group waits for more members")
        ->check(CLI::Range(0, 300000))
        ->capture_default_str();
    serve.add_flag("--json", options.json, "Print the ready line as JSON");
    serve.add_option("--log-level", texts.log_level, "debug, info, warning or error")
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
        ->capture_default_str();
  };
  CLI::App* serve =
      app.add_subcommand("serve", "Run the broker (what happens without a subcommand)");
  add_serve_options(*serve);
  add_serve_options(app);
  cli::ClientCommands clients(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 has a code of its own for each kind of mistake; to scripts all of them are the same.
    return {std::nullopt, app.exit(error) == 0 ? 0 : 2};
  }
  if (auto exit_code = clients.run()) return {std::nullopt, *exit_code};
  if (texts.log_level == "debug") options.log_level = LogLevel::debug;
  if (texts.log_level == "warning") options.log_level = LogLevel::warning;
  if (texts.log_level == "error") options.log_level = LogLevel::error;
  if (auto finished = finish(options, texts); !finished) {
    fmt::print(stderr, "millrace: {}\n", finished.error().message());
    return {std::nullopt, 2};
  }
  return {options, 0};
}

}  // namespace millrace
