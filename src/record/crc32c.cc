#include "record/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace millrace {

std::uint32_t crc32c(ByteView bytes, std::uint32_t seed) {
  // crc32_iscsi works on the bare remainder; the checksum as Kafka and iSCSI write it is inverted
  // before and after. It takes its length as an int, so longer runs go in parts.
  constexpr std::size_t kPartSizeMax = std::size_t{1} << 30;
  std::uint32_t remainder = ~seed;
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), kPartSizeMax);
    // It only reads; its parameter lacks the const.
    remainder =
        crc32_iscsi(const_cast<unsigned char*>(bytes.data()), static_cast<int>(size), remainder);
    bytes = bytes.subspan(size);
  }
  return ~remainder;
}

}  // namespace millrace
