// SparseRuntime: a runtime whose files are SparseFiles.
#pragma once

#include <memory>
#include <string>

#include "generator/sparse_files.h"
#include "runtime/runtime.h"

namespace millrace {

class SparseRuntime final : public Runtime {
 public:
  explicit SparseRuntime(Runtime& runtime) : runtime_(runtime), files_(runtime.files()) {}

  std::size_t core_count() const override { return runtime_.core_count(); }
  Core& core(CoreId id) override { return runtime_.core(id); }
  SparseFiles& files() override { return files_; }
  std::unique_ptr<Worker> make_worker(const std::string& name) override {
    return runtime_.make_worker(name);
  }
  Result<std::unique_ptr<Listener>> listen(const std::string& host, std::uint16_t port) override {
    return runtime_.listen(host, port);
  }

 private:
  Runtime& runtime_;
  SparseFiles files_;
};

}  // namespace millrace
