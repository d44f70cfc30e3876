// The wall clock is ahead by as many seconds as the file says that CLOCK_AHEAD names; the monotonic clock is not. So a process
// sees what an instance of Lambda sees that was frozen for that long.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = syscall(SYS_clock_gettime, clock, time);
  const char *path = getenv("CLOCK_AHEAD");
  if (result != 0 || clock != CLOCK_REALTIME || path == NULL) return result;
  char seconds[32] = {0};
  int file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
  if (file < 0) return result;
  if (syscall(SYS_read, file, seconds, sizeof seconds - 1) > 0) time->tv_sec += atol(seconds);
  syscall(SYS_close, file);
  return result;
}
