import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemoryDisk } from '../base/memory-disk.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { SERVER_CHECKS } from '../../src/zone/checks/check-options.ts';
import { loadZone } from '../../src/zone/load-zone.ts';
import { scanInSlices } from '../../src/zone/parallel/parallel-scan.ts';
import { cutBehind } from '../../src/zone/parallel/slices.ts';
import { FULL_FORMAT, printZone } from '../../src/zone/print-zone.ts';
import { Arena } from '../../src/zone/store/arena.ts';
import { ExtentPool } from '../../src/zone/store/extent-pool.ts';
import { ZoneStore } from '../../src/zone/store/zone-store.ts';

const APEX = mustName('example.');
const NOW = 1_700_000_000;
const arena = Arena.create(1 << 25);
const extents = new ExtentPool(arena);
const disk = new MemoryDisk();

interface Loaded {
  readonly text: string;
  readonly records: number;
  readonly failure: string | undefined;
  readonly faults: readonly string[];
}

/** Everything that can be told of a load; `slices` as LoadZoneOptions has it. */
function load(content: Uint8Array, slices: { threads?: number; sliceOctets?: number }): Loaded {
  const store = new ZoneStore({ apex: APEX }, { arena, extents });
  try {
    const options = { file: 'zone.db', content, checks: SERVER_CHECKS, now: NOW, maxTtl: 100_000, ...slices };
    const { version, records, failure, faults } = loadZone(store, options, { arena, disk });
    const pieces: string[] = [];
    if (version !== 0) {
      printZone(version, FULL_FORMAT, arena, (piece) => pieces.push(Buffer.from(piece).toString('latin1')));
      store.release(version);
    }
    return { text: pieces.join(''), records, failure, faults: faults.map((f) => `${f.severity} ${f.message}`) };
  } finally {
    store.dispose();
  }
}

/** Reads in slices; undefined when that is left to one thread. With `threads` above 1 the calling thread reads no slice. */
function scan(content: Uint8Array, sliceOctets: number, threads = 1): { text: string; records: number } | undefined {
  const store = new ZoneStore({ apex: APEX }, { arena, extents });
  const loader = store.load();
  try {
    const limits = { zoneClass: undefined, maxTtl: 100_000, checks: SERVER_CHECKS, now: NOW };
    const options = { file: 'zone.db', zone: APEX, ...limits, threads, sliceOctets, othersReadAll: threads > 1 };
    const found = scanInSlices(content, options, { arena, disk, store, loader });
    if (found === undefined) return undefined;
    const version = loader.finish();
    const pieces: string[] = [];
    printZone(version, FULL_FORMAT, arena, (piece) => pieces.push(Buffer.from(piece).toString('latin1')));
    store.release(version);
    return { text: pieces.join(''), records: found.records };
  } finally {
    loader.abandon();
    store.dispose();
  }
}

const HEAD = '$TTL 3600\n@ SOA ns h 1 3600 600 86400 300\n@ NS ns\nns A 192.0.2.1\n';

/** Owners in few letters, so that many come again, apart and in other letters. */
const owner = fc.constantFrom('a', 'B', 'b', 'c.a', 'd', 'e.example.', '*.w', 'x.y.z', '@', 'f', 'g', 'h.g', 'i', 'j');
const hash = fc.constantFrom('0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM', '2T7B4G4VSA5SMI47K61MV5BV1A22BOJR');
const rdata = fc.oneof(
  fc.nat(9).map((n) => `A 192.0.2.${n}`),
  fc.nat(9).map((n) => `IN AAAA 2001:db8::${n}`),
  fc.nat(9).map((n) => `3600 TXT "quoted; (text ${n}" more\\;`),
  fc.nat(9).map((n) => `TXT ( "in\\"brackets"\n  ${n} ) ; comment`),
  fc.nat(3).map((n) => `MX ${n} ns`),
  fc.constant('CLASS1 TYPE1 \\# 4 C0000205'),
);
/** What keeps a file from being read in slices, or may do so. */
const rare = fc.oneof(
  fc.constantFrom('a TXT (\nat-a-line-start\n)', 'A A 192.0.2.1', '\\097 A 192.0.2.1', '(\n) a A 192.0.2.1'),
  fc.constantFrom('deleg NS ns.deleg', 'deleg NS 192.0.2.1', 'a CNAME b', 'w DNAME b', 'q 9999999 A 192.0.2.9'),
  fc.constantFrom('$ORIGIN sub.example.', '$TTL 60', '$GENERATE 1-3 g$ A 192.0.2.$', '$BAD', '$INCLUDE nowhere'),
  fc.constantFrom('@ SOA ns h 1 3600 600 86400 300', '@ SOA ns h 2 3600 600 86400 300', 'other.test. A 192.0.2.3'),
  fc.constantFrom(
    'a A 300.1.1.1',
    'b TXT "open',
    'c TXT ( open',
    'd TXT ) shut',
    'e',
    'f UNKNOWN x',
    'a.*.b A 192.0.2.1',
  ),
  fc.constant('a RRSIG A 13 2 3600 20010101000000 20000101000000 1 example. AAAA'),
  fc.constantFrom(
    'a 60 A 192.0.2.7',
    'a\\.b A 192.0.2.1',
    'A 61 A 192.0.2.8',
    'not-a-hash NSEC3 1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A',
  ),
);
const nsec3 = fc.tuple(hash, hash).map(([a, b]) => `${a} NSEC3 1 0 0 - ${b} A RRSIG`);
const line = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(owner, rdata).map(([a, b]) => `${a} ${b}`) },
  { weight: 4, arbitrary: rdata.map((b) => `\t${b}`) },
  { weight: 1, arbitrary: nsec3 },
  { weight: 2, arbitrary: fc.constantFrom('', ' ', '; a comment (', '\r') },
);
const end = fc.constantFrom('\n', '\n', '\n', '\r\n');
const lines = fc.array(
  fc.tuple(line, end).map(([a, b]) => a + b),
  { minLength: 20, maxLength: 90 },
);

test('RFC 1035 section 5: a zone file read in slices of any size makes the zone that it makes in one piece', () => {
  let inSlices = 0;
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 30 }), (body, sliceOctets) => {
      const content = Buffer.from(HEAD + body.join(''));
      const whole = load(content, {});
      assert.deepEqual(load(content, { sliceOctets }), whole);
      const found = scan(content, sliceOctets);
      if (found === undefined) return;
      inSlices++;
      // Faults that are found when the zone is whole refuse it afterwards.
      if (whole.text !== '') assert.deepEqual(found, { text: whole.text, records: whole.records });
    }),
    { numRuns: 600, seed: 1 },
  );
  assert.ok(inSlices > 60, `only ${inSlices} were read in slices`);
});

test('a zone file with any fault is told of as if it had been read in one piece, fault by fault', () => {
  let faults = 0;
  fc.assert(
    fc.property(
      lines,
      fc.array(fc.tuple(fc.nat(60), rare), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 30 }),
      fc.boolean(),
      (body, odd, sliceOctets, endsWell) => {
        const all = [...body];
        for (const [at, text] of odd) all.splice(at, 0, `${text}\n`);
        const text = HEAD + all.join('');
        const content = Buffer.from(endsWell ? text : text.trimEnd());
        const whole = load(content, {});
        faults += whole.faults.length;
        assert.deepEqual(load(content, { sliceOctets }), whole);
      },
    ),
    { numRuns: 600, seed: 2 },
  );
  assert.ok(faults > 600, `only ${faults} faults`);
});

const registry = Array.from({ length: 4000 }, (_, i) => {
  const child = `child-${i % 2 === 0 ? i : 4000 - i}`;
  return `${child} NS ns.${child}\n${child} NS ns.provider.test.\nns.${child} A 10.0.${i >> 8}.${i & 255}\n${child} DS 1 13 2 ${'0'.repeat(64)}\n`;
}).join('');

test('threads that read all slices make the zone that one thread makes', () => {
  const content = Buffer.from(HEAD + registry);
  const whole = load(content, {});
  assert.equal(whole.records, 16_003);
  for (const threads of [2, 3, 4])
    assert.deepEqual(scan(content, 5000, threads), { text: whole.text, records: whole.records });
});

test('a fault in a slice of another thread leaves the file to one thread, and takes no memory for good', async () => {
  const content = Buffer.from(`${HEAD}${registry}odd A 192.0.2.400\n${registry}`);
  const before = extents.usedOctets;
  assert.equal(scan(content, 5000, 3), undefined);
  // Each try gives its threads' memory back when they are gone.
  for (let i = 0; i < 3000 && grantedGranules() > 0; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(grantedGranules(), 0);
  assert.ok(extents.usedOctets <= before);
  const { faults } = load(content, { threads: 3, sliceOctets: 5000 });
  assert.deepEqual(faults, load(content, {}).faults);
  assert.match(faults[0], /zone\.db:16005:/);
});

/** Granules that threads took and nobody has taken over. */
function grantedGranules(): number {
  let count = 0;
  for (let granule = 1; granule < arena.granules; granule++) if (arena.u32[16 + 256 * 16 + granule] > 2) count++;
  return count;
}

test('a cut is where an entry with another owner begins, or the end', () => {
  const cases: [string, string | undefined][] = [
    ['a A 1\na A 2\nb A 3\n', 'b A 3\n'],
    ['x A 0\na A 1\na A 2\nb A 3\n', 'b A 3\n'],
    ['x A 0\na A 1\n A 2\n; b\n\nb A 3\n', 'b A 3\n'],
    ['x A 0\na A 1', undefined],
    ['', undefined],
  ];
  for (const [text, rest] of cases) {
    const octets = Buffer.from(text);
    const at = cutBehind(octets, 0);
    assert.equal(octets.toString('latin1', at), rest ?? '', text);
  }
  // One owner without end cannot be cut.
  assert.equal(cutBehind(Buffer.from('a A 192.0.2.1\n'.repeat(200_000)), 0), -1);
});
