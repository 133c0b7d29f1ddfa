#include "runtime/socket.h"

namespace millrace {

Task<Result<std::size_t>> read_some(Socket& socket, MutableByteView space) {
  for (;;) {
    Result<std::size_t> count = socket.try_read(space);
    if (count || count.error().code != ErrorCode::would_block) co_return count;
    co_await readable(socket);
  }
}

Task<Result<void>> write_all(Socket& socket, ByteChain bytes) {
  std::size_t written = 0;
  while (written < bytes.size()) {
    Result<std::size_t> count = socket.try_write(bytes, written);
    if (count) {
      written += *count;
    } else if (count.error().code == ErrorCode::would_block) {
      co_await socket_detail::Writable{socket};
    } else {
      co_return std::unexpected(count.error());
    }
  }
  co_return Result<void>{};
}

}  // namespace millrace
