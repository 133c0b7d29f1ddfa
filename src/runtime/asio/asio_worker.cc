#include "runtime/asio/asio_worker.h"

#include <pthread.h>
#include <sys/prctl.h>

#include <utility>

#include "base/assert.h"

namespace millrace {

void name_this_thread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

ThreadWorker::ThreadWorker(const std::string& name)
    : thread_([this, name] {
        name_this_thread(name);
        // A pause is meant to the microsecond; the usual slack is 50 of them.
        prctl(PR_SET_TIMERSLACK, 1000);
        run();
      }) {}

ThreadWorker::~ThreadWorker() {
  ASSERT(std::this_thread::get_id() != thread_.get_id());
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void ThreadWorker::submit(Work work) {
  bool wake;
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(work));
    wake = std::exchange(sleeping_, false);
  }
  if (wake) wake_.notify_one();
}

void ThreadWorker::pause(Duration time) { std::this_thread::sleep_for(time); }

void ThreadWorker::run() {
  std::vector<Work> batch;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      while (queue_.empty() && !ending_) {
        sleeping_ = true;
        wake_.wait(lock);
      }
      sleeping_ = false;
      if (queue_.empty()) return;
      batch.swap(queue_);
    }
    for (Work& work : batch) {
      work();
      work = nullptr;
    }
    batch.clear();
  }
}

}  // namespace millrace
