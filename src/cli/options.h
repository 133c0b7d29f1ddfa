// What every client command has: the server, the time-out, --json; and how it's run and reported.
//
// A command's file declares its options in a struct that holds a Shared and has one function that
// puts them on the command line:
//
//   void add_topics_list(CLI::App& command, Action& action) {
//     auto options = std::make_shared<ListOptions>();
//     command.add_flag("--internal", options->internal, "...");
//     run_with(command, action, options, list);      // Result<int> list(const ListOptions&)
//   }
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "client/client.h"

namespace CLI {
class App;
}

namespace millrace::cli {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kMisused = 2;

struct Shared {
  std::string server = "127.0.0.1:9092";
  double timeout_s = 10;
  bool json = false;
};

// The chosen command: its exit code, or the error that ended it.
struct Action {
  std::function<Result<int>()> run;
  bool json = false;
};

// On an App or a subcommand of it; both out of line, for only commands' files see CLI11.
void add_shared_options(CLI::App& command, Shared& shared);
void set_callback(CLI::App& command, std::function<void()> callback);

template <class Options>
void run_with(CLI::App& command, Action& action, std::shared_ptr<Options> options,
              Result<int> (*run)(const Options&)) {
  add_shared_options(command, options->shared);
  set_callback(command, [&action, options, run] {
    action.json = options->shared.json;
    action.run = [options, run] { return run(*options); };
  });
}

client::ClientOptions client_options(const Shared& shared);

// On standard error: "millrace: ..." or {"error":{"code":...,"message":...}}.
void report(const Error& error, bool json);
// The same, without an end of the command.
void warn(const std::string& text);
// For mistakes that only several options together make; gives kMisused.
int misused(const std::string& text);

}  // namespace millrace::cli
