#include "cli/commands.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <system_error>

#include "cli/handlers.h"
#include "cli/help.h"
#include "cli/output.h"

namespace millrace::cli {
namespace {

struct Row {
  std::string_view path;  // "topics create": the words on the command line
  std::string_view summary;
  std::string_view help;  // below the options: what else there is to know, and examples
  void (*add)(CLI::App& command, Action& action);
};

constexpr Row kCommands[] = {
    {"topics list", "List topics with their partitions and sizes",
     R"(Examples:
  millrace topics list
  millrace topics list --json | jq -r '.topics[].name')",
     add_topics_list},
    {"topics create", "Create topics",
     R"(Examples:
  millrace topics create orders --partitions 6
  millrace topics create events -c retention.ms=86400000 -c segment.bytes=16777216 --if-not-exists)",
     add_topics_create},
    {"topics describe", "Show partitions with their offsets, sizes and changed configs",
     R"(FIRST is the offset of the oldest record that is kept, NEXT that of the next record to come.

Examples:
  millrace topics describe orders
  millrace topics describe orders --all-configs)",
     add_topics_describe},
    {"topics configure", "Change configs of a topic, or give it more partitions",
     R"(Also called 'alter'. What takes effect when is said in the documentation of each config.

Examples:
  millrace topics configure orders --set retention.ms=3600000
  millrace topics configure orders --unset retention.ms
  millrace topics configure orders --partitions 12)",
     add_topics_configure},
    {"topics delete", "Delete topics with all their records, without asking",
     R"(Examples:
  millrace topics delete orders)",
     add_topics_delete},
    {"produce", "Write lines of text to a topic, a record each",
     R"(Every record is acknowledged before this ends with exit code 0. Records with a key go where
the Java clients put them (murmur2; librdkafka: partitioner=murmur2_random), so that one key stays
in one partition. Records without a key are spread batch by batch. With --acks all (the default)
the producer is idempotent: what has to be sent again is written once.

Examples:
  echo 'hello, millrace' | millrace produce greetings
  millrace produce orders --file orders.txt --key-separator : --compression zstd
  tail -F access.log | millrace produce access -H host=web1)",
     add_produce},
    {"consume", "Print the records of topics",
     R"(Reads from the beginning to the end as it is now, and ends; with --follow it waits for more
until Ctrl-C. The order holds within a partition, not between them. In JSON bytes that are not
UTF-8 stand as key_base64 and value_base64.

Examples:
  millrace consume greetings
  millrace consume orders --from -10 --format '%d %p:%o %k = %v\n'
  millrace consume orders --from 5m --follow
  millrace consume orders --from 2026-11-21T10:00:00Z --to 2026-11-21T11:00:00Z --json
  millrace consume orders --group billing --follow)",
     add_consume},
    {"groups list", "List consumer groups and their states",
     R"(Examples:
  millrace groups list
  millrace groups list --state Empty)",
     add_groups_list},
    {"groups describe", "Show how far a group has read, how much is left, and who reads",
     R"(COMMITTED is the offset the group goes on from, END that of the next record to come, LAG what
lies between.

Examples:
  millrace groups describe billing
  millrace groups describe billing --json | jq '.groups[0].lag')",
     add_groups_describe},
    {"groups reset-offsets", "Let a group go on from another place",
     R"(The group must have no members while this is done.

Examples:
  millrace groups reset-offsets billing --to earliest --dry-run
  millrace groups reset-offsets billing --to 2026-11-21T10:00:00Z --topic orders
  millrace groups reset-offsets billing --to 1200 --topic orders --partition 0)",
     add_groups_reset_offsets},
    {"groups delete", "Delete groups with their committed offsets",
     R"(Examples:
  millrace groups delete billing)",
     add_groups_delete},
    {"queues list", "List queues with what is in them",
     R"(IN FLIGHT is what consumers have and did not acknowledge yet.

Examples:
  millrace queues list
  millrace queues list --json | jq -r '.queues[] | select(.ready > 1000) | .name')",
     add_queues_list},
    {"queues declare", "Make queues, or see that they are as they should be",
     R"(A queue that is there already and differs is left as it is, and that is a failure.

Examples:
  millrace queues declare jobs
  millrace queues declare jobs.dead
  millrace queues declare mails --type quorum --delivery-limit 5 --dead-letter-to jobs.dead
  millrace queues declare news --max-length 1000 --message-ttl-ms 60000)",
     add_queues_declare},
    {"queues delete", "Delete queues with all their messages, without asking",
     R"(Examples:
  millrace queues delete jobs
  millrace queues delete jobs --if-empty --if-unused)",
     add_queues_delete},
    {"queues bind", "Let a queue have messages of an exchange",
     R"(Examples:
  millrace queues bind mails amq.topic --key 'order.*.paid'
  millrace queues bind mails amq.headers -a x-match=any -a urgent=true)",
     add_queues_bind},
    {"queues unbind", "... and not any more",
     R"(Examples:
  millrace queues unbind mails amq.topic --key 'order.*.paid')",
     add_queues_unbind},
    {"queues peek", "Look at the first messages of a queue, without taking them",
     R"(They stay where they are, and are not marked as delivered. What is no text stands as base64.

Examples:
  millrace queues peek jobs
  millrace queues peek jobs --count 1 --verbose)",
     add_queues_peek},
    {"queues purge", "Delete what is ready in queues, without asking",
     R"(What consumers have and did not acknowledge yet stays theirs.

Examples:
  millrace queues purge jobs)",
     add_queues_purge},
    {"queues stats", "Show depth, rates, the age of the oldest message, dead letters",
     R"(Looks twice, --interval seconds apart. OLDEST is how long the first ready message waits, where
that is known; DEAD-LETTERED counts since the queue was made.

Examples:
  millrace queues stats
  millrace queues stats jobs --interval 5 --json)",
     add_queues_stats},
    {"publish", "Publish lines of text, a message each, to a queue or an exchange",
     R"(Every message is durable before the next is read; for many at once use an AMQP client with
confirms. A message that goes to no queue is a failure.

Examples:
  echo 'hello' | millrace publish jobs
  millrace publish jobs --message '{"id":1}' -H kind=test
  millrace publish --exchange amq.topic --key order.7.paid --message paid)",
     add_publish},
    {"work", "Take messages of a queue, one by one, and acknowledge what was done",
     R"(Without --exec messages are printed, a line each, and acknowledged when they are out. With it a
message is done when its command ends with 0. The command finds MILLRACE_QUEUE, MILLRACE_EXCHANGE,
MILLRACE_ROUTING_KEY and MILLRACE_REDELIVERED in its environment. Start it several times to work
side by side: each message goes to one of them, and back to the others when its worker ends.

Examples:
  millrace work jobs
  millrace work jobs --exec 'jq -r .id >> done.txt' --idle 5
  millrace work mails --exec ./send-mail --on-failure reject)",
     add_work},
    {"perf produce", "Measure writing",
     R"(Latency is counted from when a record was to be sent to when it was acknowledged; with --rate
that is the moment the rate asks for, so that a broker that stalls does not hide it.

Examples:
  millrace topics create bench --partitions 4
  millrace perf produce bench --records 1000000 --size 100
  millrace perf produce bench --seconds 10 --rate 5000 --linger 1 --json)",
     add_perf_produce},
    {"perf consume", "Measure reading",
     R"(Reads what the topic holds now, as fast as it comes.

Examples:
  millrace perf consume bench
  millrace perf consume bench --records 1000000 --connections 2 --json)",
     add_perf_consume},
    {"perf latency", "Measure the way of single records: acknowledged, and seen by a reader",
     R"(Writes one record at a time and waits until a consumer that is at the end of the topic was
given it. With --rate it writes to all partitions as the rate asks, and counts from that moment; the
first second is not counted.

Examples:
  millrace perf latency bench --records 1000
  millrace perf latency bench --records 100000 --rate 10000 --size 1024)",
     add_perf_latency},
};

struct GroupRow {
  std::string_view name;
  std::string_view summary;
};
constexpr GroupRow kGroups[] = {
    {"topics", "List, create, describe, change and delete topics"},
    {"groups", "Consumer groups: how far they have read, and from where they go on"},
    {"queues", "Queues: make, bind, look into, purge, delete; depth and rates"},
    {"perf", "Measure a broker: writing, reading, latency"},
};

// "topics" of "topics create", made when it is first needed: so --help has the table's order.
class Groups {
 public:
  explicit Groups(CLI::App& app) : app_(app) {}

  CLI::App& at(std::string_view name) {
    CLI::App*& group = groups_[std::string(name)];
    if (group == nullptr) {
      const auto row = std::ranges::find(kGroups, name, &GroupRow::name);
      group = app_.add_subcommand(std::string(name), std::string(row->summary));
      group->require_subcommand(1);
      use_help_format(*group);
    }
    return *group;
  }

 private:
  CLI::App& app_;
  std::map<std::string, CLI::App*> groups_;
};

}  // namespace

ClientCommands::ClientCommands(CLI::App& app) {
  use_failure_message(app);
  Groups groups(app);
  for (const Row& row : kCommands) {
    const auto space = row.path.find(' ');
    CLI::App& parent = space == std::string_view::npos ? app : groups.at(row.path.substr(0, space));
    const std::string name(space == std::string_view::npos ? row.path : row.path.substr(space + 1));
    CLI::App& command = *parent.add_subcommand(name, std::string(row.summary));
    command.footer(std::string(row.help));
    use_help_format(command);
    row.add(command, action_);
  }
}

std::optional<int> ClientCommands::run() {
  if (!action_.run) return std::nullopt;
  Result<int> exit_code = kFailed;
  try {
    exit_code = action_.run();
    if (exit_code)
      if (auto out = flush_standard_output(); !out) exit_code = std::unexpected(out.error());
  } catch (const std::system_error& error) {
    // What libfmt throws when standard output takes nothing more.
    exit_code = fail(ErrorCode::io_error, error.what());
  }
  if (exit_code) return *exit_code;
  report(exit_code.error(), action_.json);
  return kFailed;
}

}  // namespace millrace::cli
