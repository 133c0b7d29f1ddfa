// Preloaded into the broker: makes flushes of the journal fail, as a disk does that lost its cable.
//
// While the file named by FAILING_DISK exists, fdatasync() of a file below a folder "journal" does
// nothing and fails with EIO. When the file says "once", the first failure removes it. When it says
// "stall", fdatasync() waits until it says something else or is gone, and is then as ever.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kWorks, kFails, kStalls };

static int disk_state(int descriptor) {
  const char* switch_path = getenv("FAILING_DISK");
  if (!switch_path || access(switch_path, F_OK) != 0) return kWorks;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return kWorks;
  path[size] = 0;
  if (!strstr(path, "/journal/")) return kWorks;
  char text[8] = "";
  int file = open(switch_path, O_RDONLY | O_CLOEXEC);
  if (file >= 0) {
    ssize_t count = read(file, text, sizeof text - 1);
    (void)count;
    close(file);
  }
  if (strncmp(text, "stall", 5) == 0) return kStalls;
  if (strncmp(text, "once", 4) == 0) unlink(switch_path);
  return kFails;
}

int fdatasync(int descriptor) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  int state;
  while ((state = disk_state(descriptor)) == kStalls) usleep(10000);
  if (state == kFails) {
    errno = EIO;
    return -1;
  }
  return real(descriptor);
}
