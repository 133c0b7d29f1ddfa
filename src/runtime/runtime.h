// Runtime: the cores, workers, files and sockets of one broker. AsioRuntime (asio/) is the machine;
// SimRuntime (sim/) is one thread with a seeded scheduler, virtual time and a disk that loses what
// was not flushed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/core.h"
#include "runtime/file.h"
#include "runtime/socket.h"

namespace millrace {

class Runtime {
 public:
  virtual ~Runtime() = default;
  virtual std::size_t core_count() const = 0;
  virtual Core& core(CoreId id) = 0;
  virtual FileSystem& files() = 0;
  // A new worker; `name` is what tools show for its thread.
  virtual std::unique_ptr<Worker> make_worker(const std::string& name) = 0;
  // Binds a TCP address; callbacks come on core 0. Error::io_error says what is wrong with the
  // address.
  virtual Result<std::unique_ptr<Listener>> listen(const std::string& host, std::uint16_t port) = 0;
};

}  // namespace millrace
