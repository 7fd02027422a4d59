import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogRecord } from '../../src/base/log.ts';
import type { TcpConnection } from '../../src/net/tcp-listener.ts';
import type { AllowedTransfer } from '../../src/server/answer.ts';
import { CounterRow } from '../../src/server/statistics.ts';
import { TransferServer } from '../../src/server/transfer-server.ts';
import { parseMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { RCODE } from '../../src/wire/type-codes.ts';
import { clearReader, ReaderEpoch, transfersRunning } from '../../src/zone/store/reader-epoch.ts';
import { scanZone, ZoneFixture } from './zone-fixture.ts';

const fixture = new ZoneFixture();
const store = fixture.add('x.test.', scanZone('x.test.', '$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n'));
const allowed: AllowedTransfer = {
  apex: mustName('x.test.'),
  slot: store.slot,
  type: 'AXFR',
  request: { name: mustName('x.test.'), recursionDesired: false, edns: undefined },
  serial: undefined,
  key: -1,
  counters: -1,
};
const request = Uint8Array.from([
  0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0x78, 4, 0x74, 0x65, 0x73, 0x74, 0, 0, 252, 0, 1,
]);

/** A connection whose client reads only when `read` is called. */
class SlowConnection {
  readonly sent: Uint8Array[] = [];
  readonly peer = { address: '192.0.2.9', port: 53 };
  readonly signal = new AbortController().signal;
  readonly #read = Promise.withResolvers<void>();

  send(message: Uint8Array): boolean {
    this.sent.push(message.slice());
    return false;
  }

  drained(): Promise<void> {
    return this.#read.promise;
  }

  read(): void {
    this.#read.resolve();
  }

  hold(): () => void {
    return () => undefined;
  }

  close(): void {
    this.#read.resolve();
  }
}

function newServer(mostTransfers: number, log: LogRecord[]): TransferServer {
  const counters = CounterRow.alone();
  const write = (record: LogRecord): void => void log.push(record);
  return new TransferServer({ mostTransfers }, { arena: fixture.arena, log: { write }, counters });
}

function begin(server: TransferServer): SlowConnection {
  const connection = new SlowConnection();
  server.start(connection as unknown as TcpConnection, allowed, request, 9, 'x.test', undefined);
  return connection;
}

test('transfers of all threads count together, and one more is refused with SERVFAIL', async () => {
  const log: LogRecord[] = [];
  const servers = [newServer(2, log), newServer(2, log)];
  // Of the two places that are taken only the transfer's counts.
  const places = [new ReaderEpoch(fixture.arena, 'transfer'), new ReaderEpoch(fixture.arena)];
  assert.equal(transfersRunning(fixture.arena), 1);
  const first = begin(servers[0]);
  await servers[0].idle();
  assert.equal(parseMessage(first.sent[0]).answers.length, 4);
  const second = new ReaderEpoch(fixture.arena, 'transfer');
  const refused = begin(servers[1]);
  assert.equal(parseMessage(refused.sent[0]).rcode, RCODE.SERVFAIL);
  assert.match(log.at(-1)!.text, /AXFR refused for now: 2 transfers are running/);
  assert.equal(transfersRunning(fixture.arena), 2);
  second.close();
  for (const place of places) place.close();
  assert.equal(transfersRunning(fixture.arena), 0);
});

test('a transfer whose thread died is counted no more', () => {
  const place = new ReaderEpoch(fixture.arena, 'transfer');
  assert.equal(transfersRunning(fixture.arena), 1);
  clearReader(fixture.arena, place.id);
  assert.equal(transfersRunning(fixture.arena), 0);
});
