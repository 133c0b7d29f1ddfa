// millrace produce: lines of text in, records out.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <system_error>

#include "cli/assignments.h"
#include "cli/handlers.h"
#include "cli/input_file.h"
#include "cli/interrupt.h"
#include "cli/json.h"
#include "cli/lines.h"
#include "cli/producer_options.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "cli/topic_facts.h"
#include "client/producer.h"

namespace millrace::cli {
namespace {

// When lines keep coming, partitions that get few of them are looked at this often.
constexpr std::int64_t kLinesPerLook = 256;

struct ProduceOptions {
  Shared shared;
  std::string topic;
  std::string file;
  std::optional<std::int32_t> partition;
  std::string key;
  std::string key_separator;
  std::vector<std::string> headers;
  std::string compression = "none";
  std::string acks = "all";
  bool empty_is_null = false;
  bool no_create = false;
};

struct PartitionTally {
  std::int64_t records = 0;
  std::int64_t first_offset = -1;
  std::int64_t last_offset = -1;
};

struct Tally {
  std::int64_t read = 0;  // from the input
  std::int64_t acknowledged = 0;
  std::int64_t bytes = 0;
  std::map<std::int32_t, PartitionTally> partitions;

  void add(const client::Acknowledged& done) {
    acknowledged += done.records;
    bytes += static_cast<std::int64_t>(done.bytes);
    PartitionTally& partition = partitions[done.partition];
    partition.records += done.records;
    if (done.base_offset < 0) return;
    if (partition.first_offset < 0) partition.first_offset = done.base_offset;
    partition.last_offset = done.base_offset + done.records - 1;
  }
};

// One line as a record. The headers view the options.
client::NewRecord to_record(const ProduceOptions& options, std::string_view line,
                            const std::vector<RecordHeader>& headers) {
  client::NewRecord record;
  record.headers = headers;
  record.partition = options.partition;
  if (!options.key.empty()) record.key = as_bytes(options.key);
  if (!options.key_separator.empty()) {
    const auto at = line.find(options.key_separator);
    if (at != std::string_view::npos) {
      record.key = as_bytes(line.substr(0, at));
      line.remove_prefix(at + options.key_separator.size());
    }
  }
  if (!line.empty() || !options.empty_is_null) record.value = as_bytes(line);
  return record;
}

Result<client::Topic> find_topic(client::Client& client, const ProduceOptions& options) {
  auto topic = client.topic(options.topic);
  if (topic || topic.error().code != ErrorCode::unknown_topic_or_partition || options.no_create)
    return topic;
  auto made = client.topic_or_new(options.topic);
  if (made)
    warn(fmt::format("the topic {} did not exist and was made, with {}", options.topic,
                     counted(static_cast<std::int64_t>(made->partitions.size()), "partition")));
  return made;
}

// A batch that the topic takes, where that is less than ours: so that only the lines which are too
// large themselves are refused. A server that doesn't tell has its say later.
std::size_t batch_bytes_for(client::Client& client, const std::string& topic) {
  const std::size_t bytes = client::ProducerOptions{}.batch_bytes;
  const auto configs = topic_configs(client, topic);
  if (!configs) return bytes;
  const auto config = std::ranges::find(*configs, "max.message.bytes", &TopicConfigValue::name);
  if (config == configs->end() || !config->value) return bytes;
  std::size_t limit = bytes * 2;
  const std::string& text = *config->value;
  std::from_chars(text.data(), text.data() + text.size(), limit);
  return std::min(bytes, limit / 2);
}

Result<void> send_lines(LineReader& lines, client::Producer& producer,
                        const ProduceOptions& options, const std::vector<RecordHeader>& headers,
                        Tally& tally, Progress& progress) {
  for (;;) {
    std::string_view line;
    // While nothing comes in, what came before goes out.
    auto until = producer.next_due();
    if (!until && producer.unacknowledged() > 0)
      until = client::Clock::now() + client::Milliseconds(20);
    switch (lines.next(line, until)) {
      case LineReader::Outcome::line:
        ++tally.read;
        TRY(producer.add(to_record(options, line, headers)));
        if (tally.read % kLinesPerLook == 0) TRY(producer.poll());
        break;
      case LineReader::Outcome::timeout:
        TRY(producer.poll());
        break;
      case LineReader::Outcome::too_long:
        return fail(
            ErrorCode::message_too_large,
            fmt::format("line {} is longer than {}", tally.read + 1, human_bytes(kLineBytesMax)));
      case LineReader::Outcome::failed:
        return fail(ErrorCode::io_error, fmt::format("line {} cannot be read: {}", tally.read + 1,
                                                     std::generic_category().message(errno)));
      case LineReader::Outcome::interrupted:
      case LineReader::Outcome::end:
        return {};
    }
    progress.update(tally.acknowledged, tally.bytes);
  }
}

void print_tally(const ProduceOptions& options, const Tally& tally) {
  if (options.shared.json) {
    Json out;
    out["topic"] = options.topic;
    out["records"] = tally.read;
    out["acknowledged"] = tally.acknowledged;
    out["unacknowledged"] = tally.read - tally.acknowledged;
    out["partitions"] = Json::array();
    for (const auto& [index, partition] : tally.partitions) {
      Json row;
      row["partition"] = index;
      row["records"] = partition.records;
      row["first_offset"] = partition.first_offset < 0 ? Json() : Json(partition.first_offset);
      row["last_offset"] = partition.last_offset < 0 ? Json() : Json(partition.last_offset);
      out["partitions"].push_back(std::move(row));
    }
    print_json(out);
    return;
  }
  std::string places;
  for (const auto& [index, partition] : tally.partitions) {
    if (partition.first_offset < 0) continue;
    fmt::format_to(std::back_inserter(places), "{}partition {} from offset {}",
                   places.empty() ? ": " : ", ", index, partition.first_offset);
    constexpr std::size_t kPlacesMax = 100;
    if (places.size() > kPlacesMax && index != tally.partitions.rbegin()->first) {
      places += ", ...";
      break;
    }
  }
  const std::string_view verb = options.acks == "0" ? "sent" : "acknowledged";
  if (tally.acknowledged == tally.read)
    fmt::print("{} {} by {}{}\n", counted(tally.read, "record"), verb, options.topic, places);
  else
    fmt::print("{} of {} {} by {}{}\n", human_count(tally.acknowledged),
               counted(tally.read, "record"), verb, options.topic, places);
}

Result<int> produce(const ProduceOptions& options) {
  if (!options.key.empty() && !options.key_separator.empty())
    return misused(
        "--key gives every record the same key, --key-separator takes it from the "
        "line: use one of them");
  InputFile input;
  auto descriptor = input.open(options.file);
  if (!descriptor) return std::unexpected(descriptor.error());
  std::vector<std::pair<std::string, std::string>> header_texts;
  for (const std::string& text : options.headers) header_texts.push_back(split_assignment(text));
  std::vector<RecordHeader> headers;
  for (const auto& [name, value] : header_texts) headers.push_back({name, value});

  client::Client client(client_options(options.shared));
  auto topic = find_topic(client, options);
  if (!topic) return std::unexpected(topic.error());
  if (options.partition) TRY(topic->check_partition(*options.partition));
  Tally tally;
  client::Producer producer(client,
                            {.acks = acks_of(options.acks),
                             .compression = compression_of(options.compression),
                             .batch_bytes = batch_bytes_for(client, options.topic)},
                            [&tally](const client::Acknowledged& done) { tally.add(done); });
  TRY(producer.open(*topic));
  catch_interrupts();
  Progress progress(options.shared.json);
  LineReader lines(*descriptor);
  auto sent = send_lines(lines, producer, options, headers, tally, progress);
  // A line that can't be read does not take back those before it.
  auto rest = producer.flush();
  if (sent) sent = rest;
  progress.done();
  print_tally(options, tally);
  if (!sent) return std::unexpected(sent.error());
  return tally.acknowledged == tally.read ? kDone : kFailed;
}

}  // namespace

void add_produce(CLI::App& command, Action& action) {
  auto options = std::make_shared<ProduceOptions>();
  command.add_option("TOPIC", options->topic, "Where to write")->required();
  command.add_option("-f,--file", options->file, "Read lines from here [standard input]");
  command.add_option("-p,--partition", options->partition,
                     "Write to this partition alone [by key, or spread]");
  command.add_option("-k,--key", options->key, "The key of every record");
  command.add_option("-K,--key-separator", options->key_separator,
                     "What stands before it in a line is the key; a line without it has none");
  command
      .add_option("-H,--header", options->headers,
                  "NAME=VALUE, a header of every record; may be repeated")
      ->check(check_assignment)
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  add_compression_option(command, options->compression);
  add_acks_option(command, options->acks);
  command.add_flag("--empty-is-null", options->empty_is_null,
                   "An empty value is no value (a tombstone)");
  command.add_flag("--no-create", options->no_create,
                   "Fail when the topic does not exist, instead of making it");
  run_with(command, action, options, produce);
}

}  // namespace millrace::cli
