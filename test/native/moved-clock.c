/*
 * Loaded before the C library (LD_PRELOAD), a clock that another process moves while this one runs. MOVED_CLOCK names a file of
 * nine 64-bit numbers in host order, mapped once and read at every call:
 *
 *     which | slot 0: real, since, room, ahead | slot 1: real, since, room, ahead
 *
 * All are nanoseconds. `which` (0 or 1) is the slot that counts; who moves the clock fills the other and then turns `which`, so
 * that nobody reads half of a move. The kernel's monotonic clock was `since` when the real-time clock was put to `real`; from
 * there the real-time clock goes on by half of `room` and then stands. With a room of less than a second, all that programs do
 * after a move happens in one and the same second, however slow the machine. The other half is for programs that wait for an end
 * within that second, as BIND does for some milliseconds between two parts of a long task: it passes for such a program while it waits. The
 * monotonic clock never stands; it is `ahead` of the kernel's.
 *
 * Who waits notices a move: waits with an end are cut into slices. After a slice of a wait for a condition the program looks for itself
 * whether it holds (POSIX lets such waits end at any time): between two slices it would miss a signal, and then wait until its end.
 * Nothing here allocates or locks, since the first calls come from inside a program's allocator. Waits until a time on an unknown
 * clock are taken for the real-time clock from 2001 on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define MILLISECOND 1000000LL
#define SLICE (20 * MILLISECOND)
#define FIRST_REAL_TIME 1000000000LL

enum { REAL, SINCE, ROOM, AHEAD, SLOT };

extern char **environ;
static const int64_t none[1 + 2 * SLOT];
static const int64_t *shared;

static const char *file_name(void) {
  static const char variable[] = "MOVED_CLOCK=";
  for (char **entry = environ; *entry != NULL; entry++) {
    const char *at = *entry;
    const char *wanted = variable;
    while (*wanted != 0 && *at == *wanted) at++, wanted++;
    if (*wanted == 0) return at;
  }
  return NULL;
}

/* NULL: there is no file, and the clock is the kernel's. */
static const int64_t *slot(void) {
  const int64_t *map = __atomic_load_n(&shared, __ATOMIC_ACQUIRE);
  if (map == NULL) {
    if (environ == NULL) return NULL; /* too early in the life of the process: asked again later */
    const char *name = file_name();
    int file = name == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY | O_CLOEXEC, 0);
    map = none;
    if (file >= 0) {
      void *mapped = (void *)syscall(SYS_mmap, NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);
      if (mapped != MAP_FAILED) map = mapped;
      syscall(SYS_close, file);
    }
    __atomic_store_n(&shared, map, __ATOMIC_RELEASE);
  }
  return map == none ? NULL : map + 1 + SLOT * (__atomic_load_n(map, __ATOMIC_ACQUIRE) & 1);
}

static int64_t nanoseconds(const struct timespec *time) { return (int64_t)time->tv_sec * SECOND + time->tv_nsec; }

static struct timespec timespec_of(int64_t time) {
  return (struct timespec){.tv_sec = time / SECOND, .tv_nsec = time % SECOND};
}

static int64_t kernel_time(clockid_t clock) {
  struct timespec time;
  syscall(SYS_clock_gettime, clock, &time);
  return nanoseconds(&time);
}

/* The real time that this process has come to by waiting. */
static int64_t reached;

static int64_t real_time(void) {
  const int64_t *move = slot();
  if (move == NULL) return kernel_time(CLOCK_REALTIME);
  int64_t passed = kernel_time(CLOCK_MONOTONIC) - move[SINCE];
  int64_t stand = move[ROOM] / 2;
  int64_t now = move[REAL] + (passed < 0 ? 0 : passed > stand ? stand : passed);
  int64_t waited = __atomic_load_n(&reached, __ATOMIC_ACQUIRE);
  return waited > now ? waited : now;
}

/* A wait that is to end at `until` has lasted from `start` for a slice. */
static void have_waited(int64_t until, int64_t start, int64_t slice) {
  const int64_t *move = slot();
  if (move == NULL || until >= move[REAL] + SECOND) return;
  int64_t last = move[REAL] + move[ROOM];
  int64_t now = start + slice < last ? start + slice : last;
  int64_t before = __atomic_load_n(&reached, __ATOMIC_ACQUIRE);
  while (now > before && !__atomic_compare_exchange_n(&reached, &before, now, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
  }
}

static int64_t ahead(void) {
  const int64_t *move = slot();
  return move == NULL ? 0 : move[AHEAD];
}

static int64_t monotonic_time(void) { return kernel_time(CLOCK_MONOTONIC) + ahead(); }

int clock_gettime(clockid_t clock, struct timespec *now) {
  switch (clock) {
  case CLOCK_REALTIME:
  case CLOCK_REALTIME_COARSE:
    *now = timespec_of(real_time());
    return 0;
  case CLOCK_MONOTONIC:
  case CLOCK_MONOTONIC_RAW:
  case CLOCK_MONOTONIC_COARSE:
  case CLOCK_BOOTTIME:
    *now = timespec_of(kernel_time(clock) + ahead());
    return 0;
  default: /* times of processors */
    return (int)syscall(SYS_clock_gettime, clock, now);
  }
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  (void)zone;
  int64_t time = real_time();
  *now = (struct timeval){.tv_sec = time / SECOND, .tv_usec = time % SECOND / 1000};
  return 0;
}

time_t time(time_t *now) {
  time_t seconds = real_time() / SECOND;
  if (now != NULL) *now = seconds;
  return seconds;
}

int timespec_get(struct timespec *now, int base) {
  *now = timespec_of(real_time());
  return base;
}

/* Nanoseconds to wait before looking at the clock again. */
static int64_t slice_of(int64_t left) {
  if (left <= 0) return 0;
  return left < MILLISECOND ? MILLISECOND : left > SLICE ? SLICE : left;
}

int epoll_pwait(int epoll, struct epoll_event *events, int room, int timeout, const sigset_t *mask) {
  static int (*next)(int, struct epoll_event *, int, int, const sigset_t *);
  if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "epoll_pwait");
  if (timeout <= 0) return next(epoll, events, room, timeout, mask);
  int64_t end = monotonic_time() + timeout * MILLISECOND;
  for (;;) {
    int64_t slice = slice_of(end - monotonic_time());
    int count = next(epoll, events, room, (int)((slice + MILLISECOND - 1) / MILLISECOND), mask);
    if (count != 0 || slice == 0) return count;
  }
}

int epoll_wait(int epoll, struct epoll_event *events, int room, int timeout) {
  return epoll_pwait(epoll, events, room, timeout, NULL);
}

static clockid_t clock_of(const struct timespec *until) {
  return until->tv_sec >= FIRST_REAL_TIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
}

typedef int wait_until(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);

/* One slice of a wait; `next` waits by the kernel's clock. */
static int wait_slice(wait_until *next, pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                      const struct timespec *until) {
  int64_t start = clock == CLOCK_REALTIME ? real_time() : monotonic_time();
  int64_t slice = slice_of(nanoseconds(until) - start);
  struct timespec end = timespec_of(kernel_time(clock) + slice);
  int result = next(condition, mutex, clock, &end);
  if (result != ETIMEDOUT || slice == 0) return result;
  if (clock == CLOCK_REALTIME) have_waited(nanoseconds(until), start, slice);
  return 0;
}

static int timed_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock, const struct timespec *end) {
  static int (*next)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
  (void)clock; /* it is the condition's own */
  if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
  return next(condition, mutex, end);
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
  return wait_slice(timed_wait, condition, mutex, clock_of(until), until);
}

int pthread_cond_clockwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, clockid_t clock,
                           const struct timespec *restrict until) {
  static wait_until *next;
  if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
  return wait_slice(next, condition, mutex, clock, until);
}
