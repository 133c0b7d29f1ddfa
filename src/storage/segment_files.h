// SegmentFiles: the files of the segments folder. They are opened when they are used, and closed
// when others need their descriptors; what readers read of them comes in chunks past the page
// cache, and the newest chunks stay in bounded memory, for the next read and for other readers.
//
//   auto file = files.existing(path);            // opens nothing
//   file->chunk(n, bytes, ReadFrom::cache)       // from memory alone: on a core
//   file->chunk(n, bytes, ReadFrom::device)      // opens, reads: on a worker
//
// Why not the page cache: docs/decisions/0009-past-the-page-cache.md.
//
// Any thread, as File. Who writes holds the file by `pin()` until it is flushed.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/file.h"

namespace millrace {

enum class ReadFrom {
  cache,
  device
};  // cache: never blocks, Error::would_block when it would have to

// A file in chunks: chunk n begins at n * chunk_size().
class ChunkSource {
 public:
  virtual ~ChunkSource() = default;
  virtual std::size_t chunk_size() const = 0;
  // At least its first `needed` bytes; fewer only where the file ends.
  virtual Result<Bytes> chunk(std::uint64_t number, std::size_t needed, ReadFrom from) = 0;
};

class SegmentFiles;

// How files of one segment end.
inline constexpr std::string_view kSegmentSuffix = ".log";
inline constexpr std::string_view kIndexSuffix = ".index";

class SegmentFile final : public File, public ChunkSource {
 public:
  SegmentFile(std::shared_ptr<SegmentFiles> files, std::string path);
  ~SegmentFile() override;
  SegmentFile(const SegmentFile&) = delete;

  const std::string& path() const { return path_; }
  std::size_t chunk_size() const override;
  Result<Bytes> chunk(std::uint64_t number, std::size_t needed, ReadFrom from) override;
  // Tells what a reader took, for should_read_ahead().
  void note_read(std::uint64_t position, std::size_t size);

  // As a File it reads past the chunks.
  Result<std::size_t> read_at(std::uint64_t position, MutableByteView space) override;
  Result<std::size_t> read_cached_at(std::uint64_t position, MutableByteView space) override;
  Result<void> write_at(std::uint64_t position, const ByteChain& bytes) override;
  Result<void> sync() override;
  Result<std::uint64_t> size() override;
  Result<void> truncate(std::uint64_t size) override;

  // The file of the same name but for its ending; opens nothing.
  std::shared_ptr<SegmentFile> beside(std::string_view ending) const;
  Result<std::shared_ptr<SegmentFile>> make_beside(std::string_view ending) const;

  // Whether the chunk behind the last read should be loaded before somebody asks for it: the reads
  // went forward, it is not there, and nothing that waits to be read would have to go for it. Says
  // so once for each; `end` is where the file ends for readers.
  bool should_read_ahead(std::uint64_t end);
  // Does it. Blocks.
  void read_ahead();
  // The open file: as long as it is held, the descriptor stays.
  Result<std::shared_ptr<File>> pin();

 private:
  friend class SegmentFiles;
  enum class Loaded { for_a_reader, ahead };
  Bytes cached_chunk(std::uint64_t number);
  Result<Bytes> load_chunk(std::uint64_t number, Loaded loaded);
  void wrote(std::uint64_t position, std::size_t size);

  const std::shared_ptr<SegmentFiles> files_;
  const std::string path_;
  // Under the mutex of SegmentFiles.
  std::shared_ptr<File> open_;
  std::list<SegmentFile*>::iterator place_;  // among the open ones, when open_
  std::uint64_t writes_ = 0;  // a chunk that was read while a write went on is not kept
  std::uint64_t read_to_ = 0;
  bool forward_ = false;
  std::uint64_t ahead_ = 0;  // the chunk asked for last
};

class SegmentFiles : public std::enable_shared_from_this<SegmentFiles> {
 public:
  // `open_max` files are open at most, but for those that are pinned; `cached_bytes_max` of chunks
  // are kept. `chunk_size` is a multiple of kDirectAlignment.
  SegmentFiles(FileSystem& files, std::size_t open_max, std::size_t cached_bytes_max,
               std::size_t chunk_size)
      : files_(files),
        open_max_(open_max),
        cached_bytes_max_(cached_bytes_max),
        chunk_size_(chunk_size) {}

  std::shared_ptr<SegmentFile> existing(std::string path);
  // Must not exist. Open from the beginning.
  Result<std::shared_ptr<SegmentFile>> create(std::string path);

  // Closing the last descriptor of a removed file takes time, so that is not done where a segment
  // is let go of. On a worker.
  bool has_released() const;
  void close_released();

  std::size_t open_count() const;
  std::size_t cached_bytes() const;

 private:
  friend class SegmentFile;
  using ChunkKey = std::pair<const SegmentFile*, std::uint64_t>;
  struct Chunk {
    Bytes bytes;
    std::list<ChunkKey>::iterator place;
    bool was_read = false;
  };

  Result<std::shared_ptr<File>> open(SegmentFile& file);
  Result<std::unique_ptr<File>> open_or_make_room(const std::string& path, OpenMode mode);
  // With the mutex held. Gives the files to close, for when it is not.
  std::vector<std::shared_ptr<File>> close_all_but(std::size_t kept);
  void keep(ChunkKey key, const Bytes& bytes, bool was_read);
  bool has_room_ahead() const;
  void drop_chunk(std::map<ChunkKey, Chunk>::iterator chunk);

  FileSystem& files_;
  const std::size_t open_max_;
  const std::size_t cached_bytes_max_;
  const std::size_t chunk_size_;

  mutable std::mutex mutex_;
  std::list<SegmentFile*> open_;  // the one used last in front
  std::vector<std::shared_ptr<File>> released_;
  std::map<ChunkKey, Chunk> chunks_;
  std::list<ChunkKey> by_use_;  // the one used last in front
  std::size_t cached_bytes_ = 0;
};

}  // namespace millrace
