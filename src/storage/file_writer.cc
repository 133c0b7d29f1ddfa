#include "storage/file_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/assert.h"
#include "base/copy.h"

namespace millrace {

namespace {
constexpr std::size_t kBlock = kDirectAlignment;
}  // namespace

FileWriter::FileWriter() : space_(Buffer::allocate(kStep + 2 * kBlock)) {}

void FileWriter::begin(File& file, std::uint64_t position) {
  file_ = &file;
  blocks_ = false;
  position_ = position;
  filled_ = 0;
}

Result<void> FileWriter::begin_blocks(File& file, std::uint64_t position, File& before) {
  begin(file, position - position % kBlock);
  blocks_ = true;
  filled_ = position % kBlock;
  if (filled_ == 0) return {};
  auto count = before.read_at(position_, {start(), kBlock});
  if (!count) return std::unexpected(count.error());
  if (*count < filled_) {
    return fail(ErrorCode::storage_corrupt,
                fmt::format("a file ends at {} and should reach {}", position_ + *count, position));
  }
  return {};
}

void FileWriter::begin_blocks(File& file, std::uint64_t position, ByteView before) {
  ASSERT(before.size() == position % kBlock);
  begin(file, position - before.size());
  blocks_ = true;
  filled_ = before.size();
  if (!before.empty()) copy_bytes(start(), before.data(), before.size());
}

Result<void> FileWriter::add(ByteView bytes) {
  while (!bytes.empty()) {
    std::size_t part = std::min(bytes.size(), kStep - filled_);
    copy_bytes(start() + filled_, bytes.data(), part);
    filled_ += part;
    bytes = bytes.subspan(part);
    if (filled_ == kStep) TRY(write_out());
  }
  return {};
}

Result<void> FileWriter::flush() {
  last_block_size_ = blocks_ ? filled_ % kBlock : 0;
  if (last_block_size_ != 0) {
    copy_bytes(last_block_.data(), start() + filled_ - last_block_size_, last_block_size_);
    std::size_t missing = kBlock - last_block_size_;
    std::memset(start() + filled_, 0, missing);
    filled_ += missing;
  }
  return write_out();
}

Result<void> FileWriter::write_out() {
  if (filled_ == 0) return {};
  ByteChain chain;
  chain.append(Bytes(space_, static_cast<std::size_t>(start() - space_->data()), filled_));
  TRY(file_->write_at(position_, chain));
  position_ += filled_;
  filled_ = 0;
  return {};
}

std::uint8_t* FileWriter::start() {
  auto address = reinterpret_cast<std::uintptr_t>(space_->data());
  std::uint8_t* page = space_->data() + (kBlock - address % kBlock) % kBlock;
  return page + position_ % kBlock;
}

}  // namespace millrace
