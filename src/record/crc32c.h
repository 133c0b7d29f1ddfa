// CRC32C (Castagnoli), the checksum of record batches and of everything storage writes.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace millrace {

// crc32c({}) == 0; crc32c("123456789") == 0xe3069283. `seed` continues an earlier checksum, or
// keeps two uses apart.
std::uint32_t crc32c(ByteView bytes, std::uint32_t seed = 0);

}  // namespace millrace
