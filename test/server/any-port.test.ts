import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { SystemClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { DgramEndpoint } from '../../src/net/dgram-endpoint.ts';
import { Responder } from '../../src/server/responder.ts';
import { CounterRow } from '../../src/server/statistics.ts';
import { scanZone, ZoneFixture } from './zone-fixture.ts';

const HOST = '127.0.0.1';

function responder(ports: readonly number[], bound: number[]): Responder {
  const fixture = new ZoneFixture();
  fixture.add('pool.test.', scanZone('pool.test.', '$TTL 60\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\n'));
  return new Responder(
    { tables: fixture.tables() },
    {
      arena: fixture.arena,
      clock: new SystemClock(),
      log: new MemoryLog(),
      counters: CounterRow.alone(),
      toControl: () => Promise.resolve(undefined),
      // As a kernel that chooses these ports, one after the other.
      bindUdp: async () => {
        const endpoint = await DgramEndpoint.bind({ address: HOST, port: ports[bound.length] ?? 0 });
        bound.push(endpoint.local.port);
        return endpoint;
      },
    },
  );
}

test('any port: one that another program holds for TCP is passed over', async () => {
  const other = createServer().listen(0, HOST);
  await once(other, 'listening');
  const { port: taken } = other.address() as AddressInfo;
  try {
    const bound: number[] = [];
    await using running = responder([taken, taken], bound);
    const [{ port }] = await running.listen([{ address: HOST, port: 0 }]);
    // The third may be held as well: then there is a fourth.
    assert.deepEqual([...bound.slice(0, 2), bound.at(-1)], [taken, taken, port]);
    assert.notEqual(port, taken);

    const asked: number[] = [];
    await using wanting = responder([taken], asked);
    const refused = wanting.listen([{ address: HOST, port: taken }]);
    await assert.rejects(refused, { code: 'TCP_BIND_FAILED' });
    assert.deepEqual(asked, [taken], 'a port that was asked for is not exchanged for another');
  } finally {
    other.close();
  }
});
