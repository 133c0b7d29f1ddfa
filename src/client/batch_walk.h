// BatchWalk: the whole batches in what a server sent for one partition. The last one may be cut
// off, which is the end; anything else that is no batch is an error.
//
//   BatchWalk walk(records);
//   while (auto batch = walk.next()) ...
//   if (walk.error()) ...
#pragma once

#include <optional>

#include "record/batch.h"

namespace millrace::client {

// Of other brokers' batches, which may be larger than ours allow.
inline constexpr BatchLimits kReadLimits{.batch_bytes_max = std::uint32_t{256} << 20,
                                         .decompressed_bytes_max = std::uint32_t{256} << 20};

struct WalkedBatch {
  BatchHeader header;
  ByteView bytes;
};

class BatchWalk {
 public:
  explicit BatchWalk(ByteView records) : left_(records) {}

  std::optional<WalkedBatch> next();
  const std::optional<Error>& error() const { return error_; }

 private:
  ByteView left_;
  std::optional<Error> error_;
};

// The offset behind the last whole batch. Errors: no whole batch, or something else.
Result<std::int64_t> end_of_batches(ByteView records);

}  // namespace millrace::client
