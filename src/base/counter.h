// Counter: a number that one thread counts and any thread may read. Counting is a load and a store,
// as cheap as a plain integer's: no lock, no atomic addition, no cache line that two cores write.
//
//   Counter flushes;             // the journal's writer owns it
//   flushes.add();               // by the owner alone
//   report(flushes.value());     // anywhere
//
// What must be counted by several threads is a Counter of each of them, added up by who reads.
#pragma once

#include <atomic>
#include <cstdint>

namespace millrace {

class Counter {
 public:
  Counter() = default;
  Counter(const Counter& other) : value_(other.value()) {}
  Counter& operator=(const Counter& other) {
    value_.store(other.value(), std::memory_order_relaxed);
    return *this;
  }

  void add(std::uint64_t count = 1) { value_.store(value() + count, std::memory_order_relaxed); }
  // For what goes up and down, as connections do.
  void subtract(std::uint64_t count = 1) {
    value_.store(value() - count, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace millrace
