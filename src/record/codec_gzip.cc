#include <zlib.h>

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "record/codecs.h"

namespace millrace {

namespace {

// 32 KiB of history, and 16 for "gzip header and trailer, not zlib's".
constexpr int kGzipWindowBits = 15 + 16;

uInt clamp_size(std::size_t size) {
  return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

struct Inflater {
  z_stream stream{};
  bool started = inflateInit2(&stream, kGzipWindowBits) == Z_OK;
  ~Inflater() {
    if (started) inflateEnd(&stream);
  }
};

struct Deflater {
  z_stream stream{};
  bool started = deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits, 8,
                              Z_DEFAULT_STRATEGY) == Z_OK;
  ~Deflater() {
    if (started) deflateEnd(&stream);
  }
};

}  // namespace

Result<void> gzip_decompress(ByteView compressed, DecompressionBuffer& into) {
  Inflater inflater;
  ASSERT(inflater.started);
  z_stream& stream = inflater.stream;
  // zlib only reads from next_in; const is missing unless ZLIB_CONST is set for the whole program.
  stream.next_in = const_cast<Bytef*>(compressed.data());
  stream.avail_in = clamp_size(compressed.size());
  ASSERT(stream.avail_in == compressed.size());
  while (true) {
    MutableByteView room = into.room();
    if (room.empty()) return fail_decompressed_size(into);
    stream.next_out = room.data();
    stream.avail_out = clamp_size(room.size());
    const uInt offered = stream.avail_out;
    const int status = inflate(&stream, Z_NO_FLUSH);
    into.produced(offered - stream.avail_out);
    ASSERT(status != Z_MEM_ERROR);  // which says nothing about the records
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0) return {};
      if (inflateReset(&stream) != Z_OK) return fail_codec("gzip: a further member is invalid");
      continue;
    }
    if (status != Z_OK) return fail_codec("gzip: the compressed records are damaged or cut off");
    if (stream.avail_in == 0 && stream.avail_out > 0)
      return fail_codec("gzip: the compressed records are cut off");
  }
}

std::vector<std::uint8_t> gzip_compress(ByteView bytes) {
  Deflater deflater;
  ASSERT(deflater.started);
  z_stream& stream = deflater.stream;
  std::vector<std::uint8_t> compressed(deflateBound(&stream, bytes.size()));
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = clamp_size(bytes.size());
  ASSERT(stream.avail_in == bytes.size());
  stream.next_out = compressed.data();
  stream.avail_out = clamp_size(compressed.size());
  const int status = deflate(&stream, Z_FINISH);
  ASSERT(status == Z_STREAM_END);
  compressed.resize(stream.total_out);
  return compressed;
}

}  // namespace millrace
