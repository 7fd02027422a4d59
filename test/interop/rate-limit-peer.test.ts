import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { EDNS_OPTION } from '../../src/wire/edns.ts';
import { makeQuery, parseMessage, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { CLASS } from '../../src/wire/type-codes.ts';
import { typeCode } from '../../src/wire/type-text.ts';
import { fate, ZONE } from '../server/context-asker.ts';
import { MovedClock } from './moved-clock.ts';
import { freePorts, NamedProcess, until, writeConfiguration } from './named-process.ts';
import { HOST, temporaryDirectory } from './serve-peers.ts';

/* `rate-limit`: the same configuration and the same bursts of questions for Debian's named and for ours. */

type Question = readonly [name: string, type: string];

/** Rates are counted by the second, and a burst has to fall in one: the clock of both servers stands until it is moved. */
const clock = new MovedClock(1_900_000_000);
after(() => clock[Symbol.dispose]());

interface Asked {
  readonly port: number;
  /** A cookie that the server gave to this address. */
  readonly cookie: Uint8Array;
}

const CLIENT_COOKIE = '0102030405060708';

/** The server with a cookie of its own, fetched where nothing is limited. */
async function asked(server: NamedProcess): Promise<Asked> {
  const text = await server.dig('+tcp', `+cookie=${CLIENT_COOKIE}`, 'example', 'SOA');
  const [, cookie] = new RegExp(`COOKIE: (${CLIENT_COOKIE}[0-9a-f]{32})`).exec(text) ?? assert.fail(text);
  return { port: server.ports.dns, cookie: Buffer.from(cookie, 'hex') };
}

/** Under which number the last question of a burst goes. */
const LAST = 0xffff;

/**
 * What becomes of questions that are sent at once, within one second of the servers' clock. Who comes with a cookie of the server's own is
 * never limited, so the answer to a last question with it says that nothing more will come for those before it on the same socket.
 */
async function burst(servers: readonly Asked[], questions: readonly Question[]): Promise<Record<string, number>[]> {
  const message = (id: number, [name, type]: Question, cookie?: Uint8Array): Uint8Array => {
    const options = cookie === undefined ? [] : [{ code: EDNS_OPTION.COOKIE, data: cookie }];
    const question = { name: mustName(name), type: typeCode(type), class: CLASS.IN };
    return writeMessage(makeQuery(id, question, 0, { udpSize: 1232, version: 0, dnssecOk: false, options }));
  };
  const queries = questions.map((question, id) => message(id, question));
  clock.moveBy(2);
  return Promise.all(
    servers.map(async ({ port, cookie }) => {
      const socket = createSocket('udp4');
      const fates = new Map<number, string>();
      socket.on('message', (octets) =>
        fates.set(octets.readUInt16BE(0), `${fate(parseMessage(octets))} ${octets[3] & 15}`),
      );
      // A little apart, so that no buffer is too small for them.
      for (const query of queries) {
        socket.send(query, port, HOST);
        await delay(1);
      }
      const last = message(LAST, ['example.', 'SOA'], cookie);
      await until(async () => {
        socket.send(last, port, HOST);
        await Promise.race([once(socket, 'message'), delay(1000)]);
        return fates.has(LAST);
      }, `port ${port} answers who has its cookie`);
      const closed = once(socket, 'close');
      socket.close();
      await closed;
      const counts: Record<string, number> = {};
      for (const id of questions.keys()) {
        const what = fates.get(id) ?? 'drop';
        counts[what] = (counts[what] ?? 0) + 1;
      }
      return counts;
    }),
  );
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
    let both: readonly Asked[] = [];

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
      both = await Promise.all(servers.map(asked));
    });

    after(async () => {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
      for (const directory of directories) directory[Symbol.dispose]();
    });

    for (const name of bursts)
      test(`${name}: as many answers, truncated answers and drops as from BIND`, async () => {
        const [theirs, ours] = await burst(both, BURSTS[name]);
        assert.deepEqual(ours, theirs);
      });

    test('the log tells of the same limits', async () => {
      // What is told of a command comes behind all that was told before.
      for (const server of servers)
        await server.rndcUntil(/received control channel command 'querylog off'/, 'querylog', 'off');
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
  const one = await asked(server);
  const counts = await burst(
    Array.from({ length: 40 }, () => one),
    [['www.example.', 'A']],
  );
  assert.equal(counts.filter((count) => count['answer 0'] === 1).length, 6);
});
