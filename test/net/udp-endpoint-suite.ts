import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { parseAddress } from '../../src/net/address.ts';
import { LARGEST_ANSWER, type UdpEndpoint } from '../../src/net/udp-endpoint.ts';

/** What an adapter gives to the suite. */
export interface UdpNetwork extends AsyncDisposable {
  /** Another socket on the same address and any free port. */
  bind(port?: number): Promise<UdpEndpoint>;
  /** Waits until what has to come has come, then lets arrive what else is under way. */
  settle(hasCome?: () => boolean): Promise<void>;
}

/** Of real sockets on loopback, where 150 ms are plenty for what comes though it should not; a test says itself what has not come in a minute. */
export async function settleOnLoopback(hasCome = (): boolean => true): Promise<void> {
  for (const end = performance.now() + 60_000; !hasCome() && performance.now() < end;) await delay(5);
  await delay(150);
}

/** Every adapter of UdpEndpoint passes this. */
export function udpEndpointSuite(name: string, open: () => Promise<UdpNetwork>): void {
  describe(`UdpEndpoint: ${name}`, () => {
    test('answers a datagram to where it came from', async () => {
      await using network = await open();
      await using server = await network.bind();
      await using client = await network.bind();
      server.receive((batch) => {
        for (let i = 0; i < batch.count; i++) {
          batch.answers[i].set(batch.received[i].subarray(0, batch.receivedLength[i]).toReversed());
          batch.answerLength[i] = batch.receivedLength[i];
        }
      });
      const answers = collect(client);
      for (const octet of [1, 2, 3]) send(client, server, Uint8Array.of(0, octet));
      await network.settle(() => answers.length >= 3);
      assert.deepEqual(answers.map(({ octets }) => [...octets]).toSorted(), [[1, 0], [2, 0], [3, 0]]); // prettier-ignore
      assert.ok(answers.every(({ port }) => port === server.local.port));
    });

    test('sends nothing for a datagram without an answer', async () => {
      await using network = await open();
      await using server = await network.bind();
      await using client = await network.bind();
      server.receive(() => undefined);
      const answers = collect(client);
      send(client, server, Uint8Array.of(1));
      await network.settle();
      assert.deepEqual(answers, []);
    });

    test('carries the largest answer', async () => {
      await using network = await open();
      await using server = await network.bind();
      await using client = await network.bind();
      server.receive((batch) => {
        for (let i = 0; i < batch.count; i++) batch.answerLength[i] = batch.answers[i].fill(7).length;
      });
      const answers = collect(client);
      send(client, server, Uint8Array.of(1));
      await network.settle(() => answers.length > 0);
      assert.deepEqual(
        answers.map(({ octets }) => octets.length),
        [LARGEST_ANSWER],
      );
    });

    test('refuses an address that is taken, naming it', async () => {
      await using network = await open();
      await using server = await network.bind();
      await assert.rejects(network.bind(server.local.port), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'UDP_BIND_FAILED');
        assert.match(error.message, new RegExp(`#${server.local.port}`));
        return true;
      });
    });

    test('can be closed twice, and sends nothing afterwards', async () => {
      await using network = await open();
      await using client = await network.bind();
      const server = await network.bind();
      const answers = collect(client);
      await server[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      send(server, client, Uint8Array.of(1));
      await network.settle();
      assert.deepEqual(answers, []);
    });

    test('answers each of a burst to the client that asked, and only what is to be answered', async () => {
      await using network = await open();
      await using server = await network.bind();
      await using clients = await bindMany(network, 4);
      server.receive((batch) => {
        assert.ok(batch.count >= 1 && batch.count <= batch.answers.length);
        for (let i = 0; i < batch.count; i++) {
          const octets = batch.received[i].subarray(0, batch.receivedLength[i]);
          if (octets[0] % 3 === 0) continue;
          batch.answers[i].set(octets);
          batch.answerLength[i] = octets.length;
        }
      });
      const answers = clients.endpoints.map(collect);
      // As many octets as the first one says, and behind it which client it is: 200 in all.
      for (let length = 2; length < 52; length++)
        for (const [who, client] of clients.endpoints.entries())
          send(client, server, new Uint8Array(length).fill(who).with(0, length));
      const expected = Array.from({ length: 50 }, (_, i) => i + 2).filter((length) => length % 3 !== 0);
      await network.settle(() => answers.every(({ length }) => length >= expected.length));
      for (const [who, received] of answers.entries()) {
        const lengths = received.map(({ octets }) => octets.length).toSorted((a, b) => a - b);
        assert.deepEqual(lengths, expected);
        for (const { octets } of received)
          assert.deepEqual(octets, new Uint8Array(octets.length).fill(who).with(0, octets.length));
      }
    });

    test('receives a datagram without octets', async () => {
      await using network = await open();
      await using server = await network.bind();
      await using client = await network.bind();
      const received = collect(server);
      send(client, server, new Uint8Array());
      await network.settle(() => received.length > 0);
      assert.deepEqual(received, [{ octets: new Uint8Array(), port: client.local.port }]);
    });

    test('gives the octets of the address that a datagram came from', async () => {
      await using network = await open();
      await using server = await network.bind();
      await using client = await network.bind();
      let peer: Uint8Array | undefined;
      server.receive((batch) => (peer = batch.peers.slice(0, batch.peerLength[0])));
      send(client, server, Uint8Array.of(1));
      await network.settle(() => peer !== undefined);
      assert.deepEqual(peer, parseAddress(client.local.address));
    });

    test('gives the datagrams to the last handler only', async () => {
      await using network = await open();
      await using server = await network.bind();
      await using client = await network.bind();
      const first = collect(server);
      const second = collect(server);
      send(client, server, Uint8Array.of(1));
      await network.settle(() => second.length > 0);
      assert.deepEqual([first.length, second.length], [0, 1]);
    });

    test('sends to others while a batch is handled', async () => {
      await using network = await open();
      await using server = await network.bind();
      await using client = await network.bind();
      await using other = await network.bind();
      server.receive((batch) => {
        send(server, other, batch.received[0].subarray(0, batch.receivedLength[0]));
        batch.answers[0][0] = 2;
        batch.answerLength[0] = 1;
      });
      const answers = collect(client);
      const forwarded = collect(other);
      send(client, server, Uint8Array.of(1));
      await network.settle(() => answers.length > 0 && forwarded.length > 0);
      const { port } = server.local;
      assert.deepEqual(answers, [{ octets: Uint8Array.of(2), port }]);
      assert.deepEqual(forwarded, [{ octets: Uint8Array.of(1), port }]);
    });

    test('can be closed by the handler in the middle of a burst; the address is free then', async () => {
      await using network = await open();
      await using client = await network.bind();
      const server = await network.bind();
      let batches = 0;
      let closed: PromiseLike<void> | undefined;
      server.receive((batch) => {
        batches++;
        batch.answerLength.fill(1);
        closed = server[Symbol.asyncDispose]();
      });
      const answers = collect(client);
      for (let i = 0; i < 200; i++) send(client, server, Uint8Array.of(i));
      await network.settle(() => batches > 0);
      await closed;
      assert.deepEqual([batches, answers], [1, []]);
      await using again = await network.bind(server.local.port);
      assert.equal(again.local.port, server.local.port);
    });
  });
}

async function bindMany(network: UdpNetwork, count: number): Promise<AsyncDisposable & { endpoints: UdpEndpoint[] }> {
  const endpoints: UdpEndpoint[] = [];
  for (let i = 0; i < count; i++) endpoints.push(await network.bind());
  return {
    endpoints,
    [Symbol.asyncDispose]: async () => {
      for (const endpoint of endpoints) await endpoint[Symbol.asyncDispose]();
    },
  };
}

function send(from: UdpEndpoint, to: UdpEndpoint, octets: Uint8Array): void {
  from.send(octets, parseAddress(to.local.address) as Uint8Array, to.local.port);
}

function collect(endpoint: UdpEndpoint): { octets: Uint8Array; port: number }[] {
  const received: { octets: Uint8Array; port: number }[] = [];
  endpoint.receive((batch) => {
    for (let i = 0; i < batch.count; i++) {
      const octets = new Uint8Array(batch.received[i].subarray(0, batch.receivedLength[i])); // a copy, whatever it is
      received.push({ octets, port: batch.peerPort[i] });
    }
  });
  return received;
}
