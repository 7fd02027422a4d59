import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { makeQuery, parseMessage, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { CLASS } from '../../src/wire/type-codes.ts';
import { typeCode } from '../../src/wire/type-text.ts';
import { fate, ZONE } from '../server/context-asker.ts';
import { freePorts, NamedProcess, writeConfiguration } from './named-process.ts';
import { HOST, temporaryDirectory } from './serve-peers.ts';

/* `rate-limit`: the same configuration and the same bursts of questions for Debian's named and for ours. */

type Question = readonly [name: string, type: string];

/** Answers to questions that are sent at once, within one second of the clock: that is what rates are counted by. */
async function burst(ports: readonly number[], questions: readonly Question[]): Promise<Record<string, number>[]> {
  const sockets = ports.map(() => createSocket('udp4'));
  const fates = ports.map(() => new Map<number, string>());
  sockets.forEach((socket, i) =>
    socket.on('message', (octets) =>
      fates[i].set(octets.readUInt16BE(0), `${fate(parseMessage(octets))} ${octets[3] & 15}`),
    ),
  );
  const edns = { udpSize: 1232, version: 0, dnssecOk: false, options: [] };
  const queries = questions.map(([name, type], id) =>
    writeMessage(makeQuery(id, { name: mustName(name), type: typeCode(type), class: CLASS.IN }, 0, edns)),
  );
  await delay(1000 - (Date.now() % 1000) + 20);
  // A little apart, so that no buffer is too small for them.
  for (const query of queries) {
    sockets.forEach((socket, i) => socket.send(query, ports[i], HOST));
    await delay(1);
  }
  await delay(500);
  for (const socket of sockets) {
    const closed = once(socket, 'close');
    socket.close();
    await closed;
  }
  return fates.map((all) => {
    const counts: Record<string, number> = {};
    for (let id = 0; id < questions.length; id++) {
      const what = all.get(id) ?? 'drop';
      counts[what] = (counts[what] ?? 0) + 1;
    }
    return counts;
  });
}

const times = (count: number, ...questions: readonly Question[]): Question[] =>
  Array.from({ length: count }, (_, i) => questions[i % questions.length]);

/** Bursts that share no entry of the table with one another, save for errors and what all-per-second counts. */
const BURSTS: Readonly<Record<string, readonly Question[]>> = {
  'one name': times(20, ['www.example.', 'A']),
  'two types of a name': times(20, ['ns.example.', 'A'], ['ns.example.', 'NSEC']),
  'names that do not exist': times(20, ['a.gone.example.', 'A'], ['b.gone.example.', 'TXT'], ['www.www.example.', 'A']),
  'no data of several types': times(20, ['www.example.', 'MX'], ['www.example.', 'TXT']),
  // BIND counts an empty non-terminal that has one child alone with a name above it, an accident of its tree.
  'an empty non-terminal': times(20, ['empty.example.', 'A']),
  'referrals of one cut': times(20, ['a.sub.example.', 'A'], ['b.c.sub.example.', 'MX']),
  'referrals of two cuts': times(20, ['a.sub2.example.', 'A'], ['a.sub3.example.', 'A']),
  'a wildcard': times(20, ['a.wild.example.', 'A'], ['b.wild.example.', 'A'], ['c.d.wild.example.', 'A']),
  'a wildcard without data': times(20, ['a.wild.example.', 'MX'], ['b.wild.example.', 'MX']),
  'below a DNAME': times(20, ['a.moved.example.', 'A'], ['b.moved.example.', 'A']),
  'aliases of nothing': times(20, ['alias.example.', 'A']),
  'the apex': times(20, ['example.', 'SOA'], ['example.', 'NS'], ['example.', 'DNSKEY']),
  'zones that are not here': times(20, ['a.test.', 'A'], ['b.test.', 'MX']),
};

const ALL = Object.keys(BURSTS);

/** Each with the bursts that show something. */
const LIMITS: Readonly<Record<string, readonly string[]>> = {
  'responses-per-second 5; errors-per-second 3; window 5;': ALL,
  'responses-per-second 4; nodata-per-second 2; nxdomains-per-second 3; referrals-per-second 1; slip 3; window 3;': ALL,
  'all-per-second 6; slip 1; window 1;': ['one name', 'the apex', 'zones that are not here'],
  'responses-per-second 7; all-per-second 9; errors-per-second 0; slip 1; window 1;': [
    'one name',
    'two types of a name',
    'referrals of two cuts',
    'zones that are not here',
  ],
  'nxdomains-per-second 2; slip 0;': ['one name', 'names that do not exist'],
  'responses-per-second 2; log-only yes;': ['one name', 'zones that are not here'],
  'responses-per-second 2; exempt-clients { 127.0.0.0/8; };': ['one name', 'zones that are not here'],
};

for (const [limits, bursts] of Object.entries(LIMITS))
  describe(`rate-limit { ${limits} }`, () => {
    const directories = [temporaryDirectory(), temporaryDirectory()];
    let servers: readonly NamedProcess[] = [];

    before(async () => {
      servers = await Promise.all(
        directories.map(async (directory, i) => {
          const ports = await freePorts();
          fs.writeFileSync(path.join(directory.path, 'db.example'), `${ZONE}sub3.example. NS ns.sub.example.\n`);
          writeConfiguration(directory.path, ports, 'zone "example" { type primary; file "db.example"; };', {
            options: `minimal-any yes; rate-limit { ${limits} };`,
          });
          return NamedProcess.start(directory.path, ports, i === 0 ? 'debian' : 'ours');
        }),
      );
    });

    after(async () => {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
      for (const directory of directories) directory[Symbol.dispose]();
    });

    for (const name of bursts)
      test(`${name}: as many answers, truncated answers and drops as from BIND`, async () => {
        const [theirs, ours] = await burst(
          servers.map(({ ports }) => ports.dns),
          BURSTS[name],
        );
        assert.deepEqual(ours, theirs);
      });

    test('the log tells of the same limits', () => {
      const told = (log: string): string[] =>
        [...log.matchAll(/ ((?:would )?limit \S* ?(?:error )?responses to [^(\n]*?)(?: *\([0-9a-f]{8}\))?$/gm)]
          .map(([, text]) => text)
          .toSorted();
      assert.deepEqual(told(servers[1].log), told(servers[0].log));
    });
  });

test('ports of one client, spread over all threads, share one limit', async () => {
  using directory = temporaryDirectory();
  const ports = await freePorts();
  fs.writeFileSync(path.join(directory.path, 'db.example'), ZONE);
  writeConfiguration(directory.path, ports, 'zone "example" { type primary; file "db.example"; };', {
    options: 'rate-limit { responses-per-second 6; slip 0; window 1; };',
  });
  await using server = await NamedProcess.start(directory.path, ports, 'ours', ['-n', '4']);
  const counts = await burst(
    Array.from({ length: 40 }, () => server.ports.dns),
    [['www.example.', 'A']],
  );
  assert.equal(counts.filter((count) => count['answer 0'] === 1).length, 6);
});
