import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { SimulatedClock } from '../../../src/base/clock.ts';
import { TlsHandshakes } from '../../../src/hsm/protocol/tls-handshakes.ts';

const PATIENCE = 20_000;

/** Of a socket, what is asked of it. Its end is told after it, as Node does. */
class Peer extends EventEmitter {
  readonly remoteAddress: string;
  readonly remotePort: number;
  isDestroyed = false;

  constructor(remoteAddress: string, remotePort: number) {
    super();
    this.remoteAddress = remoteAddress;
    this.remotePort = remotePort;
  }

  destroy(): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.emit('close');
  }

  get socket(): Socket {
    return this as unknown as Socket;
  }
}

function table(limits: { handshakes?: number; perPeer?: number } = {}): {
  readonly clock: SimulatedClock;
  readonly handshakes: TlsHandshakes;
} {
  const clock = new SimulatedClock(0);
  return {
    clock,
    handshakes: new TlsHandshakes({ patience: PATIENCE, handshakes: 8, perPeer: 4, ...limits }, { clock }),
  };
}

suite('TLS handshakes under way', () => {
  test('who is silent loses the connection when its time is over, and nobody else', async () => {
    const { clock, handshakes } = table();
    const [silent, done, late] = [new Peer('10.0.0.1', 1), new Peer('10.0.0.1', 2), new Peer('10.0.0.2', 1)];
    handshakes.begin(silent.socket);
    handshakes.begin(done.socket);
    await clock.advance(10);
    handshakes.begin(late.socket);
    assert.equal(handshakes.finish(done), done.socket);
    await clock.advance(9.9);
    assert.deepEqual([silent.isDestroyed, handshakes.size], [false, 2]);
    await clock.advance(0.2);
    assert.deepEqual(
      [silent.isDestroyed, done.isDestroyed, late.isDestroyed, handshakes.size],
      [true, false, false, 1],
    );
    await clock.advance(11);
    assert.deepEqual([late.isDestroyed, done.isDestroyed, handshakes.size], [true, false, 0]);
    await clock.advance(1000);
    assert.equal(done.isDestroyed, false);
  });

  test('one address has its share, all together theirs; an end gives the place back', () => {
    const { handshakes } = table();
    const peers = Array.from({ length: 5 }, (_, port) => new Peer('10.0.0.1', port));
    assert.deepEqual(
      peers.map((peer) => handshakes.begin(peer.socket)),
      [true, true, true, true, false],
    );
    assert.deepEqual(
      peers.map(({ isDestroyed }) => isDestroyed),
      [false, false, false, false, true],
    );
    const others = Array.from({ length: 5 }, (_, i) => new Peer(`10.0.1.${i}`, 1));
    assert.deepEqual(
      others.map((peer) => handshakes.begin(peer.socket)),
      [true, true, true, true, false],
    );
    peers[0].destroy();
    assert.equal(handshakes.finish(peers[1]), peers[1].socket);
    assert.equal(handshakes.size, 6);
    assert.deepEqual(
      [6, 7, 8].map((port) => handshakes.begin(new Peer('10.0.0.1', port).socket)),
      [true, true, false],
    );
    // The one that finished closes later: that place was given back already.
    peers[1].destroy();
    assert.equal(handshakes.size, 8);
  });

  test('what was not begun here is not known; the same port again is another connection', () => {
    const { handshakes } = table();
    const [first, second] = [new Peer('10.0.0.1', 1), new Peer('10.0.0.1', 1)];
    assert.equal(handshakes.finish(first), undefined);
    handshakes.begin(first.socket);
    assert.equal(handshakes.finish(first), first.socket);
    handshakes.begin(second.socket);
    first.destroy();
    assert.equal(handshakes.size, 1);
    assert.equal(handshakes.finish(second), second.socket);
  });

  test('its end ends the connections, and only those whose handshakes are under way', () => {
    const { handshakes } = table();
    const [open, done] = [new Peer('10.0.0.1', 1), new Peer('10.0.0.1', 2)];
    handshakes.begin(open.socket);
    handshakes.begin(done.socket);
    handshakes.finish(done);
    handshakes[Symbol.dispose]();
    assert.deepEqual([open.isDestroyed, done.isDestroyed, handshakes.size], [true, false, 0]);
  });

  test('whatever comes, the counts are those of a plain list', async () => {
    const step = fc.record({
      what: fc.constantFrom('begin', 'finish', 'close', 'wait'),
      address: fc.nat(3),
      port: fc.nat(20),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { clock, handshakes } = table();
        let open: { readonly peer: Peer; readonly since: number }[] = [];
        for (const { what, address, port } of steps) {
          const peer = new Peer(`10.0.0.${address}`, port);
          const known = open.find(
            (one) => one.peer.remoteAddress === peer.remoteAddress && one.peer.remotePort === port,
          );
          if (what === 'wait') {
            await clock.advance(7);
            // Looks at deadlines are a tenth of a second apart.
            await clock.advance(0.2);
            open = open.filter(({ since }) => clock.monotonic() - since < PATIENCE);
          } else if (what === 'begin' && known === undefined) {
            const own = open.filter((one) => one.peer.remoteAddress === peer.remoteAddress).length;
            const isTaken = open.length < 8 && own < 4;
            assert.equal(handshakes.begin(peer.socket), isTaken);
            if (isTaken) open.push({ peer, since: clock.monotonic() });
          } else if (what !== 'begin') {
            if (what === 'close') known?.peer.destroy();
            else assert.equal(handshakes.finish(peer), known?.peer.socket);
            open = open.filter((one) => one !== known);
          }
          assert.equal(handshakes.size, open.length);
        }
      }),
      { seed: 11, numRuns: 200 },
    );
  });
});
