import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import { suite, test } from 'node:test';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import fc from 'fast-check';
import { offersProtocol } from '../../../src/hsm/protocol/client-hello.ts';

/** The first octets of a client of this machine's OpenSSL. */
async function helloOf(options: ConnectionOptions): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const accepted = once(server, 'connection');
  const raw = connect(port, '127.0.0.1');
  const client = connectTls({ socket: raw, rejectUnauthorized: false, ...options });
  client.on('error', () => undefined);
  const [socket] = (await accepted) as [typeof raw];
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  while (offersProtocol(Buffer.concat(chunks), 'x') === undefined) await once(socket, 'data');
  client.destroy();
  socket.destroy();
  server.close();
  return Buffer.concat(chunks);
}

suite('RFC 7301 ALPN in a ClientHello', () => {
  test('what a client offers is found, whatever else it sends, and nothing before the hello is whole', async () => {
    const hellos = [
      await helloOf({ ALPNProtocols: ['h2', 'signet-hsm'], servername: 'dks-hsm' }),
      await helloOf({ ALPNProtocols: ['signet-hsm'], maxVersion: 'TLSv1.2' }),
    ];
    for (const hello of hellos) {
      assert.equal(offersProtocol(hello, 'signet-hsm'), true);
      assert.equal(offersProtocol(hello, 'signet'), false);
      for (let i = 0; i < hello.length; i++)
        assert.equal(offersProtocol(hello.subarray(0, i), 'signet-hsm'), undefined);
    }
    assert.equal(offersProtocol(await helloOf({ servername: 'dks-hsm' }), 'signet-hsm'), false);
  });

  test('hostile octets: an answer, whatever their lengths say', async () => {
    const hello = await helloOf({ ALPNProtocols: ['signet-hsm'] });
    assert.equal(offersProtocol(Buffer.from('GET / HTTP/1.0'), 'signet-hsm'), false);
    assert.equal(offersProtocol(Buffer.from('160301ffff', 'hex'), 'signet-hsm'), false);
    fc.assert(
      fc.property(fc.nat(hello.length - 1), fc.nat(255), fc.nat(hello.length), (at, value, length) => {
        const changed = Buffer.from(hello.subarray(0, length));
        if (at < length) changed[at] = value;
        assert.ok([true, false, undefined].includes(offersProtocol(changed, 'signet-hsm')));
      }),
      { seed: 5, numRuns: 3000 },
    );
  });
});
