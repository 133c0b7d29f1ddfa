// --compression and --acks, for every command that writes.
#pragma once

#include <cstdint>
#include <string>

#include "cli/options.h"
#include "record/compression.h"

namespace millrace::cli {

// none, gzip, snappy, lz4, zstd.
void add_compression_option(CLI::App& command, std::string& text);
Compression compression_of(const std::string& text);

// all, 1, 0.
void add_acks_option(CLI::App& command, std::string& text);
std::int16_t acks_of(const std::string& text);

}  // namespace millrace::cli
