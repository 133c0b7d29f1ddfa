// Gate: counts what is inside, so that a stop can wait for it. Core-local.
//
//   Gate::Entry inside = gate.enter("fetch");     // left when `inside` goes
//   co_await gate.closed();                       // resumes when nobody is inside any more
#pragma once

#include <coroutine>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/assert.h"

namespace millrace {

class Gate {
 public:
  class Entry {
   public:
    Entry() = default;
    Entry(Gate* gate, std::string_view name) : gate_(gate), name_(name) {}
    Entry(Entry&& other) noexcept
        : gate_(std::exchange(other.gate_, nullptr)), name_(other.name_) {}
    Entry& operator=(Entry&& other) noexcept {
      std::swap(gate_, other.gate_);
      std::swap(name_, other.name_);
      return *this;
    }
    ~Entry() {
      if (gate_) gate_->leave(name_);
    }

   private:
    Gate* gate_ = nullptr;
    std::string_view name_;
  };

  ~Gate() { ASSERT(count_ == 0 || !waiting_); }

  // `name` must be a literal.
  Entry enter(std::string_view name) {
    ++count_;
    ++names_[name];
    return Entry(this, name);
  }
  std::size_t inside() const { return count_; }
  // Who is inside, for a stop that takes too long: "kafka connection x3".
  std::string describe() const;

  struct Closed {
    Gate& gate;
    bool await_ready() const { return gate.count_ == 0; }
    void await_suspend(std::coroutine_handle<> waiting) const {
      ASSERT(!gate.waiting_);
      gate.waiting_ = waiting;
    }
    void await_resume() const {}
  };
  Closed closed() { return {*this}; }

 private:
  void leave(std::string_view name) {
    ASSERT(count_ > 0);
    if (--names_[name] == 0) names_.erase(name);
    if (--count_ == 0 && waiting_) std::exchange(waiting_, {}).resume();
  }

  std::size_t count_ = 0;
  std::map<std::string_view, std::size_t> names_;
  std::coroutine_handle<> waiting_;
};

}  // namespace millrace
