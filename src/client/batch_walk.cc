#include "client/batch_walk.h"

namespace millrace::client {

std::optional<WalkedBatch> BatchWalk::next() {
  if (left_.size() < kBatchHeaderSize || error_) return std::nullopt;
  auto header = peek_batch_header(left_);
  if (!header) {
    error_ = header.error();
    return std::nullopt;
  }
  if (header->size > left_.size()) return std::nullopt;
  WalkedBatch batch{*header, left_.first(header->size)};
  left_ = left_.subspan(header->size);
  return batch;
}

Result<std::int64_t> end_of_batches(ByteView records) {
  BatchWalk walk(records);
  std::optional<std::int64_t> end;
  while (auto batch = walk.next()) end = batch->header.next_offset().value();
  if (walk.error()) return std::unexpected(*walk.error());
  if (!end)
    return fail(ErrorCode::message_too_large,
                "the next record batch is larger than this client asks for at once");
  return *end;
}

}  // namespace millrace::client
