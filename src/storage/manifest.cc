#include "storage/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "base/rare.h"
#include "record/crc32c.h"
#include "storage/manifest_codec.h"

namespace millrace {
namespace {

constexpr std::string_view kPrefix = "manifest-";
constexpr std::uint64_t kVersion = 1;
// A manifest is written anew when it is this much larger than what it says, but not while it is
// small.
constexpr std::uint64_t kGrowth = 4;
constexpr std::uint64_t kSmall = 1 << 20;

// Before each edit. The number seeds the checksum, so an edit counts in its own place only.
struct EditHeader {
  std::uint32_t size = 0;
  std::uint32_t crc = 0;
};

Bytes frame(const ManifestEdit& edit, std::uint64_t file_number, std::uint64_t position) {
  FieldWriter fields = encode_edit(edit);
  ByteView body = fields.view();
  std::uint64_t seed[3] = {kVersion, file_number, position};
  EditHeader header;
  header.size = static_cast<std::uint32_t>(body.size());
  header.crc = crc32c(body, crc32c({reinterpret_cast<const std::uint8_t*>(seed), sizeof seed}));
  BufferRef buffer = Buffer::allocate(sizeof header + body.size());
  std::memcpy(buffer->data(), &header, sizeof header);
  std::memcpy(buffer->data() + sizeof header, body.data(), body.size());
  return Bytes(std::move(buffer), 0, sizeof header + body.size());
}

}  // namespace

Manifest::Manifest(FileSystem& files, std::string directory)
    : files_(files), directory_(std::move(directory)) {}

std::string Manifest::path_of(std::uint64_t number) const {
  return fmt::format("{}/{}{:06}", directory_, kPrefix, number);
}

Result<std::unique_ptr<Manifest>> Manifest::open(FileSystem& files, std::string directory) {
  std::unique_ptr<Manifest> manifest(new Manifest(files, std::move(directory)));
  auto names = files.list(manifest->directory_);
  if (!names) return std::unexpected(names.error());
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : *names) {
    if (!name.starts_with(kPrefix)) continue;
    if (name.ends_with(".tmp")) {
      TRY(files.remove(manifest->directory_ + "/" + name));
      continue;
    }
    numbers.push_back(std::strtoull(name.c_str() + kPrefix.size(), nullptr, 10));
  }
  if (numbers.empty()) {
    manifest->is_new_ = true;
    TRY(manifest->write_whole());
    return manifest;
  }
  std::ranges::sort(numbers);
  TRY(manifest->load(numbers.back()));
  numbers.pop_back();
  // The newest one's name may not be durable yet: it must be before the one it replaced goes.
  if (!numbers.empty()) TRY(files.sync_directory(manifest->directory_));
  // Left over when the broker stopped between a rename and a remove.
  for (std::uint64_t number : numbers) TRY(files.remove(manifest->path_of(number)));
  return manifest;
}

Result<void> Manifest::load(std::uint64_t number) {
  number_ = number;
  auto file = files_.open(path_of(number), OpenMode::read_write);
  if (!file) return std::unexpected(file.error());
  file_ = std::move(*file);
  auto size = file_->size();
  if (!size) return std::unexpected(size.error());
  std::vector<std::uint8_t> bytes(*size);
  auto count = file_->read_at(0, bytes);
  if (!count) return std::unexpected(count.error());
  bytes.resize(*count);
  std::uint64_t position = 0;
  while (position + sizeof(EditHeader) <= bytes.size()) {
    EditHeader header;
    std::memcpy(&header, bytes.data() + position, sizeof header);
    std::uint64_t end = position + sizeof header + header.size;
    if (end > bytes.size()) break;
    ByteView body = ByteView(bytes).subspan(position + sizeof header, header.size);
    std::uint64_t seed[3] = {kVersion, number, position};
    if (crc32c(body, crc32c({reinterpret_cast<const std::uint8_t*>(seed), sizeof seed})) !=
        header.crc) {
      break;
    }
    auto edit = decode_edit(body);
    if (!edit) break;
    apply_edit(state_, *edit);
    if (position == 0) whole_size_ = end;
    // The first one was flushed before the file got its name.
    if (position > 0) unproven_.assign(body.data() - sizeof header, body.data() + body.size());
    position = end;
  }
  if (position == 0) {
    return fail(ErrorCode::storage_corrupt,
                fmt::format("{}: the first edit is damaged. Restore the data directory from a copy",
                            path_of(number)));
  }
  if (position != bytes.size()) {
    // A torn edit was never acted on: journal files are released after the edit's flush. If a
    // durable one is damaged, the journal it released is gone and the scan reports the gap.
    RARE("the manifest's torn edit is cut");
    log_warning("storage", "{}: cut the torn edit of {} bytes at position {}", path_of(number),
                bytes.size() - position, position);
    torn_bytes_ = bytes.size() - position;
    failed_ = true;  // the next commit writes a new file instead of overwriting these bytes
  }
  size_ = position;
  return {};
}

Result<void> Manifest::write_whole() {
  std::uint64_t number = number_ + 1;
  std::string temporary = path_of(number) + ".tmp";
  if (files_.exists(temporary)) {
    RARE("a manifest that was being written is there");
    TRY(files_.remove(temporary));
  }
  auto file = files_.open(temporary, OpenMode::create);
  if (!file) return std::unexpected(file.error());
  ByteChain chain;
  chain.append(frame(edit_of_everything(state_), number, 0));
  TRY((*file)->write_at(0, chain));
  TRY((*file)->sync());
  TRY(files_.rename(temporary, path_of(number)));
  TRY(files_.sync_directory(directory_));
  if (number_ != 0) {
    // The new file counts; failing to remove the old one is put right at the next start.
    if (auto removed = files_.remove(path_of(number_)); !removed) {
      RARE("the old manifest could not be removed");
      log_warning("storage", "could not remove {}: {}", path_of(number_),
                  removed.error().message());
    }
  }
  file_ = std::move(*file);
  number_ = number;
  size_ = whole_size_ = chain.size();
  unproven_.clear();
  failed_ = false;
  return {};
}

// An edit that was found at the start may be in the cache alone, where its flush failed and the
// process ended: another flush would not write it, and what follows it would be cut with it. So the
// last one is written once more, with the next. Those before it were flushed before it was written.
Result<void> Manifest::append(const ManifestEdit& edit) {
  ASSERT(unproven_.size() < size_);
  Bytes bytes = frame(edit, number_, size_);
  ByteChain chain;
  if (!unproven_.empty()) chain.append(Bytes::copy_of(unproven_));
  chain.append(bytes);
  TRY(file_->write_at(size_ - unproven_.size(), chain));
  TRY(file_->sync());
  size_ += bytes.size();
  unproven_.clear();
  return {};
}

Result<void> Manifest::commit(const ManifestEdit& edit) {
  bool grown = size_ > kSmall && size_ > kGrowth * whole_size_;
  if (!failed_ && !grown) {
    if (auto appended = append(edit); !appended) {
      RARE("an edit of the manifest failed");
      failed_ = true;
      return appended;
    }
    apply_edit(state_, edit);
    return {};
  }
  ManifestState before = state_;
  apply_edit(state_, edit);
  if (auto written = write_whole(); !written) {
    RARE("a new manifest can't be written");
    state_ = std::move(before);
    return written;
  }
  return {};
}

}  // namespace millrace
