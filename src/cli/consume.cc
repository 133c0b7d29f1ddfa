// millrace consume: the command line; what it does is in consumption.cc.
#include <CLI/CLI.hpp>

#include "cli/consumption.h"
#include "cli/handlers.h"
#include "cli/record_format.h"
#include "cli/when.h"

namespace millrace::cli {
namespace {

Result<int> consume(const ConsumeOptions& options) {
  if (!options.group.empty() && !options.partitions.empty())
    return misused(
        "a group's members are given their partitions: leave --partition or --group "
        "away");
  if (!options.group.empty() && !options.to.empty())
    return misused(
        "a group reads to the end, or goes on with --follow: leave --to or --group "
        "away");
  if (options.follow && !options.to.empty())
    return misused("--to ends at a place and --follow never does: use one of them");
  return consume_topics(options);
}

}  // namespace

void add_consume(CLI::App& command, Action& action) {
  auto options = std::make_shared<ConsumeOptions>();
  command.add_option("TOPIC", options->topics, "One or more topics to read")->required();
  command
      .add_option("--from", options->from,
                  "Where to begin: beginning, end, OFFSET, -N (the last N of each partition), a "
                  "time (2026-11-21T10:00:00Z, @MS), or how long ago (5m)")
      ->check(check_when)
      ->type_name("PLACE")
      ->capture_default_str();
  command.add_option("--to", options->to, "Where to end, in the same words [the end as it is now]")
      ->check(check_when)
      ->type_name("PLACE");
  command.add_flag(
      "-f,--follow", options->follow,
      "Wait for new records at the end, until Ctrl-C ('--from end' does so by itself)");
  command
      .add_option("-p,--partition", options->partitions,
                  "Read this partition; may be repeated [all]")
      ->allow_extra_args(false);
  command.add_option("-n,--count", options->count, "End after so many records")
      ->check(CLI::Range(std::int64_t{1}, INT64_MAX));
  command.add_option("-g,--group", options->group,
                     "Read as a member of this group: begin where it has come to, share the "
                     "partitions with its other members, and commit what was printed");
  command
      .add_option("-o,--format", options->format,
                  "What to print: %v value, %k key, %t topic, %p partition, %o offset, %h headers, "
                  "%T timestamp in ms, %d time, %S and %K sizes of value and key; \\n \\t \\xHH")
      ->check(check_format)
      ->capture_default_str();
  run_with(command, action, options, consume);
}

}  // namespace millrace::cli
