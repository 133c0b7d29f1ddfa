#include "storage/read_only_files.h"

namespace millrace {
namespace {

// An open file of which nothing can be changed.
class ReadOnlyFile final : public File {
 public:
  ReadOnlyFile(std::unique_ptr<File> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t position, MutableByteView space) override {
    return file_->read_at(position, space);
  }
  Result<std::size_t> read_cached_at(std::uint64_t position, MutableByteView space) override {
    return file_->read_cached_at(position, space);
  }
  Result<void> write_at(std::uint64_t, const ByteChain&) override { return refuse(); }
  Result<void> sync() override { return refuse(); }
  Result<std::uint64_t> size() override { return file_->size(); }
  Result<void> truncate(std::uint64_t) override { return refuse(); }

 private:
  std::unexpected<Error> refuse() const {
    return fail(ErrorCode::io_error, "cannot change " + path_ + ": it is only looked at");
  }

  std::unique_ptr<File> file_;
  std::string path_;
};

}  // namespace

Result<std::unique_ptr<File>> ReadOnlyFiles::open(const std::string& path, OpenMode mode) {
  if (mode == OpenMode::create) return refuse("make", path);
  auto file = files_.open(path, OpenMode::read);
  if (!file) return std::unexpected(file.error());
  return std::make_unique<ReadOnlyFile>(std::move(*file), path);
}

}  // namespace millrace
