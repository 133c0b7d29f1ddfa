// What routing calls its two kinds of nodes. The catalogue gives the numbers and never gives one
// twice, so that a message on its way to a deleted queue can't reach another of the same name.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace millrace {

using ExchangeId = StrongNumber<struct ExchangeIdTag, std::uint64_t>;
using QueueId = StrongNumber<struct QueueIdTag, std::uint64_t>;

}  // namespace millrace
