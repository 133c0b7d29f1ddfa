#include "storage/journal_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "record/crc32c.h"

namespace millrace {
namespace {

using journal_format::FileHeader;
using journal_format::kBlock;

constexpr std::size_t kZeroStep = 1 << 20;

std::uint32_t header_crc(const FileHeader& header) {
  return crc32c({reinterpret_cast<const std::uint8_t*>(&header), offsetof(FileHeader, crc)});
}

// Page-aligned: the kernel copies far slower from memory that lies a few bytes off the page it
// writes to.
Bytes zeros() {
  alignas(kBlock) static const std::uint8_t kZeros[kZeroStep] = {};
  return Bytes::of_static(kZeros);
}

// Whether any block of the file looks like a group: then a missing header is damage, not an
// unfinished preparation.
Result<bool> holds_groups(File& file, std::uint64_t size) {
  for (std::uint64_t position = kBlock; position < size; position += kBlock) {
    std::uint32_t magic = 0;
    auto count = file.read_at(position, {reinterpret_cast<std::uint8_t*>(&magic), sizeof magic});
    if (!count) return std::unexpected(count.error());
    if (*count == sizeof magic && magic == journal_format::kGroupMagic) return true;
  }
  return false;
}

}  // namespace

std::uint32_t JournalFile::seed() const {
  std::uint64_t identity[2] = {header_.file_id, header_.lap};
  return crc32c({reinterpret_cast<const std::uint8_t*>(identity), sizeof identity});
}

Result<void> JournalFile::write_header() {
  header_.crc = header_crc(header_);
  BufferRef block = Buffer::allocate(kBlock);
  std::memset(block->data(), 0, kBlock);
  std::memcpy(block->data(), &header_, sizeof header_);
  ByteChain chain;
  chain.append(Bytes(std::move(block), 0, kBlock));
  return file_->write_at(0, chain);
}

Result<void> JournalFile::recycle() {
  ++header_.lap;
  header_.version = journal_format::kVersion;
  header_.state = journal_format::FileState::free;
  TRY(write_header());
  return file_->sync();
}

Result<void> JournalFile::take_into_use() {
  header_.state = journal_format::FileState::in_use;
  return write_header();
}

Result<void> JournalFile::zero() {
  for (std::uint64_t position = 0; position < header_.file_size; position += kZeroStep) {
    ByteChain step;
    step.append(zeros().slice(0, std::min<std::uint64_t>(kZeroStep, header_.file_size - position)));
    TRY(file_->write_at(position, step));
  }
  TRY(write_header());
  return file_->sync();
}

Result<std::shared_ptr<JournalFile>> JournalFile::create(FileSystem& files, const std::string& path,
                                                         FileHeader header) {
  auto file = files.open_direct(path, OpenMode::create);
  if (!file) return std::unexpected(file.error());
  auto made = std::make_shared<JournalFile>(std::move(*file), header, path);
  auto zeroed = made->zero();
  if (!zeroed) {
    // What is there of it would keep a full disk full.
    (void)files.remove(path);
    return std::unexpected(zeroed.error());
  }
  return made;
}

Result<std::shared_ptr<JournalFile>> JournalFile::open(FileSystem& files, const std::string& path) {
  auto file = files.open_direct(path, OpenMode::read_write);
  if (!file) return std::unexpected(file.error());
  FileHeader header;
  auto count = (*file)->read_at(0, {reinterpret_cast<std::uint8_t*>(&header), sizeof header});
  if (!count) return std::unexpected(count.error());
  bool valid = *count == sizeof header && header.magic == journal_format::kFileMagic &&
               header.crc == header_crc(header);
  if (!valid) {
    auto size = (*file)->size();
    if (!size) return std::unexpected(size.error());
    auto used = holds_groups(**file, *size);
    if (!used) return std::unexpected(used.error());
    if (*used) {
      return fail(ErrorCode::storage_corrupt,
                  fmt::format("{}: the file header at position 0 is damaged", path));
    }
    return fail(ErrorCode::not_found, fmt::format("{}: was never finished", path));
  }
  if (header.version < journal_format::kOldestVersion ||
      header.version > journal_format::kVersion) {
    return fail(
        ErrorCode::storage_corrupt,
        fmt::format("{}: has format version {}, this program reads versions {} to {}", path,
                    header.version, journal_format::kOldestVersion, journal_format::kVersion));
  }
  return std::make_shared<JournalFile>(std::move(*file), header, path);
}

}  // namespace millrace
