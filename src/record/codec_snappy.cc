#include <snappy.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "record/codecs.h"
#include "record/endian.h"

namespace millrace {

namespace {

// The framing of the Java library: this magic, version and lowest compatible version as int32, then
// blocks of (int32 size, snappy block). A bare block can't begin so: its first element would be a
// copy from before its start.
constexpr std::array<std::uint8_t, 8> kMagic = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr std::size_t kFrameHeaderSize = kMagic.size() + 8;
constexpr std::int32_t kFrameVersion = 1;
constexpr std::size_t kBlockSize = 32 * 1024;

// The densest element of the format is a copy of 64 bytes in 3, so a block that states more than
// this is lying, and no memory is taken for it.
constexpr std::size_t kExpansionMax = 22;

const char* as_chars(const std::uint8_t* bytes) { return reinterpret_cast<const char*>(bytes); }

Result<void> decompress_block(ByteView block, DecompressionBuffer& into) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(as_chars(block.data()), block.size(), &size))
    return fail_codec("snappy: a block does not state its size");
  if (size > block.size() * kExpansionMax)
    return fail_codec("snappy: a block states a size it can't have");
  if (size == 0) {
    if (!snappy::IsValidCompressedBuffer(as_chars(block.data()), block.size()))
      return fail_codec("snappy: a block is damaged");
    return {};
  }
  MutableByteView room = into.room_for(size);
  if (room.empty()) return fail_decompressed_size(into);
  if (!snappy::RawUncompress(as_chars(block.data()), block.size(),
                             reinterpret_cast<char*>(room.data())))
    return fail_codec("snappy: a block is damaged");
  into.produced(size);
  return {};
}

}  // namespace

Result<void> snappy_decompress(ByteView compressed, DecompressionBuffer& into) {
  if (compressed.size() < kFrameHeaderSize ||
      !std::equal(kMagic.begin(), kMagic.end(), compressed.begin()))
    return decompress_block(compressed, into);

  if (load_big_endian<std::int32_t>(compressed.data() + kMagic.size() + 4) != kFrameVersion)
    return fail_codec("snappy: the framing has an unknown version");
  ByteView rest = compressed.subspan(kFrameHeaderSize);
  while (!rest.empty()) {
    if (rest.size() < 4) return fail_codec("snappy: the compressed records are cut off");
    const auto size = load_big_endian<std::int32_t>(rest.data());
    rest = rest.subspan(4);
    if (size <= 0 || static_cast<std::size_t>(size) > rest.size())
      return fail_codec("snappy: a block's size is impossible");
    TRY(decompress_block(rest.first(size), into));
    rest = rest.subspan(size);
  }
  return {};
}

std::vector<std::uint8_t> snappy_compress(ByteView bytes) {
  std::vector<std::uint8_t> compressed(kMagic.begin(), kMagic.end());
  compressed.resize(kFrameHeaderSize);
  store_big_endian(compressed.data() + kMagic.size(), kFrameVersion);
  store_big_endian(compressed.data() + kMagic.size() + 4, kFrameVersion);
  for (std::size_t position = 0; position < bytes.size(); position += kBlockSize) {
    ByteView block = bytes.subspan(position, std::min(kBlockSize, bytes.size() - position));
    const std::size_t size_at = compressed.size();
    compressed.resize(size_at + 4 + snappy::MaxCompressedLength(block.size()));
    std::size_t size = 0;
    snappy::RawCompress(as_chars(block.data()), block.size(),
                        reinterpret_cast<char*>(compressed.data() + size_at + 4), &size);
    ASSERT(size > 0 && size_at + 4 + size <= compressed.size());
    store_big_endian(compressed.data() + size_at, static_cast<std::int32_t>(size));
    compressed.resize(size_at + 4 + size);
  }
  return compressed;
}

}  // namespace millrace
