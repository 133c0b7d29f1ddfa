#include "runtime/core.h"

namespace millrace {
namespace {

// A coroutine that owns itself: the frame of a spawned task, destroyed when the task is done.
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

Detached run(Gate& gate, std::string_view name, Task<void> task) {
  Gate::Entry entry = gate.enter(name);
  // Goes before `entry` does: who waits for the gate may take away what the task's parameters own.
  Task<void> running = std::move(task);
  co_await running;
}

}  // namespace

void Core::spawn(std::string_view name, Task<void> task) { run(tasks_, name, std::move(task)); }

}  // namespace millrace
