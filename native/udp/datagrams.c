#include "datagrams.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT(d, name) ((d)->memory.counters[DATAGRAMS_COUNT_##name]++)
#define COUNT_MANY(d, name, n) ((d)->memory.counters[DATAGRAMS_COUNT_##name] += (n))

static socklen_t address_size(int family) {
  return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* ---- opening ---- */

static int parse_address(const struct datagrams_options *options, union datagrams_address *out) {
  /* getaddrinfo and not inet_pton: it knows "fe80::1%eth0". The flags keep it from asking anybody. */
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_DGRAM};
  struct addrinfo *found;
  char port[6];
  snprintf(port, sizeof port, "%u", options->port);
  if (getaddrinfo(options->address, port, &hints, &found) != 0) return EINVAL;
  int family = found->ai_family;
  if (family == AF_INET || family == AF_INET6) memcpy(out, found->ai_addr, address_size(family));
  freeaddrinfo(found);
  return family == AF_INET || family == AF_INET6 ? 0 : EAFNOSUPPORT;
}

static int set_option(int socket, int level, int name, int value) {
  return setsockopt(socket, level, name, &value, sizeof value) == 0 ? 0 : errno;
}

static int set_options(struct datagrams *d, const struct datagrams_options *options) {
  int error = 0;
  bool v6 = d->local.any.sa_family == AF_INET6;
  if (options->reuse_port) error = set_option(d->socket, SOL_SOCKET, SO_REUSEPORT, 1);
  if (!error && options->receive_buffer > 0)
    error = set_option(d->socket, SOL_SOCKET, SO_RCVBUF, options->receive_buffer);
  if (!error && v6) error = set_option(d->socket, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  /* Forged ICMP messages must not make us send small fragments, in which an attacker can plant octets: the path MTU
     that ICMP reports is ignored, as in BIND and Knot. */
  if (!error && v6) error = set_option(d->socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
  if (!error && !v6) error = set_option(d->socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
  /* A socket bound to one address sends from it by itself; only the others pay for PKTINFO. */
  if (!error && d->any_address)
    error = v6 ? set_option(d->socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1)
               : set_option(d->socket, IPPROTO_IP, IP_PKTINFO, 1);
  return error;
}

/* recvmmsg shortens the lengths of a slot to what it used, and the answer needs those: they are set again after it. */
static void prepare_slot(struct datagrams *d, unsigned i) {
  struct msghdr *message = &d->in[i].msg_hdr;
  message->msg_namelen = sizeof d->peer[i];
  message->msg_controllen = d->any_address ? sizeof d->control[i] : 0;
}

static void prepare_slots(struct datagrams *d) {
  for (unsigned i = 0; i < DATAGRAMS_CAPACITY; i++) {
    struct msghdr *in = &d->in[i].msg_hdr, *out = &d->out[i].msg_hdr;
    d->in_octets[i].iov_base = d->memory.received + i * d->memory.received_stride;
    d->in_octets[i].iov_len = d->memory.received_size;
    in->msg_name = &d->peer[i];
    in->msg_control = d->any_address ? &d->control[i] : NULL;
    in->msg_iov = &d->in_octets[i];
    out->msg_iov = &d->out_octets[i];
    in->msg_iovlen = out->msg_iovlen = 1;
    prepare_slot(d, i);
  }
}

static int open_socket(struct datagrams *d, const struct datagrams_options *options, const char **failed) {
  int family = d->local.any.sa_family;
  socklen_t size = sizeof d->local;
  *failed = "socket";
  d->socket = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (d->socket < 0) return errno;
  *failed = "setsockopt";
  int error = set_options(d, options);
  if (error) return error;
  *failed = "bind";
  if (bind(d->socket, &d->local.any, address_size(family)) != 0) return errno;
  *failed = "getsockname";
  return getsockname(d->socket, &d->local.any, &size) == 0 ? 0 : errno;
}

int datagrams_open(struct datagrams *d, const struct datagrams_options *options, const struct datagrams_memory *memory,
                   const char **failed) {
  memset(d, 0, sizeof *d);
  d->socket = -1;
  d->memory = *memory;
  *failed = "getaddrinfo";
  int error = parse_address(options, &d->local);
  if (error) return error;
  d->any_address = d->local.any.sa_family == AF_INET ? d->local.v4.sin_addr.s_addr == htonl(INADDR_ANY)
                                                     : IN6_IS_ADDR_UNSPECIFIED(&d->local.v6.sin6_addr);
  error = open_socket(d, options, failed);
  if (error) datagrams_close(d);
  else prepare_slots(d);
  return error;
}

void datagrams_close(struct datagrams *d) {
  if (d->socket >= 0) close(d->socket);
  d->socket = -1;
  d->count = d->answers = d->unsent = 0;
}

/* ---- receiving ---- */

static void end_batch(struct datagrams *d) {
  for (unsigned i = 0; i < d->count; i++) prepare_slot(d, i);
  d->count = d->answers = d->unsent = 0;
}

static uint16_t peer_port(const struct datagrams *d, unsigned i) {
  return ntohs(d->peer[i].any.sa_family == AF_INET ? d->peer[i].v4.sin_port : d->peer[i].v6.sin6_port);
}

/* True when datagram i can be judged and answered. */
static bool is_usable(struct datagrams *d, unsigned i) {
  /* The kernel cut off what did not fit: nobody can tell what the rest said, so no answer would be right. */
  if (d->in[i].msg_hdr.msg_flags & MSG_TRUNC) return COUNT(d, truncated), false;
  if (peer_port(d, i) == 0) return COUNT(d, portZero), false;
  return true;
}

/* The last datagram takes the slot of one that is dropped: UDP promises no order. */
static void move_datagram(struct datagrams *d, unsigned from, unsigned to) {
  memcpy(d->in_octets[to].iov_base, d->in_octets[from].iov_base, d->in[from].msg_len);
  d->in[to].msg_len = d->in[from].msg_len;
  d->in[to].msg_hdr.msg_flags = d->in[from].msg_hdr.msg_flags;
  d->in[to].msg_hdr.msg_controllen = d->in[from].msg_hdr.msg_controllen;
  d->peer[to] = d->peer[from];
  d->control[to] = d->control[from];
}

static void describe_datagram(struct datagrams *d, unsigned i) {
  const struct datagrams_memory *m = &d->memory;
  const union datagrams_address *peer = &d->peer[i];
  uint8_t *address = m->peers + i * DATAGRAMS_ADDRESS;
  bool v4 = peer->any.sa_family == AF_INET;
  if (v4) memcpy(address, &peer->v4.sin_addr, 4);
  else memcpy(address, &peer->v6.sin6_addr, 16);
  m->peer_length[i] = v4 ? 4 : 16;
  m->peer_port[i] = peer_port(d, i);
  m->received_length[i] = d->in[i].msg_len;
  m->answer_length[i] = 0;
}

/* Errors that say nothing about the socket itself: the next call may succeed. */
static bool passes(int error) {
  switch (error) {
  case ENOMEM: case ENOBUFS: case ECONNREFUSED: case EHOSTUNREACH: case ENETUNREACH: case ENETDOWN: case EHOSTDOWN:
  case EMSGSIZE: case EPROTO: case ENOPROTOOPT: case EOPNOTSUPP: case EACCES: case EPERM:
    return true;
  default:
    return false;
  }
}

int datagrams_receive(struct datagrams *d) {
  end_batch(d);
  d->more = false;
  int got;
  do got = recvmmsg(d->socket, d->in, DATAGRAMS_CAPACITY, MSG_DONTWAIT, NULL);
  while (got < 0 && errno == EINTR);
  if (got < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (!passes(errno)) return errno;
    COUNT(d, receiveErrors);
    return 0;
  }
  unsigned used = (unsigned)got, count = used;
  d->more = used == DATAGRAMS_CAPACITY;
  for (unsigned i = 0; i < count;) {
    if (is_usable(d, i)) describe_datagram(d, i++);
    else if (i != --count) move_datagram(d, count, i);
  }
  COUNT_MANY(d, received, count);
  d->count = count;
  for (unsigned i = count; i < used; i++) prepare_slot(d, i); /* the others when the batch ends */
  return 0;
}

/* ---- sending ---- */

/*
 * The source of answer i is the address that was asked. The kernel reads the control octets for sending in the form it
 * wrote them: ipi_spec_dst and ipi6_addr are then the source.
 */
static size_t answer_control(struct datagrams *d, unsigned i) {
  struct msghdr *received = &d->in[i].msg_hdr;
  struct cmsghdr *header = d->any_address ? CMSG_FIRSTHDR(received) : NULL;
  if (header == NULL) return 0;
  if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
    struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(header);
    info->ipi_ifindex = 0; /* the way back is the routing table's choice, not the interface it came in by */
    return received->msg_controllen;
  }
  if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
    struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(header);
    if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr)) info->ipi6_ifindex = 0; /* link-local means nothing without it */
    return received->msg_controllen;
  }
  return 0;
}

static void add_answer(struct datagrams *d, unsigned i, uint32_t length) {
  unsigned k = d->answers++;
  struct msghdr *message = &d->out[k].msg_hdr;
  d->out_octets[k].iov_base = d->memory.answers + i * d->memory.answer_stride;
  d->out_octets[k].iov_len = length;
  message->msg_name = &d->peer[i];
  message->msg_namelen = d->in[i].msg_hdr.msg_namelen;
  message->msg_controllen = answer_control(d, i);
  message->msg_control = message->msg_controllen > 0 ? &d->control[i] : NULL;
}

static void count_failure(struct datagrams *d, int error) {
  if (error == ENOBUFS || error == ENOMEM) COUNT(d, noBuffers);
  else if (error == EMSGSIZE) COUNT(d, tooLong);
  else COUNT(d, unsendable);
}

bool datagrams_send_answers(struct datagrams *d) {
  for (unsigned i = 0; i < d->count; i++) {
    uint32_t length = d->memory.answer_length[i];
    if (length > d->memory.answer_size) COUNT(d, tooLong);
    else if (length > 0) add_answer(d, i, length);
  }
  return datagrams_send_waiting(d);
}

bool datagrams_send_waiting(struct datagrams *d) {
  while (d->unsent < d->answers) {
    int sent = sendmmsg(d->socket, d->out + d->unsent, d->answers - d->unsent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      COUNT_MANY(d, sent, (unsigned)sent);
      d->unsent += (unsigned)sent;
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      COUNT(d, sendWaits);
      return true;
    }
    /* sendmmsg(2) fails only when the first datagram does: that one is lost, the others go on. */
    count_failure(d, sent < 0 ? errno : EIO);
    d->unsent++;
  }
  end_batch(d);
  return false;
}

bool datagrams_send(struct datagrams *d, const uint8_t *octets, size_t length, const uint8_t *address,
                    size_t address_length, uint16_t port) {
  union datagrams_address to;
  memset(&to, 0, sizeof to);
  int family = d->local.any.sa_family;
  if (address_length != (family == AF_INET ? 4 : 16)) return false;
  to.any.sa_family = (sa_family_t)family;
  if (family == AF_INET) {
    to.v4.sin_port = htons(port);
    memcpy(&to.v4.sin_addr, address, 4);
  } else {
    to.v6.sin6_port = htons(port);
    memcpy(&to.v6.sin6_addr, address, 16);
    /* Sixteen octets do not say which link is meant; the socket's own is the only one it can reach. */
    if (IN6_IS_ADDR_LINKLOCAL(&to.v6.sin6_addr)) to.v6.sin6_scope_id = d->local.v6.sin6_scope_id;
  }
  ssize_t sent;
  do sent = sendto(d->socket, octets, length, MSG_DONTWAIT | MSG_NOSIGNAL, &to.any, address_size(family));
  while (sent < 0 && errno == EINTR);
  if (sent >= 0) COUNT(d, sent);
  else if (errno == EAGAIN || errno == EWOULDBLOCK) COUNT(d, sendFull);
  else count_failure(d, errno);
  return true;
}

uint64_t datagrams_dropped(const struct datagrams *d) {
  uint32_t values[SK_MEMINFO_VARS];
  socklen_t size = sizeof values;
  if (getsockopt(d->socket, SOL_SOCKET, SO_MEMINFO, values, &size) != 0) return 0;
  return size > SK_MEMINFO_DROPS * sizeof values[0] ? values[SK_MEMINFO_DROPS] : 0;
}
