import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SystemClock } from '../../src/base/clock.ts';
import { toHex } from '../../src/base/octets.ts';
import { toBase64 } from '../../src/base/base64.ts';
import { SystemRandom } from '../../src/base/random.ts';
import { dsRdata } from '../../src/crypto/ds-digest.ts';
import { generateKey } from '../../src/crypto/key-generation.ts';
import type { Agent, AgentAnswer } from '../../src/parent/agent.ts';
import { mentionsKey, publishesKey } from '../../src/parent/ds-match.ts';
import { type Anchor } from '../../src/parent/ds-validator.ts';
import { NetworkAsker } from '../../src/parent/network-asker.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { rdataFromText } from '../../src/wire/rdata-text.ts';
import type { TsigKey } from '../../src/wire/tsig.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { startNsd, startUnbound } from './resolver-peers.ts';
import { freePort, HOST, Peer, serve, SIGNED, signZone, startNamed, temporaryDirectory } from './serve-peers.ts';

/* BIND, Knot, NSD and ourselves as the servers of a signed parent, and Unbound as a resolver before it. */

const PARENT = 'example.';
const KEY: TsigKey = { name: mustName('agent.key.'), algorithm: 'hmac-sha256', secret: new Uint8Array(32).fill(3) };
const { dnskey: CHILD_KEY } = generateKey({ algorithm: 13, flags: 257 });
const SIGNED_CHILD = mustName('signed.example.');
const UNSIGNED_CHILD = mustName('unsigned.example.');
const WIDE_CHILD = mustName('wide.example.');

/** A line of a master file. */
function dsLine(owner: string, rdata: Uint8Array): string {
  const [high, low, algorithm, digest] = rdata;
  return `${owner} 7700 DS ${(high << 8) | low} ${algorithm} ${digest} ${toHex(rdata.subarray(4))}\n`;
}

/** DS records of the wide child: more than fit into a datagram. */
const wide = Array.from({ length: 60 }, (_, i) => {
  const rdata = dsRdata(WIDE_CHILD, CHILD_KEY, 2);
  // Modulo 256: sixty octets that all differ, the key's own among them.
  rdata[6] += i;
  return dsLine('wide', rdata);
});

const ZONE = `$TTL 300
@ SOA ns host 1 3600 600 86400 120
@ NS ns
ns A ${HOST}
signed NS ns.signed
ns.signed A 192.0.2.1
${dsLine('signed', dsRdata(SIGNED_CHILD, CHILD_KEY, 2))}unsigned NS ns.signed
wide NS ns.signed
${wide.join('')}`;

const KEY_STATEMENT = `key agent.key { algorithm hmac-sha256; secret "${toBase64(KEY.secret)}"; };`;

interface Parent {
  readonly name: string;
  readonly agent: Agent;
}

const agentAt = (port: number): Agent => ({ address: Uint8Array.of(127, 0, 0, 1), port });

function askerWith(anchors: readonly Anchor[] | undefined, udpWait = 20_000): NetworkAsker {
  const options = {
    client: { udpWait, udpAttempts: 3 },
    finder: { resolvers: () => [], families: [4] as const },
  };
  const validation = anchors && { anchors, localKeys: () => [] };
  const dependencies = { clock: new SystemClock(), random: new SystemRandom() };
  return new NetworkAsker({ ...options, ...(validation && { validation }) }, dependencies);
}

const { signal } = new AbortController();

function goodOf(answer: AgentAnswer): AgentAnswer & { kind: 'DS' } {
  assert.ok(answer.kind === 'DS', answer.kind === 'fault' ? answer.fault : '');
  return answer;
}

for (const [denial, options] of Object.entries(SIGNED)) {
  describe(`DS queries to real parents, ${denial}`, () => {
    const directory = temporaryDirectory();
    const open: AsyncDisposable[] = [];
    const parents: Parent[] = [];
    let anchor: Anchor;

    before(async () => {
      const { text, file, dnskey } = await signZone(directory.path, PARENT, ZONE, options);
      const [, rdata] = /DNSKEY\s+(.*)$/m.exec(dnskey)!;
      anchor = { name: mustName(PARENT), kind: 'key', rdata: rdataFromText(TYPE.DNSKEY, rdata) };
      const ours = await serve(new Map([[PARENT, text]]));
      const [bind, knot, nsd, unbound] = [await freePort(), await freePort(), await freePort(), await freePort()];
      open.push(ours, await startBind(directory.path, bind, file), await startKnot(directory.path, knot, file));
      open.push(
        await startNsdParent(directory.path, nsd, file),
        await startUnboundParent(directory.path, unbound, bind),
      );
      const ports = { ours: ours.port, BIND: bind, Knot: knot, NSD: nsd, Unbound: unbound };
      for (const [name, port] of Object.entries(ports)) parents.push({ name, agent: agentAt(port) });
    });

    after(async () => {
      for (const one of open) await one[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
    });

    test('S-075 S-076 a DS that is there, proved from the key of the parent', async () => {
      for (const { name, agent } of parents) {
        const { ds, ttl, isValidated } = goodOf(await askerWith([anchor]).ask(SIGNED_CHILD, agent, signal));
        assert.ok(publishesKey(SIGNED_CHILD, CHILD_KEY, ds) && isValidated, name);
        assert.ok(ttl <= 7700 && ttl > 6000, `${name}: ${ttl}`);
      }
    });

    test('S-075 S-076 a DS that is not there, proved', async () => {
      for (const { name, agent } of parents) {
        const { ds, isValidated } = goodOf(await askerWith([anchor]).ask(UNSIGNED_CHILD, agent, signal));
        assert.ok(ds.length === 0 && isValidated && !mentionsKey(UNSIGNED_CHILD, CHILD_KEY, ds), name);
      }
    });

    test('S-075 sixty DS records come over TCP, and validate', async () => {
      for (const { name, agent } of parents) {
        const { ds, isValidated } = goodOf(await askerWith([anchor]).ask(WIDE_CHILD, agent, signal));
        assert.ok(ds.length === 60 && isValidated && publishesKey(WIDE_CHILD, CHILD_KEY, ds), name);
      }
    });

    test('S-076 with another trust anchor, no answer counts; without one, all do, unproved', async () => {
      const { dnskey: rdata } = generateKey({ algorithm: 13, flags: 257 });
      for (const { name, agent } of parents) {
        for (const zone of [SIGNED_CHILD, UNSIGNED_CHILD]) {
          const forged = await askerWith([{ ...anchor, rdata }]).ask(zone, agent, signal);
          assert.match(
            forged.kind === 'fault' ? forged.fault : '',
            /does not validate: no DNSKEY of example is one/,
            name,
          );
          assert.equal(goodOf(await askerWith(undefined).ask(zone, agent, signal)).isValidated, false);
        }
      }
    });

    test('a zone that is not below the parent, or is the parent itself, is no answer', async () => {
      for (const { name, agent } of parents.slice(0, 4)) {
        for (const zone of ['elsewhere.test.', 'missing.example.', PARENT]) {
          const answer = await askerWith(undefined).ask(mustName(zone), agent, signal);
          assert.equal(answer.kind, 'fault', `${name}: ${zone}`);
        }
      }
    });
  });
}

describe('DS queries to a BIND that asks who we are', () => {
  const directory = temporaryDirectory();
  let signed: string;

  before(async () => {
    signed = (await signZone(directory.path, PARENT, ZONE, SIGNED.nsec)).file;
  });
  after(() => directory[Symbol.dispose]());

  const ask = (agent: Agent): Promise<AgentAnswer> => askerWith(undefined).ask(SIGNED_CHILD, agent, signal);
  const faultOf = (answer: AgentAnswer): string => (answer.kind === 'fault' ? answer.fault : 'none');

  test('S-074 TSIG: the right key is let in, none or a wrong one is not', async () => {
    const port = await freePort();
    await using _ = await startNamed(
      directory.path,
      port,
      `${KEY_STATEMENT}\n${zone(signed, 'allow-query { key agent.key; };')}`,
    );
    const agent = agentAt(port);
    assert.equal(goodOf(await ask({ ...agent, key: KEY })).ds.length, 1);
    assert.equal(faultOf(await ask(agent)), 'it answers REFUSED');
    // What is not signed as it should be does not end the wait for what is.
    const askInVain = (wrong: Agent): Promise<AgentAnswer> =>
      askerWith(undefined, 3000).ask(SIGNED_CHILD, wrong, signal);
    const wrongSecret = { ...KEY, secret: new Uint8Array(32).fill(4) };
    assert.match(faultOf(await askInVain({ ...agent, key: wrongSecret })), /refuses the TSIG of the query \(BADSIG\)/);
    const unknown = { ...KEY, name: mustName('nobody.key.') };
    assert.match(faultOf(await askInVain({ ...agent, key: unknown })), /refuses the TSIG of the query \(BADKEY\)/);
  });

  test('S-078 queries leave with the source address', async () => {
    const port = await freePort();
    await using _ = await startNamed(directory.path, port, zone(signed, 'allow-query { 127.0.0.9; };'));
    const agent = agentAt(port);
    assert.equal(faultOf(await ask(agent)), 'it answers REFUSED');
    assert.equal(goodOf(await ask({ ...agent, source: { address: '127.0.0.9', port: 0 } })).ds.length, 1);
  });
});

const zone = (file: string, more: string): string => `zone "${PARENT}" { type primary; file "${file}"; ${more} };`;

const startBind = (directory: string, port: number, file: string): Promise<Peer> =>
  startNamed(directory, port, zone(file, ''));

async function startKnot(directory: string, port: number, file: string): Promise<Peer> {
  const storage = path.join(directory, 'knot');
  fs.mkdirSync(storage);
  const configuration = `server:
  rundir: ${storage}
  listen: ${HOST}@${port}
log:
  - target: stdout
    any: info
database:
  storage: ${storage}
zone:
  - domain: ${PARENT}
    file: ${file}
    zonefile-sync: -1
`;
  fs.writeFileSync(path.join(storage, 'knot.conf'), configuration);
  return ready(new Peer('knotd', ['-c', path.join(storage, 'knot.conf')], storage), port);
}

const startNsdParent = (directory: string, port: number, file: string): Promise<Peer> =>
  ready(startNsd(directory, port, [`name: "${PARENT}"`, `zonefile: "${file}"`]), port);

/** Unbound that asks our BIND for the parent and validates nothing. */
function startUnboundParent(directory: string, port: number, parent: number): Promise<Peer> {
  const stub = `stub-zone:\n  name: "${PARENT}"\n  stub-addr: ${HOST}@${parent}\n`;
  return ready(startUnbound(directory, port, ['module-config: "iterator"'], stub), port);
}

async function ready(peer: Peer, port: number): Promise<Peer> {
  const agent = agentAt(port);
  await peer.until(async () => (await askerWith(undefined, 500).ask(SIGNED_CHILD, agent, signal)).kind === 'DS');
  return peer;
}
