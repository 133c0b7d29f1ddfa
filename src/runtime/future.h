// Promise/Future: one value from one place to one waiting coroutine, both on the same core. What a
// parked answer is.
//
//   Promise<Result<Offset>> parked(core);
//   Future<Result<Offset>> answer = parked.future();
//   ... later, when the group is durable:   parked.set(offset);
//   co_return co_await std::move(answer);
//
// set() never runs the waiting coroutine inside the caller: it is resumed by the core afterwards,
// so a loop over a container may set promises. A Promise that goes without a value while somebody
// waits is a bug (the future would wait for ever): its destructor asserts.
#pragma once

#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "runtime/core.h"

namespace millrace {

namespace future_detail {
template <class T>
struct State {
  Core& core;
  std::optional<T> value;
  std::coroutine_handle<> waiting;
};
}  // namespace future_detail

template <class T>
class Future {
 public:
  explicit Future(std::shared_ptr<future_detail::State<T>> state) : state_(std::move(state)) {}
  bool ready() const { return state_->value.has_value(); }

  bool await_ready() const { return ready(); }
  void await_suspend(std::coroutine_handle<> waiting) {
    ASSERT(!state_->waiting);
    state_->waiting = waiting;
  }
  T await_resume() {
    ASSERT(state_->value.has_value());
    return std::move(*state_->value);
  }

 private:
  std::shared_ptr<future_detail::State<T>> state_;
};

template <class T>
class Promise {
 public:
  explicit Promise(Core& core) : state_(new future_detail::State<T>{core, {}, {}}) {}
  Promise(Promise&&) noexcept = default;
  Promise& operator=(Promise&& other) noexcept {
    state_.swap(other.state_);
    return *this;
  }
  ~Promise() { ASSERT(!state_ || state_->value.has_value() || !state_->waiting); }

  Future<T> future() const { return Future<T>(state_); }
  bool is_set() const { return state_->value.has_value(); }
  void set(T value) {
    ASSERT(!state_->value.has_value());
    state_->value.emplace(std::move(value));
    if (state_->waiting) {
      state_->core.post([state = state_] { state->waiting.resume(); });
    }
  }

 private:
  std::shared_ptr<future_detail::State<T>> state_;
};

namespace future_detail {
template <class T>
Task<void> finish_at(Core& home, Task<T> task, Promise<T> promise) {
  T value = co_await task;
  home.post([promise = std::move(promise), value = std::move(value)]() mutable {
    promise.set(std::move(value));
  });
}
}  // namespace future_detail

// Runs a task on `there`, beginning now; the value comes back to `here`. Both may be the same core.
template <class T>
Future<T> start_on(Core& here, Core& there, Task<T> task) {
  Promise<T> promise(here);
  Future<T> future = promise.future();
  there.post([&here, &there, task = std::move(task), promise = std::move(promise)]() mutable {
    there.spawn("call from another core",
                future_detail::finish_at(here, std::move(task), std::move(promise)));
  });
  return future;
}

}  // namespace millrace
