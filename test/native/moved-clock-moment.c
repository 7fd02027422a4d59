/*
 * Waits for ten milliseconds of the real-time clock, as BIND does between two parts of a long task. Exit status 0 when they have passed, within the
 * second in which the program began.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

#define MOMENT 10000000L
#define SECOND 1000000000L

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

int main(void) {
  struct timespec begun, now;
  clock_gettime(CLOCK_REALTIME, &begun);
  if (begun.tv_nsec + MOMENT >= SECOND) return 1;
  struct timespec until = {.tv_sec = begun.tv_sec, .tv_nsec = begun.tv_nsec + MOMENT};
  pthread_mutex_lock(&mutex);
  do {
    pthread_cond_timedwait(&condition, &mutex, &until);
    clock_gettime(CLOCK_REALTIME, &now);
  } while (now.tv_sec == begun.tv_sec && now.tv_nsec < until.tv_nsec);
  pthread_mutex_unlock(&mutex);
  return now.tv_sec == begun.tv_sec ? 0 : 1;
}
