import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import type { ExplainInput } from '../../src/explain/explain-input.ts';
import { explainZone } from '../../src/explain/explain-zone.ts';
import { explanationText } from '../../src/explain/explanation-text.ts';
import { MemoryHistory } from '../../src/history/memory-history.ts';
import { type KeyWait, WAIT_REASONS } from '../../src/policy/key-wait.ts';
import { type KeyAction, type Plan, plan } from '../../src/policy/plan.ts';
import { KEY_RECORDS, type Condition, type PlannedKey, type PlannedState } from '../../src/policy/planned-key.ts';
import { APEX, DrivenZone } from './driven-zone.ts';

const NOW = 1_790_000_000;
const DAY = 86_400;

const CSK_STATE: PlannedState = {
  ksk: true,
  zsk: true,
  goal: 'omnipresent',
  dnskey: 'omnipresent',
  zrrsig: 'omnipresent',
  krrsig: 'omnipresent',
  ds: 'omnipresent',
};

/** A CSK in use with another state; null: no policy has taken it up. */
function key(tag: number, state: Partial<PlannedState> | null = {}, more: Partial<PlannedKey> = {}): PlannedKey {
  return {
    id: `Kexample.org.+013+${String(tag).padStart(5, '0')}`,
    tag,
    algorithm: 13,
    bits: 256,
    flags: 257,
    times: { created: NOW - DAY, publish: NOW - DAY, activate: NOW - DAY },
    ...(state && { state: { ...CSK_STATE, ...state } }),
    ...more,
  };
}

function input(
  keys: readonly PlannedKey[],
  planned: Partial<Plan> = {},
  more: Partial<ExplainInput> = {},
): ExplainInput {
  const ids = keys.map(({ id }) => id);
  const publication = { dnskey: ids, signsKeys: ids, signsZone: ids, sync: ids, syncDelete: false, isSigned: true };
  return {
    apex: APEX,
    view: '_default',
    policy: { ...DEFAULT_POLICY, name: 'test', purgeKeys: 90 * DAY },
    keys,
    plan: { actions: [], waits: [], nextEvent: undefined, publication, ...planned },
    observations: {},
    now: NOW,
    ...more,
  };
}

function wait({ id }: PlannedKey, more: Partial<KeyWait>): KeyWait {
  const common = { record: 'dnskey', from: 'rumoured', to: 'omnipresent', reason: 'time', others: [] } as const;
  return { key: id, ...common, until: undefined, interval: undefined, ...more };
}

const text = (given: ExplainInput): string => explanationText(explainZone(given));

describe('explain: the zone', () => {
  it('says who signs, whose DS the parent has and that nothing is to be done', () => {
    const shown = text(input([key(1)], { nextEvent: NOW + 3 * DAY }));
    assert.match(shown, /^zone example\.org, policy test, at 2026-09-21T14:13:20Z\n/);
    assert.match(shown, /The DNSKEY RRset is signed by CSK 1, all else by CSK 1\.\n/);
    assert.match(shown, /The parent has the DS of CSK 1\.\n/);
    assert.match(shown, /The next change comes by itself 2026-09-24T14:13:20Z \(in 3 days\)\.\n/);
    assert.match(shown, /at the parent:\n {2}Nothing is to be done at the parent\.\n/);
    assert.match(
      shown,
      /\nCSK 1 \(ECDSAP256SHA256\), Kexample\.org\.\+013\+00001: is in use; its lifetime has no end\n/,
    );
    assert.match(shown, /\n {2}removal: must stay: it is in use\n$/);
  });

  it('RFC 8078 section 4: says what a zone on its way to insecure asks of the parent', () => {
    const going = key(1, { goal: 'hidden', ds: 'unretentive' });
    const { publication } = input([going]).plan;
    const shown = text(input([going], { publication: { ...publication, syncDelete: true } }));
    assert.match(shown, /CDS and CDNSKEY ask the parent to remove every DS of the zone/);
    assert.match(shown, /The parent should remove the DS of CSK 1\./);
    assert.match(shown, /rndc dnssec -checkds -key 1 withdrawn example\.org\n/);
    assert.match(shown, /its DNSKEY must stay in the zone: until its DS is gone from the parent, and 1 day/);
  });

  it('says that a zone is not signed any more', () => {
    const gone = key(1, { goal: 'hidden', dnskey: 'hidden', zrrsig: 'hidden', krrsig: 'hidden', ds: 'hidden' });
    const { publication } = input([]).plan;
    const shown = text(input([gone], { publication: { ...publication, isSigned: false } }));
    assert.match(shown, /The zone is not signed: policy test has taken all DNSSEC records away\.\n/);
    assert.match(shown, /is out of use, and no cache needs it\n/);
    assert.match(shown, /its files may be removed; named removes them by purge-keys\n/);
  });

  it('shows what is due and has not been done', () => {
    const line = { role: 'ksk', lifetime: 0, algorithm: 13, bits: 256 } as const;
    const schedule = { times: {}, state: {} };
    const actions: KeyAction[] = [
      { kind: 'generate', line, dnskeyTtl: 3600, predecessor: key(1).id, ...schedule },
      { kind: 'adopt', key: key(1).id, line, ...schedule },
      { kind: 'update', key: key(1).id, changes: [{ record: 'ds', from: 'hidden', to: 'rumoured' }], ...schedule },
      { kind: 'update', key: key(1).id, changes: [], ...schedule },
      { kind: 'purge', key: 'Kgone' },
    ];
    const { due } = explainZone(input([key(1)], { actions }, { view: 'inside' }));
    assert.deepEqual(due, [
      'a KSK (ECDSAP256SHA256, 256 bits) is made to take the place of CSK 1',
      'CSK 1 is taken up by the policy',
      'CSK 1: its DS may be given to the parent (CDS and CDNSKEY are published)',
      'CSK 1 gets new times in its files',
      'the files of Kgone are removed (purge-keys)',
      'named does this when it next looks at the keys; "rndc loadkeys example.org IN inside" makes it look now',
    ]);
  });

  it('tells keys of one tag apart, everywhere', () => {
    const twins = [key(1), key(1, { ds: 'rumoured' }, { id: 'Kexample.org.+008+00001', algorithm: 8 })];
    const shown = text(input(twins));
    assert.match(shown, /signed by CSK 1 \(algorithm 13\) and CSK 1 \(algorithm 8\)/);
    assert.match(shown, /-checkds -key 1 -alg 8 published example\.org/);
  });

  it('says that a key of no policy does what its files say', () => {
    const shown = text(input([key(1, null, { times: { delete: NOW + DAY } })]));
    assert.match(shown, /Policy test does not manage KSK 1\./);
    assert.match(shown, /is not managed by policy test: it does what the times in its files say/);
    assert.match(shown, /leaves the zone by the times in its files: its files say 2026-09-22T14:13:20Z \(in 1 day\)/);
  });

  it('shows the latest events of a key, and those of no other', () => {
    using history = new MemoryHistory();
    const about = { zone: 'example.org', view: '_default' };
    for (const tag of [1, 2])
      for (let i = 0; i < 7; i++)
        history.record([
          {
            at: NOW - 100 + i,
            about,
            key: { id: key(tag).id, tag, algorithm: 13, role: 'CSK' },
            kind: 'state',
            record: 'ds',
            from: 'hidden',
            to: 'rumoured',
          },
        ]);
    const { keys } = explainZone(input([key(1)], {}, { history: history.read({ limit: 100 }) }));
    assert.deepEqual(
      keys[0].history.map(({ at }) => at.unix),
      [2, 3, 4, 5, 6].map((i) => NOW - 100 + i),
    );
    assert.ok(keys[0].history.every((entry) => entry.text === 'DS hidden -> rumoured'));
  });

  it('shows one key alone', () => {
    const explanation = explainZone(input([key(1), key(2)]));
    const shown = explanationText(explanation, { key: key(2).id });
    assert.match(shown, /\nCSK 2 /);
    assert.doesNotMatch(shown, /\nCSK 1 |at the parent:/);
  });
});

describe('explain: the parent', () => {
  it('S-158 (part) says before which time the DS must not be given', () => {
    const coming = key(1, { ds: 'hidden', dnskey: 'rumoured' });
    const waits = [
      wait(coming, { record: 'ds', from: 'hidden', to: 'rumoured', reason: 'dnskey not known everywhere' }),
      wait(coming, { until: NOW + 2 * DAY }),
    ];
    const shown = text(input([coming], { waits }));
    assert.match(shown, /Do not give the parent the DS of CSK 1 before 2026-09-23T14:13:20Z \(in 2 days\)\./);
  });

  it('S-130 (part) lists the DS to be added, in all forms, until it has been seen', () => {
    const added = key(1, { ds: 'rumoured' });
    const dnskeys = new Map([[added.id, new Uint8Array([1, 1, 3, 13, ...new Uint8Array(64)])]]);
    const shown = text(input([added], {}, { dnskeys }));
    for (const line of [
      /The parent should get the DS of CSK 1\./,
      /\n {4}example\.org\. 86400 IN DS \d+ 13 2 [0-9A-F]{64}\n/,
      /\n {4}as a form: key tag \d+, algorithm 13 \(ECDSAP256SHA256\), digest type 2 \(SHA-256\), digest [0-9A-F]{64}\n/,
      /\n {4}as a key: flags 257, protocol 3, algorithm 13 \(ECDSAP256SHA256\), public key A{86}==\n/,
      /\n {4}in the zone: example\.org\. 3600 IN CDS /,
      /\n {4}in the zone: example\.org\. 3600 IN CDNSKEY 257 3 13 /,
      /once all its servers have it, .*: rndc dnssec -checkds -key 1 published example\.org\n/,
    ])
      assert.match(shown, line);
    assert.match(text(input([added])), /the public key is not at hand: its DS cannot be shown/);
    const seen = { dsSeen: new Map([[added.id, NOW]]) };
    assert.match(text(input([added], {}, { dnskeys, observations: seen })), /Nothing is to be done at the parent\./);
  });

  it('S-131 (part), S-132 (part) gives the earliest time at which the DNSKEY may go', () => {
    const going = key(1, { goal: 'hidden' });
    const leaving = wait(going, { from: 'omnipresent', to: 'unretentive', until: NOW + DAY });
    const { keys } = explainZone(input([going], { waits: [leaving] }));
    assert.deepEqual(keys[0].removal, {
      what: 'DNSKEY',
      earliest: { unix: NOW + DAY, utc: '2026-09-22T14:13:20Z', distance: 'in 1 day' },
      text: 'its DNSKEY must stay in the zone until 2026-09-22T14:13:20Z (in 1 day) at least',
    });
    const left = key(1, { goal: 'hidden', dnskey: 'unretentive', zrrsig: 'hidden', krrsig: 'hidden', ds: 'hidden' });
    const forgetting = wait(left, { from: 'unretentive', to: 'hidden', until: NOW + DAY });
    assert.match(
      text(input([left], { waits: [forgetting] })),
      /its files must stay until 2026-09-22T14:13:20Z \(in 1 day\)/,
    );
  });
});

describe('explain: waits', () => {
  for (const reason of WAIT_REASONS)
    it(`"${reason}" has words of its own`, () => {
      const [one, other] = [key(1), key(2)];
      const explain = (more: Partial<KeyWait>): string => {
        const waits = [wait(one, { reason, ...more })];
        return explainZone(input([one, other], { waits })).keys[0].waits[0].cause;
      };
      assert.match(explain({}), /^[a-z].{20,}[^.]$/);
      const causes = WAIT_REASONS.map((which) => {
        const waits = [wait(one, { reason: which, others: [other.id] })];
        return explainZone(input([one, other], { waits })).keys[0].waits[0].cause;
      });
      assert.equal(causes.filter((cause) => cause === explain({ others: [other.id] })).length, 1);
    });

  it('names the highest TTL that was served where that is what counts', () => {
    const policy = {
      ...DEFAULT_POLICY,
      name: 'test',
      keys: [{ role: 'csk', lifetime: 0, algorithm: 13, bits: 256 }],
    } as const;
    const observations = { served: [{ rrset: 'zone', ttl: 7 * DAY, until: undefined }] } as const;
    const zone = new DrivenZone(policy, [], NOW);
    zone.settle();
    const planned = plan(policy, zone.keys, observations, NOW);
    const shown = explanationText(
      explainZone({ ...input(zone.keys), policy, plan: planned, observations, keys: zone.keys, now: NOW }),
    );
    assert.match(
      shown,
      /rule {6}Iret = highest TTL served 7 days \+ zone-propagation-delay 5 minutes \+ retire-safety 1 hour = 7 days 1 hour, counted from/,
    );
    assert.match(shown, /Do not give the parent the DS of CSK 1001 before 2026-09-28T15:18:20Z \(in 7 days 1 hour\)/);
  });

  it('tells the time of a step that waits for others from the planner itself', () => {
    const policy = {
      ...DEFAULT_POLICY,
      name: 'test',
      keys: [{ role: 'csk', lifetime: 0, algorithm: 13, bits: 256 }],
    } as const;
    const zone = new DrivenZone(policy, [], NOW);
    zone.settle();
    const { waits } = zone.explain().keys[0];
    const ds = waits.find(({ record }) => record === 'ds')!;
    // Its reason is the DNSKEY, which is known after two hours; the signatures take a day.
    assert.equal(ds.reason, 'dnskey not known everywhere');
    assert.equal(ds.earliest?.unix, NOW + DAY + 3900);
  });

  it('follows a chain of waits to its end, and gives the advice that helps there', () => {
    const [old, next] = [key(1, { goal: 'hidden' }), key(2, { ds: 'rumoured' })];
    const waits = [
      wait(old, { record: 'ds', from: 'unretentive', to: 'hidden', reason: 'successor not ready', others: [next.id] }),
      wait(next, { record: 'ds', reason: 'ds not seen at parent' }),
    ];
    const [explained] = explainZone(input([old, next], { waits })).keys[0].waits;
    assert.equal(explained.first?.name, 'CSK 2');
    assert.equal(explained.first.reason, 'ds not seen at parent');
    assert.equal(explained.earliest, undefined);
    assert.equal(explained.advice.at(-1)?.command, 'rndc dnssec -checkds -key 2 published example.org');
    const shown = text(input([old, next], { waits }));
    assert.match(
      shown,
      /next step: its DS counts as forgotten everywhere\n {4}not yet {3}some resolvers would .*CSK 2 cannot/,
    );
    assert.match(shown, /\n {4}first {5}CSK 2: its DS counts as known everywhere; not yet: the DS has not been seen/);
    assert.match(shown, /\n {4}earliest {2}not known\n/);
  });

  it('ends where waits go round in a circle', () => {
    const [a, b] = [key(1), key(2)];
    const circle = (from: PlannedKey, to: PlannedKey): KeyWait =>
      wait(from, { reason: 'successor not ready', others: [to.id] });
    const { keys } = explainZone(input([a, b], { waits: [circle(a, b), circle(b, a)] }));
    assert.equal(keys[0].waits[0].first?.name, 'CSK 2');
  });

  it('shows the rule with its sum, and the command that brings a rollover forward', () => {
    const one = key(1);
    const interval = { term: 'Ipub', since: NOW - 60, parts: [{ name: 'dnskey-ttl', seconds: 3660 }] };
    const waits = [
      wait(one, { record: undefined, from: 'omnipresent', to: 'hidden', until: NOW + 9 * DAY }),
      wait(one, { until: NOW + 3600, interval }),
    ];
    const shown = text(input([one], { waits }));
    assert.match(shown, /next step: its DNSKEY counts as known everywhere\n/);
    assert.match(shown, /rule {6}Ipub = dnskey-ttl 1 hour 1 minute, counted from 2026-09-21T14:12:20Z\n/);
    assert.match(shown, /Ipub is the publication interval \(RFC 7583 section 3\.2\.1\)/);
    assert.match(shown, /to do {5}nothing: time brings it\n/);
    assert.match(shown, /then: its withdrawal begins\n.*\n {4}earliest {2}2026-09-30/);
    assert.match(shown, /to roll the key over before that: rndc dnssec -rollover -key 1 example\.org\n/);
  });

  it('says something of any mix of states and waits, and never fails', () => {
    const conditions = fc.constantFrom<Condition>('hidden', 'rumoured', 'omnipresent', 'unretentive');
    const states = fc.record(
      {
        ksk: fc.boolean(),
        zsk: fc.boolean(),
        goal: conditions,
        dnskey: conditions,
        zrrsig: conditions,
        krrsig: conditions,
        ds: conditions,
      },
      { requiredKeys: [] },
    );
    const keys = fc
      .array(fc.option(states, { nil: undefined }), { maxLength: 4 })
      .map((list) => list.map((state, i) => ({ ...key(i % 3, null), id: `K${i}`, ...(state && { state }) })));
    const waits = fc.array(
      fc.record({
        key: fc.constantFrom('K0', 'K1', 'K2', 'K9'),
        record: fc.constantFrom(...KEY_RECORDS, undefined),
        from: conditions,
        to: conditions,
        reason: fc.constantFrom(...WAIT_REASONS),
        others: fc.subarray(['K0', 'K1', 'K2', 'K9']),
        until: fc.option(fc.nat(2 * NOW), { nil: undefined }),
        interval: fc.constant(undefined),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(keys, waits, (zone, waiting) => {
        const explanation = explainZone(input(zone, { waits: waiting }));
        assert.equal(explanation.keys.length, zone.length);
        for (const one of explanation.keys)
          assert.equal(one.waits.length, waiting.filter((entry) => entry.key === one.key).length);
        assert.deepEqual(JSON.parse(JSON.stringify(explanation)), explanation);
        assert.doesNotMatch(explanationText(explanation), /undefined|NaN|\[object/);
      }),
    );
  });
});
