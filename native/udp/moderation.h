/*
 * Whether to wait a moment before a socket is read, so that more datagrams share one round of system calls, one call into
 * JavaScript and one waking of each client: what network cards call interrupt moderation. It pays when many clients ask at once,
 * and costs CPU when the few who ask all wait for their answers. So it has to prove itself: the CPU time of a datagram is
 * measured without waiting, then with, and waiting goes on only where it is less.
 *
 *     measure --few datagrams--> rest (no waiting) --.
 *        |                        ^                  |
 *        '--many--> try ----------+--not worth it    +--> measure
 *                    |                               |
 *                    '--worth it--> wait ------------'
 */
#ifndef SIGNET_MODERATION_H
#define SIGNET_MODERATION_H

#include <stdbool.h>
#include <stdint.h>

enum moderation_phase { MODERATION_MEASURE, MODERATION_TRY, MODERATION_REST, MODERATION_WAIT };

/* CPU time of the thread in nanoseconds; read once a phase. */
typedef uint64_t moderation_clock(void);

/* All zero is the beginning. */
struct moderation {
  enum moderation_phase phase;
  uint32_t rounds;    /* of this phase so far */
  uint32_t datagrams; /* in them */
  uint32_t last;      /* datagrams of the last round */
  uint64_t began;     /* CPU time at the beginning of the phase */
  double plain;       /* nanoseconds a datagram without waiting */
};

enum {
  MODERATION_MEASURED = 256, /* rounds that are measured, and tried */
  MODERATION_TERM = 8192,    /* rounds that a finding holds for */
  MODERATION_FEW = 4         /* datagrams a round: with fewer nobody waits */
};

/* True when the next round should wait before it reads. */
bool moderation_waits(const struct moderation *);

/* Takes down how many datagrams a round has brought. */
void moderation_round(struct moderation *, uint32_t datagrams, moderation_clock *);

#endif
