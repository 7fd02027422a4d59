import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { execute, freePorts, NamedProcess, writeConfiguration } from './named-process.ts';
import { HOST, temporaryDirectory } from './serve-peers.ts';

/* Our named with two of Debian's as servers of the parent: nobody tells it anything. */

const POLICY = `dnssec-policy quick { keys { ksk lifetime unlimited algorithm 13; zsk lifetime unlimited algorithm 13; }; dnskey-ttl 1; max-zone-ttl 1; publish-safety 1;
  retire-safety 1; zone-propagation-delay 0; parent-ds-ttl 1; parent-propagation-delay 0; };`;

const CHILD = '$TTL 1\n@ SOA ns h 1 3600 600 86400 1\n@ NS ns\nns A 127.0.0.1\n';
const parentZone = (serial: number, ds: string): string =>
  `$TTL 1\n@ SOA ns h ${serial} 3600 600 86400 1\n@ NS ns\nns A 127.0.0.1\nchild NS ns.child\nns.child A 127.0.0.1\n${ds}`;

/** One of the parent's servers, with or without the DS. */
class ParentServer implements AsyncDisposable {
  readonly named: NamedProcess;
  #serial = 1;

  private constructor(named: NamedProcess) {
    this.named = named;
  }

  static async start(home: string): Promise<ParentServer> {
    fs.mkdirSync(home);
    const ports = await freePorts();
    fs.writeFileSync(path.join(home, 'parent.db'), parentZone(1, ''));
    writeConfiguration(home, ports, 'zone "parent.test" { type primary; file "parent.db"; };');
    return new ParentServer(await NamedProcess.start(home, ports, 'debian'));
  }

  async show(ds: string): Promise<void> {
    const { directory } = this.named;
    fs.writeFileSync(path.join(directory, 'parent.db'), parentZone(++this.#serial, ds));
    await this.named.rndcUntil(new RegExp(`parent\\.test/IN: loaded serial ${this.#serial}`), 'reload');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.named[Symbol.asyncDispose]();
  }
}

/** Bases of the files of key-signing keys, the oldest first. */
function kskFiles(home: string): string[] {
  const bases = fs
    .readdirSync(home)
    .flatMap((name) => (name.endsWith('.key') ? path.join(home, name.slice(0, -4)) : []));
  const ksks = bases.filter((base) => fs.readFileSync(`${base}.key`, 'latin1').includes('DNSKEY 257'));
  const generated = (base: string): string => /^Generated: (\d+)/m.exec(stateOf(base))?.[1] ?? '';
  return ksks.toSorted((a, b) => (generated(a) < generated(b) ? -1 : 1));
}

const stateOf = (base: string): string => fs.readFileSync(`${base}.state`, 'latin1');

async function dsOf(base: string): Promise<string> {
  return (await execute('dnssec-dsfromkey', ['-2', `${base}.key`])).stdout;
}

/** Waits five minutes: rounds of questions come by the minute. */
async function untilLate(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1200 && !condition(); i++) await delay(250);
  assert.ok(condition(), `it did not come to this: ${what}`);
}

test('S-075 S-161 the DS at all parental agents ends a rollover without a command; at one of two it does not', async () => {
  using directory = temporaryDirectory();
  const home = path.join(directory.path, 'child');
  await using first = await ParentServer.start(path.join(directory.path, 'first'));
  await using second = await ParentServer.start(path.join(directory.path, 'second'));
  fs.mkdirSync(home);
  fs.writeFileSync(path.join(home, 'child.db'), CHILD);
  const agents = [first, second].map(({ named }) => `${HOST} port ${named.ports.dns};`).join(' ');
  const zone = `zone "child.parent.test" { type primary; file "child.db"; inline-signing yes; dnssec-policy quick;
    key-directory "${home}"; parental-agents { ${agents} }; };`;
  const ports = await freePorts();
  writeConfiguration(home, ports, `${POLICY}\n${zone}`);
  await using child = await NamedProcess.start(home, ports, 'ours');
  const lacks = ({ named }: ParentServer): RegExp =>
    new RegExp(`agent ${HOST}#${named.ports.dns} does not have the DS of`);
  await child.line(lacks(first));
  await child.line(lacks(second));
  const [firstKey] = kskFiles(home);
  await first.show(await dsOf(firstKey));
  const seen = 'is at all parental agents';
  // `rndc loadkeys` has the agents asked at once.
  await child.rndc('loadkeys', 'child.parent.test');
  await delay(2000);
  assert.ok(!child.log.includes(seen));
  assert.match(stateOf(firstKey), /^DSState: rumoured$/m);
  assert.doesNotMatch(stateOf(firstKey), /^DSPublish:/m);
  await second.show(await dsOf(firstKey));
  await child.rndc('loadkeys', 'child.parent.test');
  await untilLate(() => child.log.includes(seen), 'the DS was seen at both');
  await untilLate(() => /^DSState: omnipresent$/m.test(stateOf(firstKey)), 'the DS is in all caches');
  assert.match(stateOf(firstKey), /^DSPublish: \d{14}/m);

  const tag = /\+(\d+)$/.exec(firstKey)![1];
  const from = child.log.length;
  await child.rndc('dnssec', '-rollover', '-key', tag, 'child.parent.test');
  await child.line(lacks(second), from);
  const [, secondKey] = kskFiles(home);
  // The parent puts the new DS in the place of the old one. The next round comes by itself, after a minute.
  for (const server of [first, second]) await server.show(await dsOf(secondKey));
  await untilLate(
    () => child.log.slice(from).includes('is at none of the parental agents any more'),
    'the old DS is gone',
  );
  await untilLate(() => /^DNSKEYState: hidden$/m.test(stateOf(firstKey)), 'the old key has left the zone');
  const [old, successor] = [firstKey, secondKey].map(stateOf);
  assert.match(old, /^DSRemoved: \d{14}/m);
  assert.match(old, /^DSState: hidden$/m);
  assert.match(successor, /^DSState: omnipresent$/m);
  assert.match(successor, /^DSPublish: \d{14}/m);
});
