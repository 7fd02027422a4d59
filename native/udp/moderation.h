/*
 * Whether to wait a moment before a socket is read, so that more datagrams share one round of system calls, one call into
 * JavaScript and one waking of each client: what network cards call interrupt moderation. It pays when many clients ask at once,
 * and costs CPU when the few who ask all wait for their answers. So it has to prove itself: rounds go on as the CPU time of a
 * datagram is least, and for a short time now and then in the other way, to know what that costs.
 */
#ifndef SIGNET_MODERATION_H
#define SIGNET_MODERATION_H

#include <stdbool.h>
#include <stdint.h>

/* CPU time of the thread in nanoseconds; read once a phase. */
typedef uint64_t moderation_clock(void);

/* All zero is the beginning. */
struct moderation {
  bool prefers;       /* waiting is what costs less */
  bool tries;         /* this phase is a short one, in the way that is not preferred */
  uint32_t rounds;    /* of this phase so far */
  uint32_t datagrams; /* in them */
  uint32_t last;      /* datagrams of the last round */
  uint64_t began;     /* CPU time at the beginning of the phase */
  double cost[2];     /* nanoseconds a datagram without and with waiting; 0: not known */
};

enum {
  MODERATION_TRIED = 256, /* rounds of a short phase */
  MODERATION_TERM = 8192, /* rounds of a long phase; the first one is short, too */
  MODERATION_FEW = 4      /* datagrams a round: with fewer nobody waits */
};

/* True when the next round should wait before it reads. */
bool moderation_waits(const struct moderation *);

/* Takes down how many datagrams a round has brought. */
void moderation_round(struct moderation *, uint32_t datagrams, moderation_clock *);

#endif
