// One row per metric: what the code calls it, its name for the outside, type, unit, labels (their
// names with commas between), the version that brought it, and its text. /metrics and
// docs/metrics.md come from here. Included several times on purpose.
// MILLRACE_METRIC(id, name, type, unit, labels, since, text)

// The process
MILLRACE_METRIC(build_info, "millrace_build_info", gauge, "", "version", "0.1.0",
                "Always 1; the label says which version runs.")
MILLRACE_METRIC(ready, "millrace_ready", gauge, "", "", "0.1.0",
                "1 when /readyz says 200, 0 when it says why not.")
MILLRACE_METRIC(startup_seconds, "millrace_startup_seconds", gauge, "seconds", "", "0.1.0",
                "From the start of the process, or of its last restart, to the first moment at "
                "which clients were served.")
MILLRACE_METRIC(restarts, "millrace_restarts_total", counter, "", "", "0.1.0",
                "How often the broker began again within its process because a flush of the "
                "journal failed. Other counters begin at 0 again when it does.")
MILLRACE_METRIC(log_lines, "millrace_log_lines_total", counter, "", "level", "0.1.0",
                "Lines of the log, by level.")
MILLRACE_METRIC(process_cpu_seconds, "process_cpu_seconds_total", counter, "seconds", "", "0.1.0",
                "Processor time of the process, user and system.")
MILLRACE_METRIC(process_resident_memory, "process_resident_memory_bytes", gauge, "bytes", "",
                "0.1.0", "Memory of the process that is in RAM.")
MILLRACE_METRIC(process_virtual_memory, "process_virtual_memory_bytes", gauge, "bytes", "", "0.1.0",
                "Address space of the process.")
MILLRACE_METRIC(process_open_fds, "process_open_fds", gauge, "", "", "0.1.0",
                "Open file descriptors: connections, journal files, open segments.")
MILLRACE_METRIC(process_max_fds, "process_max_fds", gauge, "", "", "0.1.0",
                "The most file descriptors that the process may open.")
MILLRACE_METRIC(process_start_time, "process_start_time_seconds", gauge, "seconds", "", "0.1.0",
                "When the process began, in seconds since 1970.")

// Topics
MILLRACE_METRIC(topics, "millrace_topics", gauge, "", "", "0.1.0", "Topics.")
MILLRACE_METRIC(partitions, "millrace_partitions", gauge, "", "", "0.1.0",
                "Partitions of all topics.")
MILLRACE_METRIC(log_bytes, "millrace_log_bytes", gauge, "bytes", "", "0.1.0",
                "Record batches that are kept, of all topics, in the journal or in segments.")
MILLRACE_METRIC(topic_log_bytes, "millrace_topic_log_bytes", gauge, "bytes", "topic", "0.1.0",
                "The same by topic.")
MILLRACE_METRIC(topic_records_in, "millrace_topic_records_in_total", counter, "", "topic", "0.1.0",
                "Records appended. Repeats that an idempotent producer sent are not.")
MILLRACE_METRIC(topic_bytes_in, "millrace_topic_bytes_in_total", counter, "bytes", "topic", "0.1.0",
                "Record batches appended, as they were sent: compressed.")
MILLRACE_METRIC(topic_records_out, "millrace_topic_records_out_total", counter, "", "topic",
                "0.1.0", "Records sent to consumers, from the offset that was asked for.")
MILLRACE_METRIC(topic_bytes_out, "millrace_topic_bytes_out_total", counter, "bytes", "topic",
                "0.1.0", "Record batches sent to consumers, whole ones.")

// Consumer groups
MILLRACE_METRIC(groups, "millrace_groups", gauge, "", "state", "0.1.0",
                "Consumer groups by state. One that only commits offsets is Empty.")
MILLRACE_METRIC(group_lag, "millrace_group_lag_records", gauge, "", "group,topic,partition",
                "0.1.0",
                "From the offset that the group has committed to the end of the partition. None "
                "for a group that has committed nothing there.")
MILLRACE_METRIC(group_oldest_unread, "millrace_group_oldest_unread_age_seconds", gauge, "seconds",
                "group,topic,partition", "0.1.0",
                "How long ago the first batch was written that the group has not committed, by the "
                "batch's own time. 0 when it has read everything.")

// The Kafka protocol
MILLRACE_METRIC(kafka_connections, "millrace_kafka_connections", gauge, "", "", "0.1.0",
                "Open connections.")
MILLRACE_METRIC(kafka_connections_accepted, "millrace_kafka_connections_accepted_total", counter,
                "", "", "0.1.0", "Connections that were accepted.")
MILLRACE_METRIC(kafka_connections_refused, "millrace_kafka_connections_refused_total", counter, "",
                "", "0.1.0",
                "Connections that were closed at once because their core had its limit of them.")
MILLRACE_METRIC(kafka_connections_closed_for_memory,
                "millrace_kafka_connections_closed_for_memory_total", counter, "", "", "0.1.0",
                "Connections that were closed while memory was short: they held answers that they "
                "did not take, or requests that they did not finish, for the longest time.")
MILLRACE_METRIC(kafka_requests_in_work, "millrace_kafka_requests_in_work", gauge, "", "", "0.1.0",
                "Requests that were read and not yet answered; fetches that wait for records are "
                "among them.")
MILLRACE_METRIC(kafka_requests, "millrace_kafka_requests_total", counter, "", "api", "0.1.0",
                "Requests answered, by Kafka API.")
MILLRACE_METRIC(kafka_errors, "millrace_kafka_errors_total", counter, "", "api,error", "0.1.0",
                "Error codes in answers, by Kafka API and Kafka's name of the error. An answer has "
                "one for each partition or group that it is about.")
MILLRACE_METRIC(kafka_request_seconds, "millrace_kafka_request_seconds", histogram, "seconds",
                "api", "0.1.0",
                "From reading a request to having its answer ready, by Kafka API. Fetch has the "
                "time in it for which the client let it wait for records, JoinGroup and SyncGroup "
                "the waiting for other members.")

// AMQP 0-9-1
MILLRACE_METRIC(amqp_connections, "millrace_amqp_connections", gauge, "", "", "0.1.0",
                "Open connections.")
MILLRACE_METRIC(amqp_connections_accepted, "millrace_amqp_connections_accepted_total", counter, "",
                "", "0.1.0", "Connections that were accepted.")
MILLRACE_METRIC(amqp_connections_refused, "millrace_amqp_connections_refused_total", counter, "",
                "", "0.1.0",
                "Connections that were closed at once because their core had its limit of them.")
MILLRACE_METRIC(amqp_connections_closed_for_memory,
                "millrace_amqp_connections_closed_for_memory_total", counter, "", "", "0.1.0",
                "Connections that were closed while memory was short: they held deliveries that "
                "they did not take, or messages that they did not finish, for the longest time.")
MILLRACE_METRIC(amqp_messages_published, "millrace_amqp_messages_published_total", counter, "", "",
                "0.1.0", "Messages that clients published, those in transactions among them.")
MILLRACE_METRIC(amqp_messages_delivered, "millrace_amqp_messages_delivered_total", counter, "", "",
                "0.1.0", "Messages that were given to clients: deliveries and answers to get.")

// Journal, checkpoints, disk
MILLRACE_METRIC(journal_groups, "millrace_journal_groups_total", counter, "", "", "0.1.0",
                "Groups of appends written to the journal, one flush each.")
MILLRACE_METRIC(journal_written_bytes, "millrace_journal_written_bytes_total", counter, "bytes", "",
                "0.1.0", "Written to the journal, with its own headers and padding.")
MILLRACE_METRIC(journal_flush_seconds, "millrace_journal_flush_seconds", histogram, "seconds", "",
                "0.1.0", "How long the disk took to flush a group.")
MILLRACE_METRIC(journal_used_bytes, "millrace_journal_used_bytes", gauge, "bytes", "", "0.1.0",
                "Journal files that hold something, or are being written.")
MILLRACE_METRIC(journal_free_bytes, "millrace_journal_free_bytes", gauge, "bytes", "", "0.1.0",
                "What may be written to the journal before it has to wait for a checkpoint.")
MILLRACE_METRIC(checkpoints, "millrace_checkpoints_total", counter, "", "outcome", "0.1.0",
                "Checkpoints that are done, or failed and will be tried again.")
MILLRACE_METRIC(checkpoint_seconds, "millrace_checkpoint_seconds", histogram, "seconds", "",
                "0.1.0", "How long a checkpoint took that was done.")
MILLRACE_METRIC(checkpoint_written_bytes, "millrace_checkpoint_written_bytes_total", counter,
                "bytes", "", "0.1.0", "Record batches that checkpoints wrote to segments.")
MILLRACE_METRIC(direct_written_bytes, "millrace_direct_written_bytes_total", counter, "bytes", "",
                "0.1.0",
                "Record batches of large appends, written to segments before the journal names "
                "them; they are not in millrace_journal_written_bytes_total.")
MILLRACE_METRIC(segments_open, "millrace_segments_open", gauge, "", "", "0.1.0",
                "Segment files, and their indexes, that are open now.")
MILLRACE_METRIC(disk_free_bytes, "millrace_disk_free_bytes", gauge, "bytes", "", "0.1.0",
                "Room on the file system of the data directory, for who is not root.")
MILLRACE_METRIC(disk_size_bytes, "millrace_disk_size_bytes", gauge, "bytes", "", "0.1.0",
                "The size of that file system.")

// Memory
MILLRACE_METRIC(memory_bytes, "millrace_memory_bytes", gauge, "bytes", "part", "0.1.0",
                "Memory of the parts that have a budget: tail (what was written last, for "
                "readers), segment_cache (what was read of segments), journal_pending (what waits "
                "to be flushed), connections (requests that are not finished, answers that are "
                "not taken), process (what is in RAM beyond these).")
MILLRACE_METRIC(memory_limit_bytes, "millrace_memory_limit_bytes", gauge, "bytes", "part", "0.1.0",
                "The budgets; together they are server.memory_bytes_max. Above that of "
                "journal_pending producers wait; above that of connections requests wait their "
                "turn, and who does not move is closed. That of process is an allowance for code, "
                "threads, topics and groups that nothing enforces.")
MILLRACE_METRIC(memory_waiting, "millrace_memory_waiting_requests", gauge, "", "", "0.1.0",
                "Requests that wait because connections hold all that they may.")

// Cores
MILLRACE_METRIC(core_turns, "millrace_core_turns_total", counter, "", "core", "0.1.0",
                "Turns of a core's event loop.")
MILLRACE_METRIC(core_busy_seconds, "millrace_core_busy_seconds_total", counter, "seconds", "core",
                "0.1.0",
                "Time within those turns: a core that is busy all the time gains 1 per "
                "second.")
MILLRACE_METRIC(core_stalls, "millrace_core_stalls_total", counter, "", "core", "0.1.0",
                "Turns that took more than 5 ms. The log says of each what it was and why, but not "
                "more often than every 10 s.")
MILLRACE_METRIC(core_stall_seconds, "millrace_core_stall_seconds", histogram, "seconds", "core",
                "0.1.0", "How long those turns took.")
