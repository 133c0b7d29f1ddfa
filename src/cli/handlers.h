// Each command's options and what it does, in a file of its own; commands.cc has the table.
#pragma once

#include "cli/options.h"

namespace millrace::cli {

void add_topics_list(CLI::App& command, Action& action);
void add_topics_create(CLI::App& command, Action& action);
void add_topics_describe(CLI::App& command, Action& action);
void add_topics_configure(CLI::App& command, Action& action);
void add_topics_delete(CLI::App& command, Action& action);
void add_produce(CLI::App& command, Action& action);
void add_consume(CLI::App& command, Action& action);
void add_groups_list(CLI::App& command, Action& action);
void add_groups_describe(CLI::App& command, Action& action);
void add_groups_reset_offsets(CLI::App& command, Action& action);
void add_groups_delete(CLI::App& command, Action& action);
void add_queues_list(CLI::App& command, Action& action);
void add_queues_declare(CLI::App& command, Action& action);
void add_queues_delete(CLI::App& command, Action& action);
void add_queues_bind(CLI::App& command, Action& action);
void add_queues_unbind(CLI::App& command, Action& action);
void add_queues_peek(CLI::App& command, Action& action);
void add_queues_purge(CLI::App& command, Action& action);
void add_queues_stats(CLI::App& command, Action& action);
void add_publish(CLI::App& command, Action& action);
void add_work(CLI::App& command, Action& action);
void add_perf_produce(CLI::App& command, Action& action);
void add_perf_consume(CLI::App& command, Action& action);
void add_perf_latency(CLI::App& command, Action& action);

}  // namespace millrace::cli
