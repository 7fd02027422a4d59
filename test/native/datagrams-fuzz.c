/*
 * Tries native/udp/datagrams.c over loopback with any sizes, any failures of the kernel, any order of calls, built with
 * the sanitizers. The linker puts the functions __wrap_* below between it and the kernel.
 *
 * Promises: no octet outside of the slots is touched; every answer goes to who asked, from the address that was asked,
 * whole and as it was written; every datagram and every answer is accounted for in exactly one counter.
 *
 * Usage: datagrams-fuzz SECONDS SEED. Exit 0 and a line with what was done, or 1 and the promise that was broken.
 */
#include "../../native/udp/datagrams.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 5, MOST_PENDING = 4096, HEADER = 8, LARGEST = 9000 };

#define PROMISE(condition)                                                                                             \
  do {                                                                                                                 \
    if (!(condition)) broken(#condition, __LINE__);                                                                    \
  } while (0)

static uint64_t state;
static unsigned long rounds, datagrams_total, answers_total, failures;
static uint64_t seed;

static void broken(const char *promise, int line) {
  fprintf(stderr, "broken: %s (line %d, seed %llu)\n", promise, line, (unsigned long long)seed);
  exit(1);
}

static uint32_t below(uint32_t limit) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32) % limit;
}

/* ---- a kernel that fails ---- */

static bool kernel_fails;                  /* otherwise the calls go through as they are */
static uint64_t lost_by[3];                /* answers that failed: ENOBUFS or ENOMEM, EMSGSIZE, others */
static uint64_t waited, receive_failed, made_port_zero;

int __real_recvmmsg(int, struct mmsghdr *, unsigned, int, struct timespec *);
int __real_sendmmsg(int, struct mmsghdr *, unsigned, int);

static int fail_with(int error) {
  failures++;
  errno = error;
  return -1;
}

int __wrap_recvmmsg(int socket, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) {
  static const int passing[] = {ENOMEM, ENOBUFS, ECONNREFUSED, EHOSTUNREACH, EMSGSIZE};
  if (!kernel_fails) return __real_recvmmsg(socket, messages, count, flags, timeout);
  switch (below(8)) {
  case 0: return fail_with(EINTR);
  case 1: return fail_with(EAGAIN);
  case 2: return receive_failed++, fail_with(passing[below(5)]);
  case 3: count = 1 + below(count); break;
  }
  int got = __real_recvmmsg(socket, messages, count, flags, timeout);
  for (int i = 0; i < got; i++) {
    if (below(20) != 0 || (messages[i].msg_hdr.msg_flags & MSG_TRUNC)) continue;
    union datagrams_address *peer = messages[i].msg_hdr.msg_name;
    if (peer->any.sa_family == AF_INET) peer->v4.sin_port = 0;
    else peer->v6.sin6_port = 0;
    made_port_zero++;
  }
  return got;
}

int __wrap_sendmmsg(int socket, struct mmsghdr *messages, unsigned count, int flags) {
  if (!kernel_fails) return __real_sendmmsg(socket, messages, count, flags);
  switch (below(12)) {
  case 0: return fail_with(EINTR);
  case 1: return waited++, fail_with(EAGAIN);
  case 2: return lost_by[0]++, fail_with(below(2) ? ENOBUFS : ENOMEM);
  case 3: return lost_by[1]++, fail_with(EMSGSIZE);
  case 4: return lost_by[2]++, fail_with(below(2) ? EPERM : EHOSTUNREACH);
  case 5: return lost_by[2]++, failures++, 0; /* never documented, never seen: it must not be an endless loop */
  case 6: count = 1 + below(count); break;
  }
  return __real_sendmmsg(socket, messages, count, flags);
}

/* ---- clients ---- */

struct client {
  int socket;
  union datagrams_address asked; /* where it sends to */
  uint16_t port;
};

struct sent {
  unsigned client;
  uint32_t length;
  uint32_t answer; /* octets of the answer; 0 is none */
};

static struct sent sent[MOST_PENDING];
static uint32_t sent_count;

/* Octet i of datagram or answer `number`. */
static uint8_t octet(uint32_t number, uint32_t i, uint8_t kind) {
  return (uint8_t)(number * 31 + i * 7 + kind);
}

/* A datagram that is long enough says who sent it; the others are all alike. */
static void fill(uint8_t *octets, uint32_t length, uint32_t number, uint8_t kind) {
  for (uint32_t i = 0; i < length; i++) octets[i] = octet(number, i, kind);
  if (length >= HEADER) {
    memcpy(octets, "fuzz", 4);
    memcpy(octets + 4, &number, 4);
  }
}

static uint32_t check_filled(const uint8_t *octets, uint32_t length, uint8_t kind) {
  uint32_t number;
  PROMISE(memcmp(octets, "fuzz", 4) == 0);
  memcpy(&number, octets + 4, 4);
  PROMISE(number < sent_count);
  for (uint32_t i = HEADER; i < length; i++) PROMISE(octets[i] == octet(number, i, kind));
  return number;
}

static socklen_t size_of(const union datagrams_address *address) {
  return address->any.sa_family == AF_INET ? sizeof address->v4 : sizeof address->v6;
}

static uint16_t port_of(const union datagrams_address *address) {
  return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);
}

static void open_client(struct client *client, const struct datagrams *server, bool any_address) {
  union datagrams_address own;
  socklen_t size = sizeof own;
  memset(&own, 0, sizeof own);
  client->asked = server->local;
  own.any.sa_family = server->local.any.sa_family;
  if (own.any.sa_family == AF_INET) {
    own.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (any_address) client->asked.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + below(200));
  } else {
    own.v6.sin6_addr = in6addr_loopback;
    client->asked.v6.sin6_addr = in6addr_loopback;
  }
  client->socket = socket(own.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  PROMISE(client->socket >= 0);
  int buffer = 1 << 20;
  PROMISE(setsockopt(client->socket, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer) == 0);
  PROMISE(bind(client->socket, &own.any, size_of(&own)) == 0);
  PROMISE(getsockname(client->socket, &own.any, &size) == 0);
  client->port = port_of(&own);
}

static void ask(struct client *clients, uint32_t longest) {
  static uint8_t octets[LARGEST];
  uint32_t number = sent_count++;
  unsigned who = below(CLIENTS);
  sent[number] = (struct sent){.client = who, .length = below(longest + 1)};
  fill(octets, sent[number].length, number, 1);
  PROMISE(sendto(clients[who].socket, octets, sent[number].length, 0, &clients[who].asked.any,
                 size_of(&clients[who].asked)) == (ssize_t)sent[number].length);
  datagrams_total++;
}

/* Returns how many answers came. */
static unsigned long collect(const struct client *client, unsigned who) {
  static uint8_t octets[65536];
  union datagrams_address from;
  socklen_t size = sizeof from;
  unsigned long count = 0;
  ssize_t length;
  while ((length = recvfrom(client->socket, octets, sizeof octets, 0, &from.any, &size)) >= 0) {
    count++;
    size = sizeof from;
    PROMISE(port_of(&from) == port_of(&client->asked));
    if (from.any.sa_family == AF_INET) PROMISE(from.v4.sin_addr.s_addr == client->asked.v4.sin_addr.s_addr);
    if (length < HEADER) continue;
    uint32_t number = check_filled(octets, (uint32_t)length, 2);
    PROMISE(sent[number].client == who);
    PROMISE(sent[number].answer == (uint32_t)length);
    sent[number].answer = 0; /* so that a second one is noticed */
  }
  PROMISE(errno == EAGAIN);
  return count;
}

/* ---- one socket, from opening to closing ---- */

static struct datagrams_memory make_memory(void) {
  struct datagrams_memory m = {.received_size = 1 + below(below(2) ? 64 : 4096),
                               .answer_size = 1 + below(below(2) ? 64 : 4096)};
  m.received_stride = m.received_size + below(3) * 8;
  m.answer_stride = m.answer_size + below(3) * 8;
  /* The last slot ends where the memory ends: an octet more, and the sanitizer sees it. */
  m.received = malloc((DATAGRAMS_CAPACITY - 1) * m.received_stride + m.received_size);
  m.answers = malloc((DATAGRAMS_CAPACITY - 1) * m.answer_stride + m.answer_size);
  m.received_length = malloc(DATAGRAMS_CAPACITY * sizeof *m.received_length);
  m.peers = malloc(DATAGRAMS_CAPACITY * DATAGRAMS_ADDRESS);
  m.peer_length = malloc(DATAGRAMS_CAPACITY);
  m.peer_port = malloc(DATAGRAMS_CAPACITY * sizeof *m.peer_port);
  m.answer_length = malloc(DATAGRAMS_CAPACITY * sizeof *m.answer_length);
  m.counters = calloc(DATAGRAMS_COUNTER_COUNT, sizeof *m.counters);
  return m;
}

static void free_memory(struct datagrams_memory *m) {
  void *parts[] = {m->received, m->answers,   m->received_length, m->peers,
                   m->peer_length, m->peer_port, m->answer_length,   m->counters};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) free(parts[i]);
}

/* Checks a batch and writes answers; returns how many. */
static unsigned long answer(struct datagrams *d, const struct client *clients) {
  struct datagrams_memory *m = &d->memory;
  unsigned long given = 0;
  PROMISE(d->count <= DATAGRAMS_CAPACITY);
  for (unsigned i = 0; i < d->count; i++) {
    const uint8_t *octets = m->received + i * m->received_stride;
    uint32_t number = UINT32_MAX;
    PROMISE(m->received_length[i] <= m->received_size);
    PROMISE(m->answer_length[i] == 0);
    PROMISE(m->peer_length[i] == (d->local.any.sa_family == AF_INET ? 4 : 16));
    unsigned who = 0;
    while (who < CLIENTS && clients[who].port != m->peer_port[i]) who++;
    PROMISE(who < CLIENTS);
    if (m->received_length[i] >= HEADER) {
      number = check_filled(octets, m->received_length[i], 1);
      PROMISE(sent[number].client == who);
      PROMISE(sent[number].length == m->received_length[i]);
    }
    if (below(4) == 0) continue;
    uint32_t length = 1 + below((uint32_t)m->answer_size + (below(10) == 0 ? 10 : 0));
    m->answer_length[i] = length;
    given++;
    if (length > m->answer_size) continue;
    if (number != UINT32_MAX) {
      fill(m->answers + i * m->answer_stride, length, number, 2);
      sent[number].answer = length;
    } else { /* nobody could tell whose it is: too short to say */
      if (length >= HEADER) m->answer_length[i] = HEADER - 1;
      memset(m->answers + i * m->answer_stride, 3, m->answer_length[i]);
    }
  }
  return given;
}

static uint64_t accounted(const struct datagrams *d) {
  const uint64_t *c = d->memory.counters;
  return c[DATAGRAMS_COUNT_received] + c[DATAGRAMS_COUNT_truncated] + c[DATAGRAMS_COUNT_portZero] +
         datagrams_dropped(d);
}

/* A busy kernel may put deliveries off, even over loopback: what is missing gets two seconds. */
static bool wait_for(bool is_missing) {
  static unsigned naps;
  if (!is_missing || naps == 2000) return naps = 0, false;
  naps++;
  usleep(1000);
  return true;
}

static void try_socket(void) {
  static const char *const addresses[] = {"127.0.0.1", "0.0.0.0", "::1", "::"};
  struct client clients[CLIENTS];
  struct datagrams_memory memory = make_memory();
  struct datagrams *d = malloc(sizeof *d);
  struct datagrams_options options = {
      .address = addresses[below(4)], .reuse_port = below(2), .receive_buffer = 1 << 20};
  const char *failed;
  unsigned long given = 0, collected = 0;
  memset(lost_by, 0, sizeof lost_by);
  waited = receive_failed = made_port_zero = sent_count = 0;
  kernel_fails = below(4) != 0;
  PROMISE(datagrams_open(d, &options, &memory, &failed) == 0);
  for (unsigned i = 0; i < CLIENTS; i++) open_client(&clients[i], d, d->any_address);
  while (sent_count < MOST_PENDING - 130 && below(12) != 0) {
    uint32_t longest = (uint32_t)memory.received_size + below(2) * 600;
    if (longest > LARGEST) longest = LARGEST;
    /* So few that the answers fit into the receive buffers of the clients. */
    bool large = longest > 1000 || memory.answer_size > 1000;
    for (unsigned n = below(large ? 40 : 130); n > 0; n--) ask(clients, longest);
    for (unsigned quiet = 0; quiet < 40;) {
      PROMISE(datagrams_receive(d) == 0);
      quiet = d->count == 0 ? quiet + 1 : 0;
      if (quiet == 40 && wait_for(accounted(d) < sent_count)) quiet = 0;
      if (below(100) == 0) continue; /* a handler threw: the batch is dropped */
      given += answer(d, clients);
      bool waits = datagrams_send_answers(d);
      for (unsigned tries = 0; waits; tries++) {
        PROMISE(tries < 10000);
        waits = datagrams_send_waiting(d);
      }
    }
    do
      for (unsigned i = 0; i < CLIENTS; i++) collected += collect(&clients[i], i);
    while (wait_for(collected < memory.counters[DATAGRAMS_COUNT_sent]));
  }
  const uint64_t *c = memory.counters;
  uint64_t too_long = c[DATAGRAMS_COUNT_tooLong] - lost_by[1];
  PROMISE(sent_count == accounted(d));
  PROMISE(c[DATAGRAMS_COUNT_portZero] == made_port_zero);
  PROMISE(c[DATAGRAMS_COUNT_receiveErrors] == receive_failed);
  PROMISE(c[DATAGRAMS_COUNT_sendWaits] == waited);
  PROMISE(c[DATAGRAMS_COUNT_noBuffers] == lost_by[0]);
  PROMISE(c[DATAGRAMS_COUNT_unsendable] == lost_by[2]);
  PROMISE(given == c[DATAGRAMS_COUNT_sent] + lost_by[0] + lost_by[1] + lost_by[2] + too_long);
  PROMISE(collected == c[DATAGRAMS_COUNT_sent]);
  answers_total += collected;
  if (below(2)) { /* closing with a batch at hand */
    ask(clients, 20);
    (void)datagrams_receive(d);
  }
  datagrams_close(d);
  datagrams_close(d);
  for (unsigned i = 0; i < CLIENTS; i++) close(clients[i].socket);
  free_memory(&memory);
  free(d);
}

/* What cannot be opened leaves nothing open and names the call. */
static void try_refusals(void) {
  static const struct {
    const char *address;
    int error;
    const char *call;
  } cases[] = {{"", EINVAL, "getaddrinfo"},
               {"localhost", EINVAL, "getaddrinfo"},
               {"127.0.0.1.1", EINVAL, "getaddrinfo"},
               {"fe80::1%no-such-interface", EINVAL, "getaddrinfo"},
               {"203.0.113.1", EADDRNOTAVAIL, "bind"},
               {"2001:db8::1", EADDRNOTAVAIL, "bind"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct datagrams d;
    struct datagrams_memory memory = make_memory();
    const char *failed;
    PROMISE(datagrams_open(&d, &(struct datagrams_options){.address = cases[i].address}, &memory, &failed) ==
            cases[i].error);
    PROMISE(strcmp(failed, cases[i].call) == 0);
    PROMISE(d.socket == -1);
    free_memory(&memory);
  }
}

/* Single datagrams: any address, any length. */
static void try_single(void) {
  static uint8_t octets[70000];
  struct datagrams d;
  struct datagrams_memory memory = make_memory();
  const char *failed;
  uint64_t total = 0;
  kernel_fails = false;
  PROMISE(datagrams_open(&d, &(struct datagrams_options){.address = "127.0.0.1"}, &memory, &failed) == 0);
  for (int i = 0; i < 200; i++) {
    uint8_t address[4] = {127, 0, 0, (uint8_t)(1 + below(9))};
    if (below(10) == 0) memset(address, 255, sizeof address); /* broadcast is forbidden */
    size_t length = below(2) ? below(500) : below(sizeof octets);
    PROMISE(datagrams_send(&d, octets, length, address, 4, (uint16_t)below(65536)));
  }
  for (int i = 0; i < DATAGRAMS_COUNTER_COUNT; i++) total += memory.counters[i];
  PROMISE(total == 200);
  PROMISE(memory.counters[DATAGRAMS_COUNT_unsendable] > 0 && memory.counters[DATAGRAMS_COUNT_sent] > 0);
  PROMISE(!datagrams_send(&d, octets, 1, octets, 16, 53));
  datagrams_close(&d);
  free_memory(&memory);
}

static int lowest_free_descriptor(void) {
  int descriptor = dup(0);
  PROMISE(descriptor >= 0);
  close(descriptor);
  return descriptor;
}

int main(int count, char **arguments) {
  if (count != 3) return fprintf(stderr, "usage: %s SECONDS SEED\n", arguments[0]), 2;
  time_t end = time(NULL) + atoi(arguments[1]);
  seed = strtoull(arguments[2], NULL, 10);
  state = seed * 2 + 1;
  int lowest = lowest_free_descriptor();
  try_refusals();
  try_single();
  do try_socket();
  while (rounds++, time(NULL) < end);
  PROMISE(lowest_free_descriptor() == lowest);
  printf("%lu sockets, %lu datagrams, %lu answers, %lu failures\n", rounds, datagrams_total, answers_total, failures);
  return 0;
}
