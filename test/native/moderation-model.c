/*
 * moderation.c among clients that are computed: a round costs the thread a fixed part and a part for each datagram, a wait costs
 * something, too. Prints the share of rounds that waited for each kind of clients.
 */
#include "../../native/udp/moderation.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 200000, PAUSE = 100 };

static uint64_t cpu; /* nanoseconds */
static uint64_t clock_now(void) { return cpu; }

#define PROMISE(held)                                                                                                  \
  do {                                                                                                                 \
    if (!(held)) {                                                                                                     \
      fprintf(stderr, "moderation-model.c:%d: does not hold: %s\n", __LINE__, #held);                                  \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)

/* Datagrams that a round finds, after a wait or none. */
typedef uint32_t clients(bool waited, unsigned round);

static uint32_t noise(uint32_t below) { return (uint32_t)rand() % below; }
/* Many ask without regard to answers: who waits finds more. */
static uint32_t many(bool waited, unsigned round) { (void)round; return (waited ? 30 : 8) + noise(5); }
/* Twenty ask and wait for their answers: waiting finds no more than there are. */
static uint32_t few(bool waited, unsigned round) { (void)round; return waited ? 20 : 14 + noise(6); }
/* Hardly anybody asks. */
static uint32_t quiet(bool waited, unsigned round) { (void)waited; (void)round; return 1 + noise(3); }
/* Nobody does: only wake-ups without a datagram. */
static uint32_t none(bool waited, unsigned round) { (void)waited; (void)round; return 0; }
/* Many, then few. */
static uint32_t changing(bool waited, unsigned round) { return round < ROUNDS / 2 ? many(waited, round) : few(waited, round); }

static double share(const char *name, clients *ask, unsigned from) {
  struct moderation m = {0};
  uint64_t counted = 0, waits = 0;
  cpu = 0;
  for (unsigned round = 0; round < ROUNDS; round++) {
    bool waited = moderation_waits(&m);
    uint32_t datagrams = ask(waited, round);
    cpu += 5000 + (waited ? 2000 : 0) + 4000 * (uint64_t)datagrams;
    moderation_round(&m, datagrams, clock_now);
    /* Whoever comes after a silence is not kept waiting. */
    if (datagrams < MODERATION_FEW) PROMISE(!moderation_waits(&m));
    if (round >= from) counted++, waits += waited;
  }
  double found = (double)waits / (double)counted;
  printf("%s %.3f\n", name, found);
  return found;
}

int main(void) {
  srand(1);
  PROMISE(share("many", many, 0) > 0.9);
  PROMISE(share("few", few, 0) < 0.1);
  PROMISE(share("quiet", quiet, 0) == 0);
  PROMISE(share("none", none, 0) == 0);
  PROMISE(share("changing", changing, ROUNDS / 2 + 4 * MODERATION_TERM) < 0.1);
  return 0;
}
