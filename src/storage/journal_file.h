// One file of a journal lane. Made zeroed (overwriting allocated blocks makes a flush half as dear
// as growing a file), recycled by rewriting its header with the next lap.
//
// Shared: the lane holds it while its groups are needed for recovery, partition tails and readers
// while they point into it. It may be recycled when only the lane holds it.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "runtime/file.h"
#include "storage/format.h"
#include "storage/journal.h"

namespace millrace {

class JournalFile {
 public:
  JournalFile(std::unique_ptr<File> file, journal_format::FileHeader header, std::string path)
      : file_(std::move(file)), header_(header), path_(std::move(path)) {}

  // Creates `path` with `header`, zeroed up to header.file_size when `zeroed`, and makes it durable
  // but for its folder's entry.
  static Result<std::shared_ptr<JournalFile>> create(FileSystem& files, const std::string& path,
                                                     journal_format::FileHeader header);
  // Opens an existing file. Error::storage_corrupt when its header is damaged, Error::not_found
  // when it has none (its preparation was cut short).
  static Result<std::shared_ptr<JournalFile>> open(FileSystem& files, const std::string& path);

  // Begins a new lap: from here on nothing that the file held before counts. Durable on return.
  Result<void> recycle();
  // Before the first group of the lap is written; durable with the flush of that.
  Result<void> take_into_use();
  // No group of this lap was ever flushed.
  bool is_free() const { return header_.state == journal_format::FileState::free; }

  File& file() const { return *file_; }
  const std::string& path() const { return path_; }
  std::uint64_t id() const { return header_.file_id; }
  std::uint64_t size() const { return header_.file_size; }
  // What checksums of groups in this lap are seeded with.
  std::uint32_t seed() const;

  // The newest group in the file; set by the lane and by recovery.
  JournalSequence last_sequence;
  // A write or a flush of it failed once: it is not used again.
  bool is_suspect = false;

 private:
  Result<void> zero();
  Result<void> write_header();  // not flushed
  std::unique_ptr<File> file_;
  journal_format::FileHeader header_;
  std::string path_;
};

}  // namespace millrace
