#include "settings/table.h"

#include <algorithm>
#include <cctype>

namespace millrace {
namespace {

constexpr std::int64_t kKiB = 1 << 10;
constexpr std::int64_t kMiB = 1 << 20;
constexpr std::int64_t kGiB = 1 << 30;
constexpr std::int64_t kTiB = kGiB << 10;
constexpr std::int64_t kSecond = 1'000;  // in milliseconds
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

constexpr Section kSections[] = {
    {"server", "The process."},
    {"log", "Lines on standard error."},
    {"kafka", "The listener of the Kafka protocol, and what a connection may use."},
    {"amqp", "The listener of AMQP 0-9-1."},
    {"management", "The listener of RabbitMQ's management HTTP API (docs/management.md)."},
    {"http", "The listener of /healthz, /readyz and /metrics."},
    {"topics", "Topics; what each topic can set for itself stands in docs/protocol-support.md."},
    {"groups", "The coordinator of consumer groups."},
    {"storage", "The journal, checkpoints and memory for what was written and read."},
};

constexpr Setting kSettings[] = {
    {.name = "server.data_dir",
     .kind = Kind::path,
     .default_text = "./data",
     .flag = "data-dir",
     .text = "Folder of everything durable; one broker each."},
    {.name = "server.cores",
     .kind = Kind::count,
     .default_text = "auto",
     .min = 1,
     .max = 256,
     .word = "auto",
     .flag = "cores",
     .text = "Event loops, a thread each; 'auto' is one less than the machine's processors, and at "
             "least one. Another number on the same data is ordinary."},
    {.name = "server.memory_bytes_max",
     .kind = Kind::bytes,
     .default_text = "512MiB",
     .min = 128 * kMiB,
     .max = kTiB,
     .text =
         "Memory of the process. 64MiB of it are for code, threads, topics and groups; "
         "storage.tail_bytes_max, storage.segment_cache_bytes_max and storage.pending_bytes_max "
         "are taken from it; what is left is what all connections together may hold in requests "
         "and in answers that are not taken, and must be twice kafka.request_bytes_max."},
    {.name = "server.json_ready_line",
     .kind = Kind::boolean,
     .default_text = "false",
     .flag = "json",
     .text = "Print the ready line as JSON."},

    {.name = "log.level",
     .kind = Kind::choice,
     .default_text = "info",
     .choices = "debug|info|warning|error",
     .flag = "log-level",
     .text = "The least important lines that are written."},
    {.name = "log.format",
     .kind = Kind::choice,
     .default_text = "auto",
     .choices = "auto|text|json",
     .flag = "log-format",
     .text = "Lines for people, or an object a line with time, level, area and text. 'auto' is "
             "text on a terminal and json elsewhere."},

    {.name = "kafka.listen",
     .kind = Kind::address,
     .default_text = "127.0.0.1:9092",
     .word = "off",
     .flag = "kafka",
     .text = "Kafka listener; port 0 takes a free one."},
    {.name = "kafka.advertise",
     .kind = Kind::address,
     .default_text = "auto",
     .word = "auto",
     .flag = "advertise",
     .text = "Where clients reach this broker, which it tells them; 'auto' is the address it "
             "listens on. A listener on all interfaces needs it."},
    {.name = "kafka.connections_per_core_max",
     .kind = Kind::count,
     .default_text = "20000",
     .min = 1,
     .max = 1'000'000,
     .text = "Connections of each core, to which they are dealt in turn; further ones are closed "
             "at once."},
    {.name = "kafka.request_bytes_max",
     .kind = Kind::bytes,
     .default_text = "100MiB",
     .min = 64 * kKiB,
     .max = kGiB,
     .text = "A longer request ends its connection. Kafka: socket.request.max.bytes."},
    {.name = "kafka.requests_in_work_max",
     .kind = Kind::count,
     .default_text = "64",
     .min = 1,
     .max = 10'000,
     .text = "Requests of a connection that are not answered yet; no more are read meanwhile."},
    {.name = "kafka.unsent_bytes_max",
     .kind = Kind::bytes,
     .default_text = "1MiB",
     .min = 64 * kKiB,
     .max = kGiB,
     .text = "Answers that a client has not taken yet; above it nothing more is read of the "
             "connection. One answer may be larger."},
    {.name = "kafka.idle_ms_max",
     .kind = Kind::milliseconds,
     .default_text = "10m",
     .min = kSecond,
     .max = 365 * kDay,
     .text = "A connection that is silent for longer, without a request in work, is closed; up to "
             "a tenth later. Kafka: connections.max.idle.ms."},
    {.name = "kafka.stalled_ms_max",
     .kind = Kind::milliseconds,
     .default_text = "5s",
     .min = kSecond,
     .max = kHour,
     .text = "Only while connections hold all memory that they may: those that hold some of it and "
             "have not moved 64KiB, or a whole request or answer, for this long are closed, the "
             "longest first, until there is enough again."},
    {.name = "kafka.fetch_bytes_max",
     .kind = Kind::bytes,
     .default_text = "55MiB",
     .min = kMiB,
     .max = kGiB,
     .text = "Records in one answer, whatever the client asked for; one batch may be larger. "
             "Kafka: fetch.max.bytes."},
    {.name = "kafka.fetch_sessions_per_core_max",
     .kind = Kind::count,
     .default_text = "1000",
     .min = 1,
     .max = 1'000'000,
     .text = "Fetch sessions that a core keeps, with which consumers name their partitions once. "
             "Kafka: max.incremental.fetch.session.cache.slots."},

    {.name = "amqp.listen",
     .kind = Kind::address,
     .default_text = "127.0.0.1:5672",
     .word = "off",
     .flag = "amqp",
     .text = "AMQP 0-9-1 listener; port 0 takes a free one. Its one user is 'guest' with the "
             "password 'guest', who may come from this machine alone."},
    {.name = "amqp.connections_per_core_max",
     .kind = Kind::count,
     .default_text = "20000",
     .min = 1,
     .max = 1'000'000,
     .text = "Connections of each core, to which they are dealt in turn; further ones are closed "
             "at once."},
    {.name = "amqp.channels_max",
     .kind = Kind::count,
     .default_text = "2047",
     .min = 1,
     .max = 65'535,
     .text = "Channels of a connection. RabbitMQ: channel_max."},
    {.name = "amqp.message_bytes_max",
     .kind = Kind::bytes,
     .default_text = "16MiB",
     .min = 64 * kKiB,
     .max = 128 * kMiB,
     .text = "A larger message closes its channel. RabbitMQ: max_message_size."},
    {.name = "management.listen",
     .kind = Kind::address,
     .default_text = "127.0.0.1:15672",
     .word = "off",
     .flag = "management",
     .text =
         "Listener of the management HTTP API, which 'millrace queues' speaks too; port 0 takes "
         "a free one. Its one user is that of amqp.listen."},
    {.name = "management.connections_max",
     .kind = Kind::count,
     .default_text = "100",
     .min = 1,
     .max = 10'000,
     .text = "Connections to it; further ones are answered 503."},
    {.name = "http.listen",
     .kind = Kind::address,
     .default_text = "127.0.0.1:8080",
     .word = "off",
     .flag = "http",
     .text = "HTTP listener (/healthz, /readyz, /metrics); port 0 takes a free one."},
    {.name = "http.connections_max",
     .kind = Kind::count,
     .default_text = "100",
     .min = 1,
     .max = 100'000,
     .text = "Further ones are turned away with 503."},

    {.name = "topics.auto_create",
     .kind = Kind::boolean,
     .default_text = "true",
     .text = "Whether asking for a topic that does not exist makes it, for clients that allow it. "
             "Kafka: auto.create.topics.enable."},
    {.name = "topics.partitions_default",
     .kind = Kind::count,
     .default_text = "1",
     .min = 1,
     .max = 10'000,
     .text = "Partitions of a topic that is made without saying how many. Kafka: num.partitions."},
    {.name = "topics.retention_check_ms",
     .kind = Kind::milliseconds,
     .default_text = "30s",
     .min = 100,
     .max = kDay,
     .text = "How often topics are looked through for records past their retention."},

    {.name = "groups.initial_rebalance_delay_ms",
     .kind = Kind::milliseconds,
     .default_text = "200ms",
     .min = 0,
     .max = 5 * kMinute,
     .flag = "group-initial-rebalance-delay-ms",
     .text = "How long the first rebalance of an empty group waits for more members. Kafka: "
             "group.initial.rebalance.delay.ms, there 3000."},
    {.name = "groups.session_timeout_ms_min",
     .kind = Kind::milliseconds,
     .default_text = "6s",
     .min = 1,
     .max = kDay,
     .text = "The shortest session time-out that a member may ask for. Kafka: "
             "group.min.session.timeout.ms."},
    {.name = "groups.session_timeout_ms_max",
     .kind = Kind::milliseconds,
     .default_text = "30m",
     .min = 1,
     .max = kDay,
     .text = "The longest one. Kafka: group.max.session.timeout.ms."},
    {.name = "groups.members_max",
     .kind = Kind::count,
     .default_text = "10000",
     .min = 1,
     .max = 1'000'000,
     .text = "Members of one group. Kafka: group.max.size."},
    {.name = "groups.offset_metadata_bytes_max",
     .kind = Kind::bytes,
     .default_text = "4KiB",
     .min = 0,
     .max = kMiB,
     .text = "Text that a client may leave with a committed offset. Kafka: "
             "offset.metadata.max.bytes."},
    {.name = "groups.offsets_retention_ms",
     .kind = Kind::milliseconds,
     .default_text = "7d",
     .min = kMinute,
     .max = 3650 * kDay,
     .text = "How long committed offsets are kept once their group is empty. Kafka: "
             "offsets.retention.minutes."},
    {.name = "groups.offsets_retention_check_ms",
     .kind = Kind::milliseconds,
     .default_text = "10m",
     .min = kSecond,
     .max = kDay,
     .text = "How often they are looked through. Kafka: offsets.retention.check.interval.ms."},

    {.name = "storage.journal_bytes_max",
     .kind = Kind::bytes,
     .default_text = "1GiB",
     .min = 64 * kMiB,
     .max = kTiB,
     .text = "All files of the journal together; at least four of them. When it is full, producers "
             "wait for a checkpoint."},
    {.name = "storage.journal_file_bytes",
     .kind = Kind::bytes,
     .default_text = "64MiB",
     .min = 16 * kMiB,
     .max = kGiB,
     .text = "One file of the journal, written with zeros before it is used. On data of another "
             "size the old files go when they are not needed any more."},
    {.name = "storage.checkpoint_bytes",
     .kind = Kind::bytes,
     .default_text = "24MiB",
     .min = kMiB,
     .max = 256 * kGiB,
     .text = "Journal written since the last checkpoint that starts the next one, and so about "
             "what a start after a crash reads; a quarter of the journal at most."},
    {.name = "storage.checkpoint_interval_ms",
     .kind = Kind::milliseconds,
     .default_text = "30s",
     .min = kSecond,
     .max = kDay,
     .text = "The longest time between two checkpoints while there is anything to write; whole "
             "seconds count."},
    {.name = "storage.pending_bytes_max",
     .kind = Kind::bytes,
     .default_text = "64MiB",
     .min = kMiB,
     .max = 16 * kGiB,
     .text = "Memory for what was appended and is not on disk yet; above it producers wait."},
    {.name = "storage.flush_pace_us",
     .kind = Kind::microseconds,
     .default_text = "300us",
     .min = 0,
     .max = 100'000,
     .text = "While several small appends come during each flush, flushes begin no closer than "
             "this: it trades their latency for CPU and wear of the disk."},
    {.name = "storage.tail_bytes_max",
     .kind = Kind::bytes,
     .default_text = "64MiB",
     .min = kMiB,
     .max = kTiB,
     .text = "Memory for the newest records, from which readers at the end of a partition are "
             "served; all cores together."},
    {.name = "storage.segment_cache_bytes_max",
     .kind = Kind::bytes,
     .default_text = "32MiB",
     .min = kMiB,
     .max = kTiB,
     .text = "Memory for what was read of segments, from which other readers of the same place are "
             "served."},
    {.name = "storage.open_segments_max",
     .kind = Kind::count,
     .default_text = "500",
     .min = 1,
     .max = 1'000'000,
     .text = "Segments open at a time, two descriptors each."},
    {.name = "storage.direct_append_bytes",
     .kind = Kind::bytes,
     .default_text = "256KiB",
     .min = 64 * kKiB,
     .max = kTiB,
     .text =
         "A partition that has this much in one group of the journal has it written straight to "
         "a segment, and flushed there first."},
    {.name = "storage.disk_reserve_bytes",
     .kind = Kind::bytes,
     .default_text = "64MiB",
     .min = 0,
     .max = kTiB,
     .text = "With less than this free on the disk, producing is refused: the rest is for what "
             "drains it."},
};

}  // namespace

std::span<const Section> all_sections() { return kSections; }
std::span<const Setting> all_settings() { return kSettings; }

const Setting* find_setting(std::string_view name) {
  const auto* found = std::ranges::find(kSettings, name, &Setting::name);
  return found == std::end(kSettings) ? nullptr : found;
}

std::string environment_name(const Setting& setting) {
  std::string name = "MILLRACE_";
  for (const char letter : setting.name)
    name += letter == '.' ? '_' : static_cast<char>(std::toupper(letter));
  return name;
}

}  // namespace millrace
