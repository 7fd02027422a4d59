import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { actionEvents } from '../../src/history/action-events.ts';
import { historyText } from '../../src/history/history-text.ts';
import type { KeyAction } from '../../src/policy/plan.ts';
import type { PlannedKey, PlannedState } from '../../src/policy/planned-key.ts';
import { KSK, ZONE } from './sample-events.ts';

const NOW = 1_790_000_000;
const LINE = { role: 'ksk', lifetime: 0, algorithm: 13, bits: 256 } as const;
const STATE: PlannedState = {
  ksk: true,
  zsk: false,
  goal: 'omnipresent',
  dnskey: 'rumoured',
  krrsig: 'rumoured',
  ds: 'hidden',
};
const BEFORE: PlannedKey = {
  id: KSK.id,
  tag: KSK.tag,
  algorithm: 13,
  bits: 256,
  flags: 257,
  times: { publish: NOW - 10 },
  state: STATE,
};

function texts(action: KeyAction, before?: PlannedKey, predecessor?: number): string[] {
  const context = {
    at: NOW,
    about: ZONE,
    key: KSK,
    policy: { name: 'default', purgeKeys: 7200 },
    ...(before && { before }),
    ...(predecessor !== undefined && { predecessor }),
  };
  const events = actionEvents(action, context);
  for (const event of events) assert.deepEqual([event.at, event.about, event.key], [NOW, ZONE, KSK]);
  return events.map((event) => historyText(event).replace('KSK 12345 (algorithm 13): ', ''));
}

describe('history: what a plan did', () => {
  it('a key that is made comes from hidden', () => {
    assert.deepEqual(texts({ kind: 'generate', line: LINE, dnskeyTtl: 3600, times: {}, state: STATE }, undefined, 77), [
      'made for policy default (256 bits), to follow key 77',
      'DNSKEY hidden -> rumoured',
      'key RRSIG hidden -> rumoured',
    ]);
  });

  it('so does one that is taken up', () => {
    assert.deepEqual(
      texts({ kind: 'adopt', key: KSK.id, line: LINE, times: {}, state: { ...STATE, ds: 'omnipresent' } }),
      [
        'taken up by policy default',
        'DNSKEY hidden -> rumoured',
        'key RRSIG hidden -> rumoured',
        'DS hidden -> omnipresent',
      ],
    );
  });

  it('an update tells of goal, states and times that are new, and of nothing else', () => {
    const update = (
      state: PlannedState,
      times: PlannedKey['times'],
      changes: KeyAction & { kind: 'update' },
    ): KeyAction => ({
      ...changes,
      times,
      state,
    });
    const none = { kind: 'update', key: KSK.id, changes: [], times: {}, state: {} } as const;
    assert.deepEqual(texts(update(STATE, BEFORE.times, none), BEFORE), []);
    const changes = [{ record: 'ds', from: 'omnipresent', to: 'unretentive' }] as const;
    const state: PlannedState = { ...STATE, goal: 'hidden', ds: 'unretentive', successor: 78 };
    assert.deepEqual(texts(update(state, { publish: NOW - 10, inactive: NOW }, { ...none, changes }), BEFORE), [
      'is to be withdrawn',
      'DS omnipresent -> unretentive',
      'new times: inactive 2026-09-21T14:13:20Z, successor 78',
    ]);
  });

  it('a purge says how long the key had been forgotten', () => {
    assert.deepEqual(texts({ kind: 'purge', key: KSK.id }), [
      'files removed, 7200 seconds after its last record was gone',
    ]);
  });
});
