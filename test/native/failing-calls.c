/*
 * Loaded before the C library (LD_PRELOAD), a kernel that fails as the environment says:
 *
 *     FAIL=send      the send buffer is full three times out of four, and takes one datagram at a time else, so that
 *                    module.c waits for the socket to become writable all the time
 *     FAIL=receive   the second call finds that the descriptor is none
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int fails(const char *what) {
  const char *wanted = getenv("FAIL");
  return wanted != NULL && strcmp(wanted, what) == 0;
}

int sendmmsg(int socket, struct mmsghdr *messages, unsigned count, int flags) {
  static int (*real)(int, struct mmsghdr *, unsigned, int);
  static unsigned calls;
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "sendmmsg");
  if (!fails("send")) return real(socket, messages, count, flags);
  if (count > 0 && ++calls % 4 == 0) return real(socket, messages, 1, flags);
  errno = EAGAIN;
  return -1;
}

int recvmmsg(int socket, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) {
  static int (*real)(int, struct mmsghdr *, unsigned, int, struct timespec *);
  static unsigned calls;
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "recvmmsg");
  if (!fails("receive") || ++calls != 2) return real(socket, messages, count, flags, timeout);
  errno = EBADF;
  return -1;
}
