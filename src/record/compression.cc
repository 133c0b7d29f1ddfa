#include "record/compression.h"

#include <fmt/format.h>

#include <cstring>

#include "base/assert.h"
#include "record/codecs.h"

namespace millrace {

std::unexpected<Error> fail_decompressed_size(const DecompressionBuffer& buffer) {
  return fail(
      ErrorCode::message_too_large,
      fmt::format("the records of the batch decompress to more than {} bytes", buffer.bytes_max()));
}

namespace {

Result<void> copy(ByteView bytes, DecompressionBuffer& into) {
  if (bytes.empty()) return {};
  MutableByteView room = into.room_for(bytes.size());
  if (room.empty()) return fail_decompressed_size(into);
  std::memcpy(room.data(), bytes.data(), bytes.size());
  into.produced(bytes.size());
  return {};
}

Result<void> dispatch(Compression compression, ByteView compressed, DecompressionBuffer& into) {
  switch (compression) {
    case Compression::none:
      return copy(compressed, into);
    case Compression::gzip:
      return gzip_decompress(compressed, into);
    case Compression::snappy:
      return snappy_decompress(compressed, into);
    case Compression::lz4:
      return lz4_decompress(compressed, into);
    case Compression::zstd:
      return zstd_decompress(compressed, into);
  }
  return fail(ErrorCode::unsupported_compression_type,
              fmt::format("compression type {} is unknown, the known ones are 0 to 4",
                          static_cast<int>(compression)));
}

}  // namespace

Result<ByteView> decompress(Compression compression, ByteView compressed, std::size_t bytes_max,
                            DecompressionBuffer& into) {
  // Records shrink to a quarter more often than not; a wrong guess costs one copy.
  into.start(bytes_max, compressed.size() * 4);
  TRY(dispatch(compression, compressed, into));
  if (into.over_limit()) return fail_decompressed_size(into);
  return into.view();
}

std::vector<std::uint8_t> compress(Compression compression, ByteView bytes) {
  switch (compression) {
    case Compression::none:
      return {bytes.begin(), bytes.end()};
    case Compression::gzip:
      return gzip_compress(bytes);
    case Compression::snappy:
      return snappy_compress(bytes);
    case Compression::lz4:
      return lz4_compress(bytes);
    case Compression::zstd:
      return zstd_compress(bytes);
  }
  ASSERT(!"a known compression");
  return {};
}

}  // namespace millrace
