#include "moderation.h"

/* What waiting must leave of the CPU time of a datagram: less is gained than a client loses by the delay. */
static const double WORTH = 0.97;

bool moderation_waits(const struct moderation *m) {
  /* When the clients fall silent, the next of them must not be kept waiting by a finding about others. */
  return m->prefers != m->tries && m->last >= MODERATION_FEW;
}

/* A long phase says what its way costs; a short one may err, so half of what was known before stays. */
static void learn(struct moderation *m, double found) {
  double *known = &m->cost[m->prefers != m->tries];
  *known = *known == 0 || !m->tries ? found : (*known + found) / 2;
}

void moderation_round(struct moderation *m, uint32_t datagrams, moderation_clock *clock) {
  bool is_first = m->cost[0] == 0;
  m->last = datagrams;
  m->rounds++;
  m->datagrams += datagrams;
  if (m->rounds < (m->tries || is_first ? MODERATION_TRIED : MODERATION_TERM)) return;
  uint64_t now = clock();
  bool few = m->datagrams < MODERATION_FEW * m->rounds;
  if (few) m->prefers = m->tries = false;
  else {
    if (m->began != 0) learn(m, (double)(now - m->began) / m->datagrams);
    m->tries = !m->tries && m->cost[0] != 0;
    if (m->cost[1] != 0) {
      bool prefers = m->cost[1] < WORTH * m->cost[0];
      /* What has turned out dearer in a long phase is not tried at once again in a short one. */
      if (prefers != m->prefers) m->tries = false;
      m->prefers = prefers;
    }
  }
  m->rounds = m->datagrams = 0;
  m->began = now;
}
