/*
 * A thread waits for a condition until a day from now. Another holds the mutex longer than a slice of moved-clock.c lasts, makes the condition
 * hold, signals and lets go: the slice ends while nobody can be woken. Exit status 0 when the waiter has noticed all the same.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int isWaiting, isDone, isNoticed;

static void *wait_for_it(void *clock) {
  struct timespec until;
  clock_gettime((clockid_t)(intptr_t)clock, &until);
  until.tv_sec += 86400;
  pthread_mutex_lock(&mutex);
  isWaiting = 1;
  while (!isDone) {
    if ((intptr_t)clock == CLOCK_REALTIME) pthread_cond_timedwait(&condition, &mutex, &until);
    else pthread_cond_clockwait(&condition, &mutex, CLOCK_MONOTONIC, &until);
  }
  isNoticed = 1;
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static int read_under_mutex(const int *value) {
  pthread_mutex_lock(&mutex);
  int now = *value;
  pthread_mutex_unlock(&mutex);
  return now;
}

static int is_noticed(clockid_t clock) {
  pthread_t thread;
  isWaiting = isDone = isNoticed = 0;
  if (pthread_create(&thread, NULL, wait_for_it, (void *)(intptr_t)clock) != 0) return 0;
  while (!read_under_mutex(&isWaiting)) usleep(1000);
  pthread_mutex_lock(&mutex);
  usleep(100000);
  isDone = 1;
  pthread_cond_signal(&condition);
  pthread_mutex_unlock(&mutex);
  for (int tries = 0; tries < 6000 && !read_under_mutex(&isNoticed); tries++) usleep(10000);
  return read_under_mutex(&isNoticed);
}

int main(void) { return is_noticed(CLOCK_REALTIME) && is_noticed(CLOCK_MONOTONIC) ? 0 : 1; }
