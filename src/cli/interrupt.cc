#include "cli/interrupt.h"

#include <csignal>

namespace millrace::cli {
namespace {

volatile std::sig_atomic_t asked = 0;

extern "C" void on_interrupt(int) { asked = 1; }

}  // namespace

void catch_interrupts() {
  struct sigaction action{};
  action.sa_handler = on_interrupt;
  // Waits end early, so that the flag is seen; the next signal has its usual effect.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return asked != 0; }

}  // namespace millrace::cli
