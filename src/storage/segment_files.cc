#include "storage/segment_files.h"

#include <algorithm>
#include <limits>

#include "base/rare.h"

namespace millrace {
namespace {

// Memory that a read past the page cache can fill, at its front.
Bytes aligned(std::size_t size) {
  BufferRef buffer = Buffer::allocate(size + kDirectAlignment);
  auto address = reinterpret_cast<std::uintptr_t>(buffer->data());
  std::size_t shift = (kDirectAlignment - address % kDirectAlignment) % kDirectAlignment;
  return Bytes(std::move(buffer), shift, size);
}

}  // namespace

SegmentFile::SegmentFile(std::shared_ptr<SegmentFiles> files, std::string path)
    : files_(std::move(files)), path_(std::move(path)) {}

SegmentFile::~SegmentFile() {
  std::lock_guard lock(files_->mutex_);
  if (open_) {
    files_->open_.erase(place_);
    files_->released_.push_back(std::move(open_));
  }
  auto& chunks = files_->chunks_;
  for (auto chunk = chunks.lower_bound({this, 0});
       chunk != chunks.end() && chunk->first.first == this;) {
    files_->drop_chunk(chunk++);
  }
}

Bytes SegmentFile::cached_chunk(std::uint64_t number) {
  std::lock_guard lock(files_->mutex_);
  auto found = files_->chunks_.find({this, number});
  if (found == files_->chunks_.end()) return {};
  files_->by_use_.splice(files_->by_use_.begin(), files_->by_use_, found->second.place);
  found->second.was_read = true;
  return found->second.bytes;
}

Result<Bytes> SegmentFile::load_chunk(std::uint64_t number, Loaded loaded) {
  auto file = files_->open(*this);
  if (!file) return std::unexpected(file.error());
  std::uint64_t writes = 0;
  {
    std::lock_guard lock(files_->mutex_);
    writes = writes_;
  }
  auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  std::uint64_t begin = number * chunk_size();
  if (*size <= begin) return Bytes{};
  std::uint64_t blocks = (*size - begin + kDirectAlignment - 1) / kDirectAlignment;
  Bytes bytes = aligned(std::min<std::uint64_t>(chunk_size(), blocks * kDirectAlignment));
  auto count = (*file)->read_at(begin, {bytes.mutable_data(), bytes.size()});
  if (!count) return std::unexpected(count.error());
  bytes = bytes.slice(0, *count);
  std::lock_guard lock(files_->mutex_);
  // What a write went over meanwhile is good for this read, which asks for what was there before.
  if (writes_ != writes || bytes.empty()) return bytes;
  files_->keep({this, number}, bytes, loaded == Loaded::for_a_reader);
  return bytes;
}

std::size_t SegmentFile::chunk_size() const { return files_->chunk_size_; }

Result<Bytes> SegmentFile::chunk(std::uint64_t number, std::size_t needed, ReadFrom from) {
  Bytes known = cached_chunk(number);
  // One that ends early was loaded when the file did.
  if (!known.empty() && known.size() >= needed) return known;
  if (from == ReadFrom::cache) return fail(ErrorCode::would_block);
  return load_chunk(number, Loaded::for_a_reader);
}

Result<std::size_t> SegmentFile::read_at(std::uint64_t position, MutableByteView space) {
  auto file = files_->open(*this);
  if (!file) return std::unexpected(file.error());
  return (*file)->read_at(position, space);
}

Result<std::size_t> SegmentFile::read_cached_at(std::uint64_t, MutableByteView) {
  return fail(ErrorCode::would_block);  // it may have to be opened
}

void SegmentFile::note_read(std::uint64_t position, std::size_t size) {
  std::lock_guard lock(files_->mutex_);
  forward_ = position <= read_to_ && position + size > read_to_;
  read_to_ = position + size;
}

bool SegmentFile::should_read_ahead(std::uint64_t end) {
  std::lock_guard lock(files_->mutex_);
  std::uint64_t next = read_to_ / chunk_size() + 1;
  if (!forward_ || next == ahead_ || next * chunk_size() >= end) return false;
  if (files_->chunks_.contains({this, next}) || !files_->has_room_ahead()) return false;
  ahead_ = next;
  return true;
}

void SegmentFile::read_ahead() {
  std::uint64_t next = 0;
  {
    std::lock_guard lock(files_->mutex_);
    next = ahead_;
  }
  // Nobody waits for it; who reads there next is told what is wrong.
  (void)load_chunk(next, Loaded::ahead);
}

// Before and after each write: what was loaded before it may be older than what is there now.
void SegmentFile::wrote(std::uint64_t position, std::size_t size) {
  std::lock_guard lock(files_->mutex_);
  ++writes_;
  auto& chunks = files_->chunks_;
  std::uint64_t last = (position + size) / chunk_size();
  for (auto chunk = chunks.lower_bound({this, position / chunk_size()});
       chunk != chunks.end() && chunk->first.first == this && chunk->first.second <= last;) {
    files_->drop_chunk(chunk++);
  }
}

Result<void> SegmentFile::write_at(std::uint64_t position, const ByteChain& bytes) {
  auto file = files_->open(*this);
  if (!file) return std::unexpected(file.error());
  wrote(position, bytes.size());
  auto written = (*file)->write_at(position, bytes);
  wrote(position, bytes.size());
  return written;
}

namespace {

std::string with_ending(const std::string& path, std::string_view ending) {
  return path.substr(0, path.find_last_of('.')) + std::string(ending);
}

}  // namespace

std::shared_ptr<SegmentFile> SegmentFile::beside(std::string_view ending) const {
  return files_->existing(with_ending(path_, ending));
}

Result<std::shared_ptr<SegmentFile>> SegmentFile::make_beside(std::string_view ending) const {
  return files_->create(with_ending(path_, ending));
}

Result<std::shared_ptr<File>> SegmentFile::pin() { return files_->open(*this); }

Result<void> SegmentFile::sync() {
  auto file = files_->open(*this);
  if (!file) return std::unexpected(file.error());
  return (*file)->sync();
}

Result<std::uint64_t> SegmentFile::size() {
  auto file = files_->open(*this);
  if (!file) return std::unexpected(file.error());
  return (*file)->size();
}

Result<void> SegmentFile::truncate(std::uint64_t size) {
  auto file = files_->open(*this);
  if (!file) return std::unexpected(file.error());
  wrote(0, std::numeric_limits<std::uint32_t>::max());
  return (*file)->truncate(size);
}

std::shared_ptr<SegmentFile> SegmentFiles::existing(std::string path) {
  return std::make_shared<SegmentFile>(shared_from_this(), std::move(path));
}

Result<std::shared_ptr<SegmentFile>> SegmentFiles::create(std::string path) {
  auto opened = open_or_make_room(path, OpenMode::create);
  if (!opened) return std::unexpected(opened.error());
  auto file = existing(std::move(path));
  std::vector<std::shared_ptr<File>> closed;
  std::lock_guard lock(mutex_);
  file->open_ = std::move(*opened);
  open_.push_front(file.get());
  file->place_ = open_.begin();
  std::shared_ptr<File> stays = file->open_;
  closed = close_all_but(open_max_);
  return file;
}

Result<std::shared_ptr<File>> SegmentFiles::open(SegmentFile& file) {
  {
    std::lock_guard lock(mutex_);
    if (file.open_) {
      open_.splice(open_.begin(), open_, file.place_);
      return file.open_;
    }
  }
  auto opened = open_or_make_room(file.path(), OpenMode::read_write);
  if (!opened) return std::unexpected(opened.error());
  std::vector<std::shared_ptr<File>> closed;  // after the lock is let go
  std::lock_guard lock(mutex_);
  if (!file.open_) {  // otherwise somebody was quicker
    file.open_ = std::move(*opened);
    open_.push_front(&file);
    file.place_ = open_.begin();
  }
  std::shared_ptr<File> result = file.open_;
  closed = close_all_but(open_max_);
  return result;
}

Result<std::unique_ptr<File>> SegmentFiles::open_or_make_room(const std::string& path,
                                                              OpenMode mode) {
  auto opened = files_.open_direct(path, mode);
  if (opened || opened.error().code != ErrorCode::too_many_open_files) return opened;
  RARE("descriptors ran out: segments are closed");
  std::vector<std::shared_ptr<File>> closed;
  {
    std::lock_guard lock(mutex_);
    closed = close_all_but(open_.size() / 2);
  }
  closed.clear();
  return files_.open_direct(path, mode);
}

std::vector<std::shared_ptr<File>> SegmentFiles::close_all_but(std::size_t kept) {
  std::vector<std::shared_ptr<File>> closed;
  for (auto place = open_.end(); open_.size() > kept && place != open_.begin();) {
    --place;
    if ((*place)->open_.use_count() > 1) {  // or pinned
      RARE("a segment to be closed is in use");
      continue;
    }
    closed.push_back(std::exchange((*place)->open_, nullptr));
    place = open_.erase(place);
  }
  return closed;
}

void SegmentFiles::keep(ChunkKey key, const Bytes& bytes, bool was_read) {
  auto known = chunks_.find(key);
  if (known != chunks_.end()) drop_chunk(known);
  by_use_.push_front(key);
  chunks_[key] = {bytes, by_use_.begin(), was_read};
  cached_bytes_ += bytes.owner_capacity();
  while (cached_bytes_ > cached_bytes_max_) drop_chunk(chunks_.find(by_use_.back()));
}

bool SegmentFiles::has_room_ahead() const {
  if (cached_bytes_ + chunk_size_ <= cached_bytes_max_) return true;
  return !by_use_.empty() && chunks_.at(by_use_.back()).was_read;
}

void SegmentFiles::drop_chunk(std::map<ChunkKey, Chunk>::iterator chunk) {
  cached_bytes_ -= chunk->second.bytes.owner_capacity();
  by_use_.erase(chunk->second.place);
  chunks_.erase(chunk);
}

bool SegmentFiles::has_released() const {
  std::lock_guard lock(mutex_);
  return !released_.empty();
}

void SegmentFiles::close_released() {
  std::vector<std::shared_ptr<File>> closed;
  std::lock_guard lock(mutex_);
  closed.swap(released_);
}

std::size_t SegmentFiles::open_count() const {
  std::lock_guard lock(mutex_);
  return open_.size();
}

std::size_t SegmentFiles::cached_bytes() const {
  std::lock_guard lock(mutex_);
  return cached_bytes_;
}

}  // namespace millrace
