// Preloaded before libfaketime, which changes what is asked of a timerfd even when its clock is the
// monotonic one that is not to be faked: "at once" (an absolute time in the past) never comes after a
// jump. Here timers go to the kernel as they are.
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

int timerfd_settime(int descriptor, int flags, const struct itimerspec* new_value,
                    struct itimerspec* old_value) {
  return (int)syscall(SYS_timerfd_settime, descriptor, flags, new_value, old_value);
}
