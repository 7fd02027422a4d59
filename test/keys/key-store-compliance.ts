import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LocalSigner } from '../../src/crypto/local-signer.ts';
import { keyTag } from '../../src/crypto/key-tag.ts';
import { AvoidedTags, keysCollide } from '../../src/keys/key-collision.ts';
import type { KeyPair } from '../../src/keys/key-pair.ts';
import type { KeyRequest, KeyStore } from '../../src/keys/key-store.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { nameToText } from '../../src/wire/name-text.ts';

/** A store under test, and a second one that sees what the first kept (a restart). */
export interface StoreUnderTest {
  readonly store: KeyStore;
  reopen(): KeyStore;
  /** Unix seconds that the store's clock shows. */
  readonly now: number;
  dispose(): void;
}

const ZONE = mustName('Zone.Example.');

const request = (more: Partial<KeyRequest> = {}): KeyRequest => ({
  zone: ZONE,
  algorithm: 13,
  flags: 257,
  times: {},
  ...more,
});

/** What every KeyStore must do. */
export function describeKeyStore(name: string, open: () => StoreUnderTest): void {
  const check = (title: string, work: (under: StoreUnderTest) => void): void => {
    it(title, () => {
      const under = open();
      try {
        work(under);
      } finally {
        under.dispose();
      }
    });
  };

  describe(`KeyStore: ${name}`, () => {
    check('is empty at first', ({ store }) => {
      assert.deepEqual(store.list(ZONE), { keys: [], damaged: [], faults: [] });
    });

    for (const algorithm of [8, 10, 13, 14, 15, 16])
      check(`S-010 (part) keeps a key of algorithm ${algorithm} whole over a restart`, ({ store, reopen, now }) => {
        const made = store.generate(request({ algorithm, bits: 1024, ttl: 300, predecessor: 7, ...POLICY }));
        assert.equal(made.tag, keyTag(made.dnskey));
        assert.equal(made.times.created, now);
        const { keys, faults } = reopen().list(ZONE);
        assert.deepEqual(faults, []);
        assert.equal(keys.length, 1);
        assert.deepEqual(comparable(keys[0]), comparable(made));
        assert.equal(new LocalSigner(keys[0].private!).sign(new Uint8Array(3)).length > 0, true);
      });

    check('S-010 (part) saves changed times and states', ({ store, reopen }) => {
      const made = store.generate(request(POLICY));
      const changed: KeyPair = {
        ...made,
        ttl: 60,
        successor: 12,
        times: { ...made.times, inactive: 2_000_000_000, delete: 2_000_000_100, dsPublish: 1_900_000_000, revoke: 5 },
        state: { ...made.state, dnskey: 'unretentive', dnskeyChange: 1_999_999_999, goal: 'hidden' },
      };
      store.save(changed);
      assert.deepEqual(comparable(reopen().list(ZONE).keys[0]), comparable(changed));
    });

    check('keeps zones apart, and finds a zone in any case', ({ store }) => {
      store.generate(request());
      store.generate(request({ zone: mustName('other.example.') }));
      store.generate(request({ zone: mustName('.') }));
      assert.equal(store.list(mustName('zone.EXAMPLE.')).keys.length, 1);
      assert.equal(store.list(mustName('.')).keys.length, 1);
      assert.equal(store.list(mustName('example.')).keys.length, 0);
    });

    check('lists by algorithm, then tag', ({ store }) => {
      for (const algorithm of [15, 13, 15, 13, 13]) store.generate(request({ algorithm }));
      const keys = store.list(ZONE).keys.map((key) => key.algorithm * 65536 + key.tag);
      assert.deepEqual(
        keys,
        keys.toSorted((a, b) => a - b),
      );
    });

    check('removes a key, and a second time nothing', ({ store, reopen }) => {
      const [first, second] = [store.generate(request()), store.generate(request(POLICY))];
      store.remove(second);
      store.remove(second);
      assert.deepEqual(
        reopen()
          .list(ZONE)
          .keys.map((key) => key.tag),
        [first.tag],
      );
    });

    check('an interrupted removal is ended; keys that are there stay', ({ store, reopen }) => {
      const pairs = [store.generate(request(POLICY)), store.generate(request())];
      store.finishRemovals(ZONE);
      assert.deepEqual(
        reopen()
          .list(ZONE)
          .keys.map((key) => key.tag)
          .toSorted(),
        pairs.map((key) => key.tag).toSorted(),
      );
    });

    check('S-209 no two keys of a zone have tags equal or 128 apart', ({ store }) => {
      // At least a quarter of all tags is taken: that 30 keys miss them all happens less than once in 5,000 runs.
      const avoid = Array.from({ length: 16_384 }, (_, i) => i * 4);
      let thrownAway = 0;
      const made: KeyPair[] = [];
      for (let i = 0; i < 30; i++)
        made.push(
          store.generate(request({ algorithm: i & 1 ? 13 : 15, avoidTags: avoid, onCollision: () => thrownAway++ })),
        );
      for (const [i, one] of made.entries()) {
        assert.ok(!new AvoidedTags(avoid).collide(one.dnskey));
        assert.ok(made.slice(0, i).every((other) => !keysCollide(one.dnskey, other.dnskey)));
      }
      assert.ok(thrownAway > 0, 'with so many tags to avoid some keys must have been thrown away');
    });

    check('gives up when every tag is taken, and says so', ({ store }) => {
      const all = Array.from({ length: 65536 }, (_, tag) => tag);
      assert.throws(() => store.generate(request({ algorithm: 15, avoidTags: all })), { code: 'KEY_TAGS_EXHAUSTED' });
      assert.equal(store.list(ZONE).keys.length, 0);
    });

    check('refuses algorithms that may not sign', ({ store }) => {
      for (const algorithm of [1, 3, 5, 6, 7, 12])
        assert.throws(() => store.generate(request({ algorithm, bits: 1024 })), { code: 'ALGORITHM_REFUSED' });
      assert.throws(() => store.generate(request({ algorithm: 8, bits: 512 })), { code: 'KEY_SIZE' });
    });
  });
}

const POLICY: Partial<KeyRequest> = {
  times: { publish: 1_800_000_000, activate: 1_800_003_600, syncPublish: 1_800_007_200 },
  state: {
    lifetime: 86400,
    ksk: true,
    zsk: false,
    goal: 'omnipresent',
    dnskey: 'rumoured',
    dnskeyChange: 1_800_000_000,
    krrsig: 'rumoured',
    krrsigChange: 1_800_000_000,
    ds: 'hidden',
    dsChange: 1_800_000_000,
  },
};

/** A pair without absent fields, its octets as text. */
function comparable(pair: KeyPair): unknown {
  const { private: material, ...rest } = pair;
  const fields = Object.entries(material?.fields ?? {}).map(([name, octets]) => [
    name,
    Buffer.from(octets).toString('hex'),
  ]);
  const plain = { ...rest, zone: nameToText(pair.zone), dnskey: Buffer.from(pair.dnskey).toString('hex') };
  return JSON.parse(JSON.stringify({ ...plain, fields }));
}
