import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAddress } from '../../src/net/address.ts';
import { LARGEST_ANSWER, type UdpEndpoint } from '../../src/net/udp-endpoint.ts';

/** What an adapter gives to the suite. */
export interface UdpNetwork extends AsyncDisposable {
  /** Another socket on the same address and any free port. */
  bind(port?: number): Promise<UdpEndpoint>;
  /** Lets what is under way arrive. */
  settle(): Promise<void>;
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
      await network.settle();
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
      await network.settle();
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
  });
}

function send(from: UdpEndpoint, to: UdpEndpoint, octets: Uint8Array): void {
  from.send(octets, parseAddress(to.local.address) as Uint8Array, to.local.port);
}

function collect(endpoint: UdpEndpoint): { octets: Uint8Array; port: number }[] {
  const received: { octets: Uint8Array; port: number }[] = [];
  endpoint.receive((batch) => {
    for (let i = 0; i < batch.count; i++)
      received.push({ octets: batch.received[i].slice(0, batch.receivedLength[i]), port: batch.peerPort[i] });
  });
  return received;
}
