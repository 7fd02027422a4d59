import { type DgramOptions, DgramEndpoint } from './dgram-endpoint.ts';

/**
 * Makes sure that no other program listens there. Sockets that share their address among threads do not find that out: the
 * kernel would give another server of the same user part of the queries.
 * @throws SignetError UDP_BIND_FAILED
 */
export async function mustBeFree({ address, port }: Pick<DgramOptions, 'address' | 'port'>): Promise<void> {
  const socket = await DgramEndpoint.bind({ address, port });
  await socket[Symbol.asyncDispose]();
}
