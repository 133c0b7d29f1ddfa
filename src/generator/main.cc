// millrace-generator: a data directory for measuring starts.
#include <fmt/format.h>
#include <sys/resource.h>

#include <charconv>
#include <chrono>
#include <functional>
#include <optional>
#include <string_view>

#include "base/log.h"
#include "generator/filler.h"
#include "generator/sparse_runtime.h"
#include "runtime/asio/asio_runtime.h"

namespace millrace {
namespace {

constexpr const char* kUsage =
    "usage: millrace-generator --data-dir FOLDER [--name NAME] [--topics N] [--partitions N]\n"
    "                          [--partition-bytes N] [--segment-bytes N]\n"
    "\n"
    "Makes the topics, with so many partitions each, and fills every partition with about so many\n"
    "bytes: the folder is then one that a broker has written and left with a clean stop. The "
    "files\n"
    "have holes where the values of records are zeros. FOLDER is a new one; the number of cores\n"
    "with which a broker serves it later does not matter.\n";

struct Arguments {
  std::string data_directory;
  FillOptions fill;
};

template <class Number>
bool parse_number(std::string_view text, Number& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= 0;
}

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string_view name = argv[i];
    std::string_view value = argv[i + 1];
    bool known = true;
    if (name == "--data-dir") {
      arguments.data_directory = value;
    } else if (name == "--name") {
      arguments.fill.name = value;
    } else if (name == "--topics") {
      known = parse_number(value, arguments.fill.topics);
    } else if (name == "--partitions") {
      known = parse_number(value, arguments.fill.partitions);
    } else if (name == "--partition-bytes") {
      known = parse_number(value, arguments.fill.partition_bytes);
    } else if (name == "--segment-bytes") {
      known = parse_number(value, arguments.fill.segment_bytes);
    } else {
      known = false;
    }
    if (!known) return std::nullopt;
  }
  if (argc % 2 == 0 || arguments.data_directory.empty()) return std::nullopt;
  return arguments;
}

// As the broker's own stop: what is under way ends, then the last checkpoint.
Task<Result<void>> fill_and_close(Broker& broker, Store& store, FillOptions options) {
  auto outcome = co_await broker.boot();
  if (!outcome) co_return outcome;
  Filler filler(broker, std::move(options));
  outcome = co_await filler.run();
  co_await broker.stop();
  auto closed = co_await store.close();
  co_return outcome ? closed : outcome;
}

Task<void> run(Broker& broker, Store& store, FillOptions options, Result<void>& outcome,
               AsioRuntime& runtime) {
  outcome = co_await fill_and_close(broker, store, std::move(options));
  runtime.stop();
}

Result<void> generate(const Arguments& arguments) {
  AsioRuntime machine({.cores = 2});
  SparseRuntime runtime(machine);
  if (runtime.files().exists(arguments.data_directory)) {
    return fail(ErrorCode::io_error, arguments.data_directory + " is there already");
  }
  auto store = Store::open(runtime, arguments.data_directory, StorageLimits{});
  if (!store) return std::unexpected(store.error());
  Broker broker(runtime, **store, BrokerLimits{});
  Result<void> outcome;
  Core& home = runtime.core(CoreId(0));
  home.post([&] { home.spawn("fill", run(broker, **store, arguments.fill, outcome, machine)); });
  machine.run();
  if (!outcome) return outcome;
  return runtime.files().flush(arguments.data_directory);
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  using namespace millrace;
  auto arguments = parse(argc, argv);
  if (!arguments) {
    fmt::print(stderr, "{}", kUsage);
    return 2;
  }
  set_log_level(LogLevel::error);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  auto done = generate(*arguments);
  if (!done) {
    fmt::print(stderr, "millrace-generator: {}\n", done.error().message());
    return 1;
  }
  return 0;
}
