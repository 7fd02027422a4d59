import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { execute, freePorts, NamedProcess, until, writeConfiguration } from './named-process.ts';
import { HOST, temporaryDirectory } from './serve-peers.ts';

/* Our named with two of Debian's as servers of the parent: nobody tells it anything. */

const POLICY = `dnssec-policy quick { keys { csk lifetime unlimited algorithm 13; }; dnskey-ttl 1; max-zone-ttl 1; publish-safety 1;
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

const stateOf = (home: string): string => {
  const file = fs.readdirSync(home).find((name) => name.endsWith('.state'));
  return file === undefined ? '' : fs.readFileSync(path.join(home, file), 'latin1');
};

/** Waits two minutes. */
async function untilLate(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 480 && !condition(); i++) await delay(250);
  assert.ok(condition(), `it did not come to this: ${what}`);
}

test('S-075 S-161 the DS at all parental agents is enough, no command is needed; at one of two it is not', async () => {
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
  const keyFile = fs.readdirSync(home).find((name) => name.endsWith('.key'))!;
  const { stdout: ds } = await execute('dnssec-dsfromkey', ['-2', path.join(home, keyFile)]);
  await first.show(ds);
  const told = child.log.length;
  // `rndc loadkeys` has the agents asked at once.
  await child.rndc('loadkeys', 'child.parent.test');
  await until(() => child.log.slice(told).includes('loadkeys'), 'the command is in the log');
  assert.match(stateOf(home), /^DSState: rumoured$/m);
  assert.doesNotMatch(stateOf(home), /^DSPublish:/m);
  await second.show(ds);
  // The next round comes by itself, after a minute: the DS's TTL is shorter.
  await untilLate(() => child.log.includes('is at all parental agents'), 'the DS was seen at both');
  await untilLate(() => /^DSState: omnipresent$/m.test(stateOf(home)), 'the DS is in all caches');
  assert.match(stateOf(home), /^DSPublish: \d{14}/m);
});
