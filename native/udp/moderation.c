#include "moderation.h"

/* What waiting must leave of the CPU time of a datagram: less is gained than a client loses by the delay. */
static const double WORTH = 0.97;

bool moderation_waits(const struct moderation *m) {
  /* When the clients fall silent, the next of them must not be kept waiting by a finding about others. */
  return (m->phase == MODERATION_TRY || m->phase == MODERATION_WAIT) && m->last >= MODERATION_FEW;
}

static void begin(struct moderation *m, enum moderation_phase phase, uint64_t now) {
  m->phase = phase;
  m->rounds = m->datagrams = 0;
  m->began = now;
}

void moderation_round(struct moderation *m, uint32_t datagrams, moderation_clock *clock) {
  bool brief = m->phase == MODERATION_MEASURE || m->phase == MODERATION_TRY;
  m->last = datagrams;
  m->rounds++;
  m->datagrams += datagrams;
  if (m->rounds < (brief ? MODERATION_MEASURED : MODERATION_TERM)) return;
  uint64_t now = clock();
  double each = (double)(now - m->began) / (m->datagrams + 1);
  switch (m->phase) {
  case MODERATION_MEASURE:
    m->plain = each;
    begin(m, m->datagrams < MODERATION_FEW * MODERATION_MEASURED ? MODERATION_REST : MODERATION_TRY, now);
    return;
  case MODERATION_TRY:
    begin(m, each < WORTH * m->plain ? MODERATION_WAIT : MODERATION_REST, now);
    return;
  case MODERATION_REST:
  case MODERATION_WAIT:
    begin(m, MODERATION_MEASURE, now);
    return;
  }
}
