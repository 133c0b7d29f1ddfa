#include <zstd.h>
#include <zstd_errors.h>

#include <memory>

#include "base/assert.h"
#include "record/codecs.h"

namespace millrace {

namespace {

constexpr int kWindowLogMax = 27;  // 128 MiB, what decoders allow unless told otherwise
// A context is costly to make and keeps its window, which the sender chose: it stays with the
// thread only up to this size.
constexpr std::size_t kContextKeptBytesMax = 8 * 1024 * 1024;

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
using ContextOwner = std::unique_ptr<ZSTD_DCtx, FreeContext>;

Result<void> decompress_with(ZSTD_DCtx* context, ByteView compressed, DecompressionBuffer& into) {
  ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
  while (true) {
    MutableByteView room = into.room();
    if (room.empty()) return fail_decompressed_size(into);
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    const std::size_t used_before = in.pos;
    const std::size_t wanted = ZSTD_decompressStream(context, &out, &in);
    // No memory for the window says nothing about the records.
    ASSERT(ZSTD_getErrorCode(wanted) != ZSTD_error_memory_allocation);
    if (ZSTD_isError(wanted)) return fail_codec("zstd: the compressed records are damaged");
    into.produced(out.pos);
    // 0: a frame is complete, its output included.
    if (wanted == 0 && in.pos == in.size) return {};
    if (in.pos == used_before && out.pos == 0)
      return fail_codec("zstd: the compressed records are cut off");
  }
}

}  // namespace

Result<void> zstd_decompress(ByteView compressed, DecompressionBuffer& into) {
  static thread_local ContextOwner context;
  if (!context) {
    context.reset(ZSTD_createDCtx());
    ASSERT(context);
    ASSERT(
        !ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kWindowLogMax)));
  }
  // The last use may have stopped in the middle.
  ASSERT(!ZSTD_isError(ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_only)));
  Result<void> result = decompress_with(context.get(), compressed, into);
  if (ZSTD_sizeof_DCtx(context.get()) > kContextKeptBytesMax) context.reset();
  return result;
}

std::vector<std::uint8_t> zstd_compress(ByteView bytes) {
  std::vector<std::uint8_t> compressed(ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress(compressed.data(), compressed.size(), bytes.data(),
                                         bytes.size(), ZSTD_CLEVEL_DEFAULT);
  ASSERT(!ZSTD_isError(size));
  compressed.resize(size);
  return compressed;
}

}  // namespace millrace
