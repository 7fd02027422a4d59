/*
 * Loaded before the C library (LD_PRELOAD): a sendmmsg whose send buffer is full three times out of four, and which
 * takes one datagram at a time else. So module.c waits for the socket to become writable all the time.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

int sendmmsg(int socket, struct mmsghdr *messages, unsigned count, int flags) {
  static int (*real)(int, struct mmsghdr *, unsigned, int);
  static unsigned calls;
  if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "sendmmsg");
  if (count == 0 || ++calls % 4 == 0) return real(socket, messages, count > 0 ? 1 : 0, flags);
  errno = EAGAIN;
  return -1;
}
