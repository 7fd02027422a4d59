import type { HistoryEvent, HistoryZone } from '../history/history-event.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { ParentAnswer } from './asked-parent.ts';
import { historyKey } from './managed-key.ts';

/** Tells the history what servers of a parent answer, when it is another answer than before. */
export class ParentNews {
  readonly #about: HistoryZone;
  readonly #told = new Map<string, string>();

  constructor(about: HistoryZone) {
    this.#about = about;
  }

  /** What is new in a report. Answers of servers that are not in it any more are forgotten. */
  eventsOf(report: readonly ParentAnswer[], pairs: readonly KeyPair[]): HistoryEvent[] {
    const events: HistoryEvent[] = [];
    const seenNow = new Set<string>();
    const tell = (id: string, text: string, event: HistoryEvent): void => {
      seenNow.add(id);
      if (this.#told.get(id) === text) return;
      this.#told.set(id, text);
      events.push(event);
    };
    for (const { agent, at, fault, has } of report) {
      const head = { kind: 'ds', at, about: this.#about, agent } as const;
      if (fault !== undefined) {
        tell(agent, fault, { ...head, seen: 'no answer', detail: fault });
        continue;
      }
      for (const [id, isThere] of has) {
        const pair = pairs.find(({ fileBase }) => fileBase === id);
        const seen = isThere ? 'present' : 'absent';
        if (pair !== undefined) tell(`${agent} ${id}`, seen, { ...head, key: historyKey(pair), seen });
      }
    }
    for (const id of this.#told.keys()) if (!seenNow.has(id)) this.#told.delete(id);
    return events;
  }
}
