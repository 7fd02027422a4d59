import { createServer, isIPv6 } from 'node:net';
import { bindError } from './bind-error.ts';
import { type DgramOptions, DgramEndpoint } from './dgram-endpoint.ts';

/**
 * Makes sure that no other program listens there. Sockets that share their address among threads do not find that out: the
 * kernel would give another server of the same user part of the queries.
 * @throws SignetError UDP_BIND_FAILED, TCP_BIND_FAILED
 */
export async function mustBeFree(
  { address, port }: Pick<DgramOptions, 'address' | 'port'>,
  protocol: 'UDP' | 'TCP' = 'UDP',
): Promise<void> {
  if (protocol === 'TCP') {
    await mustBeFreeForTcp(address, port);
    return;
  }
  const socket = await DgramEndpoint.bind({ address, port });
  await socket[Symbol.asyncDispose]();
}

async function mustBeFreeForTcp(address: string, port: number): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(bindError('TCP', { address, port }, error)));
    server.listen({ host: address, port, ipv6Only: isIPv6(address) }, resolve);
  });
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
