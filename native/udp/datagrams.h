/*
 * Batches of UDP datagrams over one bound socket: recvmmsg(2) in, sendmmsg(2) out. Plain C on Linux, without Node.js,
 * so that it can be built and tried alone; module.c puts it before JavaScript.
 *
 * The life of a batch:
 *
 *     datagrams_receive      kernel -> received slots, and who sent them
 *     (the caller reads them and writes its answers into the answer slots)
 *     datagrams_send_answers answer slots -> kernel; again when the socket is writable, as long as it returns true
 *
 * Nothing is allocated after datagrams_open: each datagram of a batch has one slot in arrays of fixed size.
 */
#ifndef SIGNET_DATAGRAMS_H
#define SIGNET_DATAGRAMS_H

#define _GNU_SOURCE /* recvmmsg, sendmmsg, in6_pktinfo */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Datagrams in a batch at most: with more, system calls hardly get cheaper, and the batch leaves the cache. */
enum { DATAGRAMS_CAPACITY = 64 };

/* Octets of an address slot in `peers`. */
enum { DATAGRAMS_ADDRESS = 16 };

/* What happened so far. The names that JavaScript sees are in the list, too. */
#define DATAGRAMS_COUNTERS(COUNTER)                                                                                    \
  COUNTER(received)      /* handed to the caller */                                                                    \
  COUNTER(truncated)     /* dropped: longer than a slot */                                                             \
  COUNTER(portZero)      /* dropped: from port 0, where no answer can go */                                            \
  COUNTER(pauses)        /* rounds that waited for more to come */                                                     \
  COUNTER(receiveErrors) /* recvmmsg failed for a reason that passes */                                                \
  COUNTER(sent)          /* taken by the kernel */                                                                     \
  COUNTER(sendWaits)     /* the send buffer was full: what was left waited until the socket was writable */            \
  COUNTER(sendFull)      /* lost: a single datagram while the send buffer was full */                                  \
  COUNTER(noBuffers)     /* lost: ENOBUFS or ENOMEM, the device's queue is full */                                     \
  COUNTER(tooLong)       /* lost: EMSGSIZE, or longer than an answer slot */                                           \
  COUNTER(unsendable)    /* lost: no route, forbidden by a filter, or another error */

#define DATAGRAMS_COUNTER_INDEX(name) DATAGRAMS_COUNT_##name,
enum { DATAGRAMS_COUNTERS(DATAGRAMS_COUNTER_INDEX) DATAGRAMS_COUNTER_COUNT };

/*
 * Memory that the caller owns, for DATAGRAMS_CAPACITY datagrams each. It must stay where it is until the socket is
 * closed. Slot i of `received` and `answers` begins at i times the stride.
 */
struct datagrams_memory {
  uint8_t *received;
  size_t received_stride;
  size_t received_size; /* octets of a slot that may be written */
  uint32_t *received_length;
  uint8_t *peers;       /* DATAGRAMS_ADDRESS octets each; IPv4 in the first four */
  uint8_t *peer_length; /* 4 or 16 */
  uint16_t *peer_port;
  uint8_t *answers;
  size_t answer_stride;
  size_t answer_size;
  uint32_t *answer_length; /* 0: no answer */
  uint64_t *counters;      /* DATAGRAMS_COUNTER_COUNT of them */
};

union datagrams_address {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
};

/* Room for one IP_PKTINFO or IPV6_PKTINFO, aligned as cmsg(3) asks. */
struct datagrams_control {
  _Alignas(struct cmsghdr) uint8_t octets[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct datagrams {
  int socket; /* -1: closed */
  union datagrams_address local;
  bool any_address; /* bound to 0.0.0.0 or ::, so the address that was asked must be kept for each datagram */
  bool more;        /* the last receive filled the batch: there may be more to read at once */
  unsigned count;   /* datagrams in the batch */
  unsigned answers; /* entries of `out`, of which those before `unsent` are done with */
  unsigned unsent;
  struct datagrams_memory memory;
  union datagrams_address peer[DATAGRAMS_CAPACITY];
  struct datagrams_control control[DATAGRAMS_CAPACITY];
  struct mmsghdr in[DATAGRAMS_CAPACITY];
  struct iovec in_octets[DATAGRAMS_CAPACITY];
  struct mmsghdr out[DATAGRAMS_CAPACITY];
  struct iovec out_octets[DATAGRAMS_CAPACITY];
};

struct datagrams_options {
  const char *address; /* presentation form; "%interface" behind an IPv6 address that is link-local */
  uint16_t port;       /* 0: any free port */
  bool reuse_port;     /* SO_REUSEPORT: the kernel spreads the clients over all sockets of the address */
  int receive_buffer;  /* SO_RCVBUF in octets; 0 is the system's default */
};

/*
 * Opens and binds a socket that does not block. An IPv6 socket takes no IPv4.
 * Returns 0, or an errno with *failed naming the call; then nothing is left open.
 */
int datagrams_open(struct datagrams *, const struct datagrams_options *, const struct datagrams_memory *,
                   const char **failed);

/* Closes the socket; what waits to be sent is lost. Closing twice is harmless. */
void datagrams_close(struct datagrams *);

/*
 * Receives one batch without waiting and sets all answer lengths of it to 0. No answer may be waiting.
 * Returns 0 with `count` datagrams in the batch (none: nothing to read), or an errno when the socket is of no use.
 */
int datagrams_receive(struct datagrams *);

/* Takes the answers of the batch. Returns true when some wait for the socket to become writable. */
bool datagrams_send_answers(struct datagrams *);

/* Goes on with the answers that waited. Returns as datagrams_send_answers. */
bool datagrams_send_waiting(struct datagrams *);

/*
 * Sends one datagram outside of a batch, without waiting. `address_length` is that of the socket's family, 4 or 16.
 * Whatever fails is counted, as UDP may lose it anyway. Returns false only when the address is of the other family.
 */
bool datagrams_send(struct datagrams *, const uint8_t *octets, size_t length, const uint8_t *address,
                    size_t address_length, uint16_t port);

/* Datagrams that the kernel dropped because the receive buffer was full; 0 where the kernel cannot tell. */
uint64_t datagrams_dropped(const struct datagrams *);

#endif
