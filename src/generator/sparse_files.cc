#include "generator/sparse_files.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace millrace {
namespace {

// What a file system leaves out, at least.
constexpr std::size_t kBlock = 4096;

bool is_zero(ByteView block) {
  static constexpr std::uint8_t kZeros[kBlock] = {};
  return std::memcmp(block.data(), kZeros, block.size()) == 0;
}

class SparseFile final : public File {
 public:
  // `end`: where it ends. Without one it gets no holes.
  SparseFile(std::unique_ptr<File> file, std::optional<std::uint64_t> end)
      : file_(std::move(file)), end_(end) {}

  Result<std::size_t> read_at(std::uint64_t position, MutableByteView space) override {
    return file_->read_at(position, space);
  }
  Result<std::size_t> read_cached_at(std::uint64_t position, MutableByteView space) override {
    return file_->read_cached_at(position, space);
  }

  Result<void> write_at(std::uint64_t position, const ByteChain& bytes) override {
    if (!end_) return file_->write_at(position, bytes);
    ByteChain run;  // what is to be written, and where
    std::uint64_t run_at = position;
    std::uint64_t at = position;
    for (const Bytes& part : bytes.parts()) {
      std::size_t kept = 0;  // of the part: what belongs to the run begins here
      for (std::size_t in_part = 0; in_part < part.size();) {
        std::size_t size = std::min<std::size_t>(kBlock - at % kBlock, part.size() - in_part);
        bool is_hole = size == kBlock && at >= *end_ && is_zero(part.view().subspan(in_part, size));
        if (is_hole) {
          run.append(part.slice(kept, in_part - kept));
          if (!run.empty()) TRY(file_->write_at(run_at, run));
          run.clear();
          run_at = at + size;
          kept = in_part + size;
        }
        in_part += size;
        at += size;
      }
      run.append(part.slice(kept, part.size() - kept));
    }
    if (!run.empty()) {
      TRY(file_->write_at(run_at, run));
    } else if (at > *end_) {
      TRY(file_->truncate(at));  // it ends with a hole
    }
    end_ = std::max(*end_, at);
    return {};
  }

  Result<void> sync() override { return {}; }
  Result<std::uint64_t> size() override { return file_->size(); }
  Result<void> truncate(std::uint64_t size) override {
    TRY(file_->truncate(size));
    if (end_) end_ = size;
    return {};
  }

 private:
  std::unique_ptr<File> file_;
  std::optional<std::uint64_t> end_;  // behind it everything is a hole
};

}  // namespace

Result<std::unique_ptr<File>> SparseFiles::open(const std::string& path, OpenMode mode) {
  auto file = files_.open(path, mode);
  if (!file) return file;
  auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  // Of the journal zeros are written too: it is to be written over without growing.
  bool is_segment = path.find("/segments/") != std::string::npos;
  return std::make_unique<SparseFile>(std::move(*file),
                                      is_segment ? std::optional(*size) : std::nullopt);
}

}  // namespace millrace
