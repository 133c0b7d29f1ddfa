// FileWriter: gathers small pieces into writes of about kStep, laid out in memory as they will lie
// in the file's pages: the kernel copies page to page several times faster than from memory that
// is shifted against them, and a file opened with open_direct() can be written past the page
// cache.
//
//   writer.begin(file, position);
//   TRY(writer.add(bytes)); ...
//   TRY(writer.flush());
//
// One thread. After an error it may only be begun again.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "runtime/file.h"

namespace millrace {

class FileWriter {
 public:
  FileWriter();

  // `file` stays alive until flush().
  void begin(File& file, std::uint64_t position);
  // Writes whole blocks of kDirectAlignment: what `before` holds of the first one in front of
  // `position` is written again, and what is missing of the last one are zeros.
  Result<void> begin_blocks(File& file, std::uint64_t position, File& before);
  // The same with `before` being those bytes: as many as `position` is into its block.
  void begin_blocks(File& file, std::uint64_t position, ByteView before);
  // After flush(): what the last block holds when it is not full, for begin_blocks().
  ByteView last_block() const { return {last_block_.data(), last_block_size_}; }
  Result<void> add(ByteView bytes);
  Result<void> flush();

 private:
  static constexpr std::size_t kStep = 256 << 10;
  std::uint8_t* start();
  Result<void> write_out();

  BufferRef space_;
  File* file_ = nullptr;
  bool blocks_ = false;
  std::uint64_t position_ = 0;  // of what is gathered, in the file
  std::size_t filled_ = 0;
  std::array<std::uint8_t, kDirectAlignment> last_block_;
  std::size_t last_block_size_ = 0;
};

}  // namespace millrace
