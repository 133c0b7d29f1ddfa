#include <lz4frame.h>

#include "base/assert.h"
#include "record/codecs.h"

namespace millrace {

namespace {

// Of the LZ4 frame format: magic (little-endian), then the flag byte.
constexpr std::uint32_t kMagic = 0x184d2204;
constexpr std::size_t kFlagsAt = 4;
constexpr std::uint8_t kIndependentBlocks = 0x20;
constexpr std::uint8_t kHasDictionary = 0x01;

struct Decompressor {
  LZ4F_dctx* context = nullptr;
  bool started = LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) == 0;
  ~Decompressor() { LZ4F_freeDecompressionContext(context); }
};

}  // namespace

Result<void> lz4_decompress(ByteView compressed, DecompressionBuffer& into) {
  if (compressed.size() <= kFlagsAt) return fail_codec("lz4: the compressed records are cut off");
  const std::uint32_t magic = compressed[0] | compressed[1] << 8 | compressed[2] << 16 |
                              static_cast<std::uint32_t>(compressed[3]) << 24;
  const std::uint8_t flags = compressed[kFlagsAt];
  if (magic != kMagic) return fail_codec("lz4: the compressed records are not an lz4 frame");
  if ((flags & kIndependentBlocks) == 0)
    return fail_codec("lz4: blocks must be independent, the frame has linked ones");
  if ((flags & kHasDictionary) != 0) return fail_codec("lz4: dictionaries are not supported");

  Decompressor decompressor;
  ASSERT(decompressor.started);
  while (true) {
    MutableByteView room = into.room();
    if (room.empty()) return fail_decompressed_size(into);
    std::size_t produced = room.size();
    std::size_t used = compressed.size();
    const std::size_t wanted = LZ4F_decompress(decompressor.context, room.data(), &produced,
                                               compressed.data(), &used, nullptr);
    if (LZ4F_isError(wanted)) return fail_codec("lz4: the compressed records are damaged");
    into.produced(produced);
    compressed = compressed.subspan(used);
    if (wanted == 0) {
      if (!compressed.empty()) return fail_codec("lz4: bytes follow the frame");
      return {};
    }
    if (used == 0 && produced == 0) return fail_codec("lz4: the compressed records are cut off");
  }
}

std::vector<std::uint8_t> lz4_compress(ByteView bytes) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  std::vector<std::uint8_t> compressed(LZ4F_compressFrameBound(bytes.size(), &preferences));
  const std::size_t size = LZ4F_compressFrame(compressed.data(), compressed.size(), bytes.data(),
                                              bytes.size(), &preferences);
  ASSERT(!LZ4F_isError(size));
  compressed.resize(size);
  return compressed;
}

}  // namespace millrace
