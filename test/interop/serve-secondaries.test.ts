import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SystemClock } from '../../src/base/clock.ts';
import { SystemRandom } from '../../src/base/random.ts';
import { silentLog } from '../../src/base/log.ts';
import { DgramEndpoint } from '../../src/net/dgram-endpoint.ts';
import { parseAddress } from '../../src/net/address.ts';
import type { ZoneTable } from '../../src/server/server-tables.ts';
import { Notifier } from '../../src/transfer/notify.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { ZoneReader } from '../../src/zone/store/zone-reader.ts';
import { until } from './named-process.ts';
import {
  freePort,
  HOST,
  output,
  Peer,
  serve,
  type Served,
  signZone,
  SIGNED,
  startNamed,
  temporaryDirectory,
} from './serve-peers.ts';
import { ZONES } from './serve-zones.ts';

/* BIND, NSD and Knot fetch signed zones from us, with and without TSIG, and serve what we have. */

const NSEC = 'answers.test.';
const NSEC3 = 'other.test.';
const SECRET = Buffer.alloc(32, 7).toString('base64');
const KEY = { name: mustName('transfer.key.'), algorithm: 'hmac-sha256', secret: Buffer.alloc(32, 7) };
const KEY_STATEMENT = `key "transfer.key." { algorithm hmac-sha256; secret "${SECRET}"; };`;
const KEY_ONLY: ZoneTable['allowTransfer'] = [{ kind: 'key', name: 'transfer.key.', negated: false }];

describe('zone transfers to secondaries', { timeout: 500_000 }, () => {
  const directory = temporaryDirectory();
  let primary: Served & AsyncDisposable;
  const digests = new Map<string, string>();

  before(async () => {
    const nsec = await signZone(directory.path, NSEC, ZONES[NSEC], SIGNED.nsec);
    const nsec3 = await signZone(directory.path, NSEC3, ZONES[NSEC3], SIGNED.optOut);
    primary = await serve(new Map([[NSEC, nsec.text], [NSEC3, nsec3.text]]), { keys: [KEY] }); // prettier-ignore
    for (const apex of [NSEC, NSEC3]) digests.set(apex, await digest(primary.port, apex));
  });

  after(async () => {
    await primary[Symbol.asyncDispose]();
    directory[Symbol.dispose]();
  });

  async function assertServed(port: number): Promise<void> {
    for (const apex of [NSEC, NSEC3]) assert.equal(await digest(port, apex), digests.get(apex), apex);
  }

  test('S-020 named fetches NSEC and NSEC3 zones', async () => {
    const port = await freePort();
    const zones = [NSEC, NSEC3].map(
      (apex) => `zone "${apex}" { type secondary; primaries { ${HOST} port ${primary.port}; }; file "bind.${apex}"; };`,
    );
    await using peer = await startNamed(directory.path, port, zones.join('\n'));
    await peer.until(() =>
      [NSEC, NSEC3].every((apex) => peer.output.includes(`zone ${apex.slice(0, -1)}/IN: transferred serial`)),
    );
    await assertServed(port);
  });

  test('S-020 named fetches with TSIG, and is refused without', async () => {
    await primary.pool.setTables({
      ...primary.fixture.tables({ keys: [KEY], generation: 2 }),
      views: [
        {
          ...primary.fixture.tables().views[0],
          zones: primary.fixture.zones.map((zone) => ({ ...zone, allowTransfer: KEY_ONLY })),
        },
      ],
    });
    const port = await freePort();
    const zone = (apex: string, key: string): string =>
      `zone "${apex}" { type secondary; primaries { ${HOST} port ${primary.port} ${key}; }; file "tsig.${apex}"; };`;
    const statements = `${KEY_STATEMENT}\n${zone(NSEC, 'key transfer.key.')}\n${zone(NSEC3, '')}`;
    await using peer = await startNamed(directory.path, port, statements);
    await peer.until(
      () => peer.output.includes('zone answers.test/IN: transferred serial') && peer.output.includes('REFUSED'),
    );
    assert.equal(await digest(port, NSEC), digests.get(NSEC));
    await primary.pool.setTables(primary.fixture.tables({ generation: 3 }));
  });

  test('S-020 NSD fetches NSEC and NSEC3 zones', async () => {
    const port = await freePort();
    const at = (file: string): string => path.join(directory.path, file);
    const zones = [NSEC, NSEC3].map(
      (apex) =>
        `zone:\n name: "${apex}"\n zonefile: "nsd.${apex}"\n request-xfr: AXFR ${HOST}@${primary.port} NOKEY\n provide-xfr: ${HOST} NOKEY\n`,
    );
    fs.writeFileSync(
      at('nsd.conf'),
      `server:\n ip-address: ${HOST}@${port}\n username: ""\n chroot: ""\n database: ""\n zonesdir: "${directory.path}"\n pidfile: "${at('nsd.pid')}"\n xfrdfile: "${at('xfrd.state')}"\n zonelistfile: "${at('zone.list')}"\n xfrdir: "${directory.path}"\n cookie-secret-file: ""\nremote-control:\n control-enable: no\n${zones.join('')}`,
    );
    await using peer = new Peer('nsd', ['-d', '-c', at('nsd.conf')], directory.path);
    await peer.until(async () => (await Promise.all([NSEC, NSEC3].map((apex) => serves(port, apex)))).every(Boolean));
    await assertServed(port);
  });

  test('S-020 Knot fetches NSEC and NSEC3 zones, and is told of changes', async () => {
    const port = await freePort();
    const storage = path.join(directory.path, 'knot');
    fs.mkdirSync(storage);
    const zones = [NSEC, NSEC3].map(
      (apex) => `  - domain: ${apex}\n    master: primary\n    acl: all\n    zonefile-sync: -1\n`,
    );
    fs.writeFileSync(
      path.join(storage, 'knot.conf'),
      `server:\n  rundir: ${storage}\n  listen: ${HOST}@${port}\nlog:\n  - target: stdout\n    any: info\ndatabase:\n  storage: ${storage}\nremote:\n  - id: primary\n    address: ${HOST}@${primary.port}\nacl:\n  - id: all\n    address: ${HOST}\n    action: [transfer, notify]\nzone:\n${zones.join('')}`,
    );
    await using peer = new Peer('knotd', ['-c', path.join(storage, 'knot.conf')], storage);
    await peer.until(async () => (await Promise.all([NSEC, NSEC3].map((apex) => serves(port, apex)))).every(Boolean));
    await assertServed(port);
    await changeAndNotify(port);
    const serial = currentSerial(primary, 1);
    await peer.until(async () => (await dig(port, NSEC3, 'SOA', '+short')).includes(` ${serial} `));
    assert.equal(await digest(port, NSEC3), await digest(primary.port, NSEC3));
  });

  /** Publishes another version of the NSEC3 zone and sends NOTIFY to the port. */
  async function changeAndNotify(port: number): Promise<void> {
    const store = primary.fixture.stores[1];
    const reader = new ZoneReader(primary.fixture.arena).open(store.current());
    const soa = reader.rrset(reader.apexNode, TYPE.SOA);
    const [rdata] = reader.rdataAll(soa);
    const serial = reader.serial + 1;
    new DataView(rdata.buffer, rdata.byteOffset).setUint32(rdata.length - 20, serial);
    const edit = store.edit(store.current());
    edit.setRRset(mustName(NSEC3), TYPE.SOA, reader.ttl(soa), [rdata], reader.signaturesAll(soa));
    store.publish(edit.commit());
    await using notifier = new Notifier(
      {},
      {
        clock: new SystemClock(),
        random: new SystemRandom(),
        log: silentLog,
        endpoints: [await DgramEndpoint.bind({ address: HOST, port: 0 })],
      },
    );
    const address = parseAddress(HOST) as Uint8Array;
    notifier.notify({ zone: mustName(NSEC3), soa: rdata, soaTtl: 1800, serial, address, port });
    await until(() => notifier.pending === 0, 'the secondary answers the NOTIFY');
  }
});

function currentSerial(served: Served, zone: number): number {
  return new ZoneReader(served.fixture.arena).open(served.fixture.stores[zone].current()).serial;
}

function dig(port: number, apex: string, ...args: string[]): Promise<string> {
  return output('dig', [`@${HOST}`, '-p', String(port), '+tries=1', '+time=30', apex, ...args]);
}

async function serves(port: number, apex: string): Promise<boolean> {
  try {
    return (await dig(port, apex, 'SOA', '+short', '+norec')).includes(' 7200 ');
  } catch {
    return false; // not listening yet: dig fails
  }
}

/** Digest of all records of a zone in one order and one spelling. */
async function digest(port: number, apex: string): Promise<string> {
  const text = await dig(port, apex, 'AXFR', '+onesoa', '+nocomments', '+nostats', '+nocmd', '+noall', '+answer');
  const records = text.split('\n').filter((line) => line !== '' && !line.startsWith(';'));
  assert.ok(records.length > 20, `${apex} was transferred`);
  const spelled = records.map((line) => line.toLowerCase().replaceAll(/\s+/g, ' '));
  return createHash('sha256').update(spelled.toSorted().join('\n')).digest('hex');
}
