import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { keyTag, tagOfOtherRevocation } from '../../src/crypto/key-tag.ts';
import { KeyActions } from '../../src/daemon/key-actions.ts';
import { ServerHistory } from '../../src/daemon/server-history.ts';
import { type KeyHistory, noHistory } from '../../src/history/key-history.ts';
import { MemoryHistory } from '../../src/history/memory-history.ts';
import { FileKeyStore } from '../../src/keys/file-key-store.ts';
import type { KeyAction } from '../../src/policy/plan.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { MemoryDisk } from '../base/memory-disk.ts';
import { START } from './keeper-fixture.ts';

const APEX = mustName('example.');
const [LINE] = DEFAULT_POLICY.keys;
const GENERATE: KeyAction = {
  kind: 'generate',
  line: LINE,
  dnskeyTtl: 300,
  times: { created: START },
  state: { goal: 'omnipresent', ksk: true, zsk: true },
};

function open(): { actions: KeyActions; store: FileKeyStore; log: MemoryLog; history: MemoryHistory } {
  const disk = new MemoryDisk();
  disk.makeDirectory('/keys');
  const log = new MemoryLog();
  const clock = new SimulatedClock(START);
  const store = new FileKeyStore({ directory: '/keys' }, { disk, clock, log });
  const history = new MemoryHistory();
  const about = { zone: 'example', view: '_default' };
  const actions = new KeyActions(
    { apex: APEX, label: 'example/IN', about, policy: DEFAULT_POLICY },
    { keyStore: store, log, history },
  );
  return { actions, store, log, history };
}

/** DNSKEY RDATA with this tag. */
function dnskeyWithTag(tag: number): Uint8Array {
  const rdata = Uint8Array.of(1, 1, 3, 13, 0, 0);
  for (let value = 0; value < 65_536; value++) {
    rdata[4] = value >> 8;
    rdata[5] = value & 0xff;
    if (keyTag(rdata) === tag) return rdata.slice();
  }
  throw new Error(`no key has the tag ${tag}`);
}

test('S-210 (part) a new key keeps clear of keys that the zone shows and that are nowhere here, revoked or not', () => {
  const { actions, log } = open();
  const shown = Array.from({ length: 192 }, (_, i) => dnskeyWithTag(i * 256 + 77));
  const tags = new Set(shown.flatMap((rdata) => [keyTag(rdata), tagOfOtherRevocation(rdata)]));
  for (let i = 0; i < 20; i++) {
    const [pair] = actions.carryOut([GENERATE], [], shown, START);
    assert.ok(!tags.has(pair.tag));
    assert.ok(!tags.has(tagOfOtherRevocation(pair.dnskey)));
  }
  assert.ok(log.records.every(({ text }) => !text.includes('collision') || /^keymgr: key collision id \d+/.test(text)));
});

test('S-209 (part) a tag that relations of other keys name is not given again', () => {
  const { actions, store } = open();
  const [first] = actions.carryOut([GENERATE], [], [], START);
  const related = Array.from({ length: 32_768 }, (_, i) => ({ ...first, predecessor: 2 * i, successor: 2 * i + 1 }));
  assert.throws(() => actions.carryOut([GENERATE], related, [], START), { code: 'KEY_TAGS_EXHAUSTED' });
  assert.equal(store.list(APEX).keys.length, 1);
});

test('S-058 (part) S-082 (part) what is made, followed and purged is in files, log and history', () => {
  const { actions, store, log, history } = open();
  const [first] = actions.carryOut([GENERATE], [], [], START);
  const successor: KeyAction = { ...GENERATE, predecessor: first.fileBase };
  const [, second] = actions.carryOut([successor], [first], [], START + 5);
  assert.equal(second.predecessor, first.tag);
  assert.equal(store.list(APEX).keys.find(({ tag }) => tag === second.tag)!.predecessor, first.tag);
  const left = actions.carryOut([{ kind: 'purge', key: first.fileBase }], [first, second], [], START + 9);
  assert.deepEqual(left, [second]);
  assert.deepEqual(
    store.list(APEX).keys.map(({ tag }) => tag),
    [second.tag],
  );
  assert.ok(
    log.records.some(({ text }) =>
      /^keymgr: purge DNSKEY example\/\S+ \(CSK\) according to policy default$/.test(text),
    ),
  );
  const kinds = history.read({ limit: 10 }).map(({ event }) => event.kind);
  assert.deepEqual(kinds, ['generate', 'generate', 'purge']);
});

test('a server that tells nothing has no history; the first event opens it, and start and end stand around', () => {
  const kept: string[] = [];
  let opened = 0;
  const clock = new SimulatedClock(START);
  const open_ = (): KeyHistory => {
    opened++;
    return { ...noHistory, record: (events) => void kept.push(...events.map(({ kind }) => kind)) };
  };
  const idle = new ServerHistory({ version: '1' }, { clock, open: open_ });
  idle.record([]);
  idle[Symbol.dispose]();
  assert.equal(opened, 0);
  const busy = new ServerHistory({ version: '1' }, { clock, open: open_ });
  const about = { zone: 'example', view: '_default' };
  for (const serial of [1, 2]) busy.record([{ kind: 'publish', at: START, about, serial, what: 'x' }]);
  busy[Symbol.dispose]();
  assert.equal(opened, 1);
  assert.deepEqual(kept, ['start', 'publish', 'publish', 'stop']);
  // Switched off: nothing happens.
  const off = new ServerHistory({ version: '1' }, { clock });
  off.record([{ kind: 'publish', at: START, about, serial: 1, what: 'x' }]);
  off[Symbol.dispose]();
});
