// The codecs behind compression.h, one file each. A decompressor gets a started buffer and all of
// the input, uses up the input exactly, and may leave one byte too many in the buffer: the caller
// checks the limit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "record/compression.h"

namespace millrace {

Result<void> gzip_decompress(ByteView compressed, DecompressionBuffer& into);
std::vector<std::uint8_t> gzip_compress(ByteView bytes);

Result<void> snappy_decompress(ByteView compressed, DecompressionBuffer& into);
std::vector<std::uint8_t> snappy_compress(ByteView bytes);

Result<void> lz4_decompress(ByteView compressed, DecompressionBuffer& into);
std::vector<std::uint8_t> lz4_compress(ByteView bytes);

Result<void> zstd_decompress(ByteView compressed, DecompressionBuffer& into);
std::vector<std::uint8_t> zstd_compress(ByteView bytes);

inline std::unexpected<Error> fail_codec(std::string detail) {
  return fail(ErrorCode::corrupt_message, std::move(detail));
}
std::unexpected<Error> fail_decompressed_size(const DecompressionBuffer& buffer);

}  // namespace millrace
