// Turn: one after the other, in the order of asking. For what takes several awaits and must not be
// interleaved. Core-local.
//
//   auto turn = co_await turns_.take();     // until `turn` goes
#pragma once

#include <deque>
#include <utility>

#include "runtime/future.h"

namespace millrace {

class Turns {
 public:
  class Turn {
   public:
    explicit Turn(Turns* turns) : turns_(turns) {}
    Turn(Turn&& other) noexcept : turns_(std::exchange(other.turns_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (turns_) turns_->next();
    }

   private:
    Turns* turns_;
  };

  explicit Turns(Core& core) : core_(core) {}
  Turns(const Turns&) = delete;

  Task<Turn> take() {
    if (std::exchange(taken_, true)) {
      waiting_.emplace_back(core_);
      co_await waiting_.back().future();
    }
    co_return Turn(this);
  }

 private:
  // Goes straight to the one who waits longest: nobody can come in between.
  void next() {
    if (waiting_.empty()) {
      taken_ = false;
      return;
    }
    Promise<bool> first = std::move(waiting_.front());
    waiting_.pop_front();
    first.set(true);
  }

  Core& core_;
  bool taken_ = false;
  std::deque<Promise<bool>> waiting_;
};

}  // namespace millrace
