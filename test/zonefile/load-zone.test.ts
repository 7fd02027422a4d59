import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mustName } from '../../src/wire/name-text.ts';
import { CHECKZONE_CHECKS, SERVER_CHECKS } from '../../src/zone/checks/check-options.ts';
import { outsideFaults, type LookupOutcome } from '../../src/zone/checks/outside-names.ts';
import { loadZone, type LoadZoneOptions, type LoadZoneResult } from '../../src/zone/load-zone.ts';
import { FULL_FORMAT, printZone } from '../../src/zone/print-zone.ts';
import { Arena } from '../../src/zone/store/arena.ts';
import { ExtentPool } from '../../src/zone/store/extent-pool.ts';
import { ZoneStore } from '../../src/zone/store/zone-store.ts';
import { MemoryDisk } from '../base/memory-disk.ts';
import { zonePool } from '../zones/zone-pool.ts';

const HEAD = '$TTL 3600\n@ SOA ns h 1 3600 600 86400 300\n@ NS ns\nns A 192.0.2.1\n';

class Fixture {
  readonly arena = Arena.create(1 << 24);
  readonly store: ZoneStore;

  constructor(zone = 'example.') {
    const dependencies = { arena: this.arena, extents: new ExtentPool(this.arena) };
    this.store = new ZoneStore({ apex: mustName(zone) }, dependencies);
  }

  load(files: Readonly<Record<string, string>>, options: Partial<LoadZoneOptions> = {}): LoadZoneResult {
    const disk = MemoryDisk.readOnly(files);
    return loadZone(this.store, { file: 'zone.db', checks: SERVER_CHECKS, ...options }, { arena: this.arena, disk });
  }

  text(version: number): string {
    const pieces: Uint8Array[] = [];
    printZone(version, FULL_FORMAT, this.arena, (piece) => pieces.push(piece));
    return Buffer.concat(pieces).toString('latin1');
  }

  raw(version: number, sourceSerial?: number): Uint8Array {
    const pieces: Uint8Array[] = [];
    const format = { kind: 'raw', header: { version: 1, written: 1, sourceSerial } } as const;
    printZone(version, format, this.arena, (piece) => pieces.push(piece));
    return Buffer.concat(pieces);
  }
}

test('S-021 what was loaded from text prints, and loads again from text and from raw, as the same zone', () => {
  for (const { zone, files } of zonePool()) {
    const fixture = new Fixture(zone);
    const checks = { ...CHECKZONE_CHECKS, hostNames: 'ignore' } as const;
    const first = fixture.load(files, { checks });
    assert.notEqual(first.version, 0, first.faults.map((fault) => fault.message).join('\n'));
    const text = fixture.text(first.version);
    const fromText = fixture.load({ 'zone.db': text }, { checks });
    assert.equal(fixture.text(fromText.version), text);
    const fromRaw = fixture.load({}, { checks, content: fixture.raw(first.version, 77), format: 'raw' });
    assert.equal(fixture.text(fromRaw.version), text);
    assert.equal(fromRaw.sourceSerial, 77);
  }
});

test('a zone that is refused leaves no version behind', () => {
  const fixture = new Fixture();
  for (const body of [
    'a A 1.2.3',
    'a CNAME b\na A 192.0.2.1',
    '@ NS nowhere',
    '@ CDS 1 8 2 00',
    'x NS ns\n*.y NS ns',
  ]) {
    const result = fixture.load({ 'zone.db': `${HEAD}${body}\n` });
    assert.equal(result.version, 0, body);
    assert.ok(
      result.faults.some((fault) => fault.severity === 'error'),
      body,
    );
    assert.deepEqual(fixture.store.versions(), []);
  }
});

test('SOA and NS are needed at the apex', () => {
  const messages = (text: string): string[] =>
    new Fixture().load({ 'zone.db': text }).faults.map((fault) => fault.message);
  assert.deepEqual(messages(''), ['zone example/IN: has 0 SOA records', 'zone example/IN: has no NS records']);
  assert.deepEqual(messages('@ 60 SOA ns h 1 2 3 4 5\n'), ['zone example/IN: has no NS records']);
});

test('a file that is missing or that cannot be read is the failure', () => {
  assert.equal(new Fixture().load({}).failure, 'file not found');
});

test('conflicts of an owner are found wherever its records stand, and placed at the record that completes them', () => {
  const place = (body: string): (string | number)[] => {
    const result = new Fixture().load({ 'zone.db': `${HEAD}${body}\n` });
    const fault = result.faults.find(({ severity }) => severity === 'error');
    return [result.failure ?? '', fault !== undefined && 'position' in fault ? fault.position.line : 0];
  };
  assert.deepEqual(place('a CNAME b\nc A 192.0.2.1\nA TXT x\nd A 192.0.2.1'), ['CNAME and other data', 7]);
  assert.deepEqual(place('a TXT b\nc A 192.0.2.1\nA CNAME x\na TXT y'), ['CNAME and other data', 7]);
  assert.deepEqual(place('a CNAME b\nc A 192.0.2.1\na CNAME c'), ['multiple RRs of singleton type', 7]);
  assert.deepEqual(place('a DNAME b\nc A 192.0.2.1\na DNAME c'), ['multiple RRs of singleton type', 7]);
  assert.deepEqual(place('@ SOA ns h 2 3600 600 86400 300'), ['multiple RRs of singleton type', 5]);
});

test('RFC 4035 2.5: NSEC, RRSIG and KEY may stand beside an alias, the same alias may be said twice', () => {
  const body = 'a CNAME b\na NSEC b CNAME RRSIG NSEC\na KEY 512 3 8 AwEAAcw=\na CNAME B\n';
  assert.deepEqual(new Fixture().load({ 'zone.db': HEAD + body }).faults, []);
});

test('RFC 5155 3: an NSEC3 owner that is no hash is refused at its line', () => {
  const body = 'x NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n';
  const checks = { ...SERVER_CHECKS, hostNames: 'ignore' } as const;
  const result = new Fixture().load({ 'zone.db': HEAD + body }, { checks });
  assert.equal(result.failure, 'invalid NSEC3 owner name');
  assert.match(result.faults[0].message, /^zone\.db:5:/);
});

test('expired signatures are told of once, by the clock that is given', () => {
  const rrsig = 'RRSIG A 8 2 3600 20200101000000 20190101000000 1 example. AAAA';
  const files = { 'zone.db': `${HEAD}ns ${rrsig}\na ${rrsig}\n` };
  const told = (now?: number): number => new Fixture().load(files, { now }).faults.length;
  assert.equal(told(), 0);
  assert.equal(told(1_500_000_000), 0);
  assert.equal(told(1_700_000_000), 1);
});

test('names outside the zone are looked up once each and judged by the answer', async () => {
  const fixture = new Fixture();
  const body =
    '@ MX 1 good.other.\n@ MX 2 none.other.\na MX 1 none.other.\nb SRV 0 0 0 slow.other.\nx NS ns.x\nns.x A 192.0.2.9\n';
  const result = fixture.load({ 'zone.db': HEAD + body }, { checks: CHECKZONE_CHECKS });
  const asked: string[] = [];
  const lookup = async (host: string): Promise<LookupOutcome> => {
    asked.push(host);
    if (host === 'none.other') return { kind: 'none' };
    if (host === 'slow.other') return { kind: 'failed', reason: 'EAI_AGAIN' };
    return { kind: 'addresses', addresses: ['192.0.2.1'] };
  };
  const options = {
    zone: mustName('example.'),
    zoneClass: 1,
    checks: { ...CHECKZONE_CHECKS, mxAddress: 'fail' },
  } as const;
  const faults = await outsideFaults(result.outside, options, lookup);
  assert.deepEqual(asked.toSorted(), ['good.other', 'none.other', 'ns.x.example', 'slow.other']);
  assert.deepEqual(
    faults.map(({ severity, what }) => `${severity}: ${what}`),
    [
      "error: example/MX 'none.other' (out of zone) has no addresses records (A or AAAA)",
      "warning: b.example/SRV 'slow.other' (out of zone) could not be looked up: EAI_AGAIN",
    ],
  );
});

test('a zone with a warning for each of many records keeps the list of faults short', () => {
  const body = Array.from({ length: 5000 }, (_, i) => `x${i} NS gone${i}\n`).join('');
  const result = new Fixture().load({ 'zone.db': HEAD + body });
  assert.notEqual(result.version, 0);
  assert.equal(result.faults.length, 1001);
  assert.match(result.faults[1000].message, /4000 more faults are not shown/);
});
