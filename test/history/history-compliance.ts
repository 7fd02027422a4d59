import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HISTORY_KINDS } from '../../src/history/history-event.ts';
import { type KeyHistory, MOST_ENTRIES } from '../../src/history/key-history.ts';
import { event, KSK, SAMPLES, ZONE, ZSK } from './sample-events.ts';

export interface HistoryUnderTest {
  readonly history: KeyHistory;
  dispose(): void;
}

const ALL = { limit: MOST_ENTRIES } as const;
/** Unix seconds. */
const NOW = 1_790_000_000;

/** What every KeyHistory must do. `maxEvents` is the most that it keeps. */
export function describeHistory(name: string, open: (maxEvents?: number) => HistoryUnderTest): void {
  const check = (title: string, work: (history: KeyHistory) => void, maxEvents?: number): void => {
    it(title, () => {
      const under = open(maxEvents);
      try {
        work(under.history);
      } finally {
        under.dispose();
      }
    });
  };

  describe(`KeyHistory: ${name}`, () => {
    check('is empty at first', (history) => assert.deepEqual(history.read(ALL), []));

    for (const kind of HISTORY_KINDS)
      check(`keeps an event of kind ${kind} whole, with a text`, (history) => {
        const { key: _, ...withoutKey } = event(NOW, SAMPLES[kind], { about: undefined });
        history.record([event(NOW, SAMPLES[kind]), withoutKey]);
        const [first, second] = history.read(ALL);
        assert.deepEqual(first.event, event(NOW, SAMPLES[kind]));
        assert.deepEqual(second.event, withoutKey);
        assert.match(first.text, /^KSK 12345 \(algorithm 13\): \S/);
        assert.equal(first.text.endsWith(second.text), true);
      });

    check('gives events in the order in which they were told, whatever their times', (history) => {
      history.record([event(NOW), event(NOW - 100)]);
      history.record([event(NOW - 50)]);
      assert.deepEqual(
        history.read(ALL).map((entry) => entry.event.at),
        [NOW, NOW - 100, NOW - 50],
      );
      const newest = history.read({ limit: 2, order: 'newest first' });
      assert.deepEqual(
        newest.map((entry) => entry.event.at),
        [NOW - 50, NOW - 100],
      );
    });

    check('finds by zone, view, key, tag, kind and time', (history) => {
      const other = { zone: 'example.net', view: 'inside' };
      history.record([
        event(NOW),
        event(NOW + 1, SAMPLES.goal, { key: ZSK }),
        event(NOW + 2, SAMPLES.goal, { about: other }),
        event(NOW + 3, SAMPLES.start, { about: undefined }),
      ]);
      const times = (query: object): number[] =>
        history.read({ ...ALL, ...query }).map(({ event: { at } }) => at - NOW);
      assert.deepEqual(times({ zone: ZONE.zone }), [0, 1]);
      assert.deepEqual(times({ view: 'inside' }), [2]);
      assert.deepEqual(times({ zone: ZONE.zone, view: 'inside' }), []);
      assert.deepEqual(times({ key: ZSK.id }), [1]);
      assert.deepEqual(times({ tag: KSK.tag }), [0, 2, 3]);
      assert.deepEqual(times({ kinds: ['goal', 'start'] }), [1, 2, 3]);
      assert.deepEqual(times({ kinds: [] }), []);
      assert.deepEqual(times({ since: NOW + 1, until: NOW + 2 }), [1, 2]);
    });

    check('is read in parts without gap or repetition, from either end', (history) => {
      history.record(Array.from({ length: 25 }, (_, i) => event(NOW + i)));
      for (const order of ['oldest first', 'newest first'] as const) {
        const found: number[] = [];
        let after: number | undefined;
        for (let part = 0; part < 10; part++) {
          const entries = history.read({ limit: 10, order, ...(after !== undefined && { after }) });
          found.push(...entries.map((entry) => entry.event.at - NOW));
          if (entries.length === 0) break;
          after = entries.at(-1)!.id;
        }
        const expected = Array.from({ length: 25 }, (_, i) => (order === 'oldest first' ? i : 24 - i));
        assert.deepEqual(found, expected);
      }
    });

    check(
      'drops the oldest beyond its limit and never uses an identifier twice',
      (history) => {
        for (let i = 0; i < 40; i++) history.record(Array.from({ length: 100 }, () => event(NOW + i)));
        const entries = history.read(ALL);
        // Dropping goes in rounds.
        assert.ok(entries.length >= 500 && entries.length <= 1000, `${entries.length} events kept`);
        assert.equal(entries.at(-1)!.id, 4000);
        assert.equal(entries.at(-1)!.event.at, NOW + 39);
        assert.deepEqual(
          entries.map(({ id }) => id),
          entries.map((_, i) => entries[0].id + i),
        );
      },
      500,
    );

    check('refuses a query that asks for nothing or too much', (history) => {
      for (const limit of [0, -1, 1.5, MOST_ENTRIES + 1, NaN]) assert.throws(() => history.read({ limit }), RangeError);
      const kinds = ['rumour'] as unknown as [];
      assert.throws(() => history.read({ ...ALL, kinds }), /rumour is not a kind of event/);
    });

    check('gives back what it was given, whatever the texts', (history) => {
      const texts = fc.string({ unit: 'grapheme', maxLength: 50 });
      const given = fc.array(fc.tuple(texts, texts, texts, fc.nat(NOW)), { minLength: 1, maxLength: 5 });
      fc.assert(
        fc.property(given, (rows) => {
          const before = history.read({ limit: 1, order: 'newest first' })[0]?.id ?? 0;
          const events = rows.map(([what, zone, view, at]) =>
            event(
              at,
              { kind: 'refusal', what: printable(what), reason: printable(zone) },
              {
                about: { zone: printable(zone), view: printable(view) },
              },
            ),
          );
          history.record(events);
          assert.deepEqual(
            history.read({ ...ALL, after: before }).map((entry) => entry.event),
            events,
          );
        }),
        { numRuns: 50 },
      );
    });
  });
}

/** Control characters do not come back: texts are one line. */
const printable = (text: string): string => text.replaceAll(/\p{Cc}|\p{Cs}/gu, '');
