// CountingFiles: another file system, and how often what of it was used. CountingRuntime: another
// runtime with these.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/runtime.h"

namespace millrace::test {

struct FileCounts {
  std::size_t opens = 0;
  std::size_t reads = 0;
  std::size_t read_bytes = 0;  // that were asked for
  std::size_t written_bytes = 0;
  std::size_t syncs = 0;        // of files, folders and file systems
  std::size_t inspections = 0;  // sizes of files that are not open
  std::size_t lists = 0;
};

class CountingFile final : public File {
 public:
  CountingFile(std::unique_ptr<File> file, FileCounts& counts)
      : file_(std::move(file)), counts_(counts) {}

  Result<std::size_t> read_at(std::uint64_t position, MutableByteView space) override {
    ++counts_.reads;
    counts_.read_bytes += space.size();
    return file_->read_at(position, space);
  }
  Result<std::size_t> read_cached_at(std::uint64_t position, MutableByteView space) override {
    return file_->read_cached_at(position, space);
  }
  Result<void> write_at(std::uint64_t position, const ByteChain& bytes) override {
    counts_.written_bytes += bytes.size();
    return file_->write_at(position, bytes);
  }
  Result<void> sync() override {
    ++counts_.syncs;
    return file_->sync();
  }
  Result<std::uint64_t> size() override { return file_->size(); }
  Result<void> truncate(std::uint64_t size) override { return file_->truncate(size); }

 private:
  std::unique_ptr<File> file_;
  FileCounts& counts_;
};

class CountingFiles final : public FileSystem {
 public:
  explicit CountingFiles(FileSystem& files) : files_(files) {}

  FileCounts counts;

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    ++counts.opens;
    auto file = files_.open(path, mode);
    if (!file) return file;
    return std::make_unique<CountingFile>(std::move(*file), counts);
  }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    ++counts.lists;
    return files_.list(directory);
  }
  Result<void> make_directory(const std::string& path) override {
    return files_.make_directory(path);
  }
  Result<void> remove(const std::string& path) override { return files_.remove(path); }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return files_.rename(from, to);
  }
  Result<void> sync_directory(const std::string& path) override {
    ++counts.syncs;
    return files_.sync_directory(path);
  }
  Result<std::uint64_t> file_size(const std::string& path) override {
    ++counts.inspections;
    return files_.file_size(path);
  }
  Result<void> sync_all(const std::string& directory) override {
    ++counts.syncs;
    return files_.sync_all(directory);
  }
  bool exists(const std::string& path) override { return files_.exists(path); }
  Result<DiskSpace> disk_space(const std::string& directory) override {
    return files_.disk_space(directory);
  }
  Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override {
    return files_.lock_directory(path);
  }

 private:
  FileSystem& files_;
};

class CountingRuntime final : public Runtime {
 public:
  explicit CountingRuntime(Runtime& runtime) : runtime_(runtime), files_(runtime.files()) {}

  std::size_t core_count() const override { return runtime_.core_count(); }
  Core& core(CoreId id) override { return runtime_.core(id); }
  CountingFiles& files() override { return files_; }
  std::unique_ptr<Worker> make_worker(const std::string& name) override {
    return runtime_.make_worker(name);
  }
  Result<std::unique_ptr<Listener>> listen(const std::string& host, std::uint16_t port) override {
    return runtime_.listen(host, port);
  }

 private:
  Runtime& runtime_;
  CountingFiles files_;
};

}  // namespace millrace::test
