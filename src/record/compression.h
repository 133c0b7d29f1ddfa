// Compression of the records of a batch, in Kafka's four codecs, whole byte runs only.
//
//   std::vector<std::uint8_t> small = compress(Compression::zstd, records);
//   DecompressionBuffer buffer;
//   Result<ByteView> records = decompress(Compression::zstd, small, bytes_max, buffer);
//
// What comes in is hostile: a stated size is never believed, memory grows with what was really
// produced, and work stops one byte past the limit. What is accepted is what every client can read:
// - gzip: one or more members, nothing after them.
// - snappy: one bare block (librdkafka and others) or the framing of the Java library. The latter
//   is what we write.
// - lz4: one frame with independent blocks and no dictionary: the Java client reads no other.
// - zstd: one or more frames, window at most 128 MiB (the default bound of all decoders); that much
//   address space, touched only as far as it is filled, is the most a hostile frame can take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "record/decompression_buffer.h"

namespace millrace {

enum class Compression : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

// Replaces what `into` holds and gives a view of it. Errors: message_too_large when the result is
// longer than `bytes_max`, corrupt_message, unsupported_compression_type.
Result<ByteView> decompress(Compression compression, ByteView compressed, std::size_t bytes_max,
                            DecompressionBuffer& into);

// Each codec at its usual level. `compression` must be one of the enumeration.
std::vector<std::uint8_t> compress(Compression compression, ByteView bytes);

}  // namespace millrace
