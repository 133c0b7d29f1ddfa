// ThreadWorker: a Worker that is a thread with a queue. Private to this folder.
//
// A submit wakes the thread only when it sleeps. The destructor runs what is queued, then joins.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/core.h"

namespace millrace {

// The kernel keeps 15 characters.
void name_this_thread(const std::string& name);

class ThreadWorker final : public Worker {
 public:
  explicit ThreadWorker(const std::string& name);
  ~ThreadWorker() override;
  void submit(Work work) override;
  void pause(Duration time) override;

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Work> queue_;
  bool sleeping_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace millrace
