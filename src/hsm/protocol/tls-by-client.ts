import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import type { SecureVersion, Server as TlsServer } from 'node:tls';
import { offersProtocol, OWN_ALPN } from './client-hello.ts';

/**
 * SSL_OP_CLEANSE_PLAINTEXT of SSL_CTX_set_options(3), which node:crypto has no name for: what was decrypted does not stay in the connection's
 * buffer until the next record comes.
 */
const CLEANSE_PLAINTEXT = 1 << 1;

/** `secureOptions` of ports that take PINs: nothing of them stays, and nothing is resumed. */
export const SECRET_TLS_OPTIONS: number = constants.SSL_OP_NO_TICKET | CLEANSE_PLAINTEXT;

/**
 * TLS for our clients and the vendor's on one port. Where TLS 1.2 is allowed, only clients that offer our ALPN get TLS 1.3: the vendor's,
 * built with a library of today, take the session tickets of TLS 1.3 for data that cannot be read.
 */
export class TlsByClient {
  readonly #server: TlsServer;
  /** For the vendor's clients; undefined: TLS 1.3 only. */
  readonly #oldServer: TlsServer | undefined;

  /** @param make a server bound to nothing, which knows how to begin TLS on a socket, up to that version */
  constructor(minVersion: 'TLSv1.2' | 'TLSv1.3', make: (maxVersion: SecureVersion) => TlsServer) {
    this.#server = make('TLSv1.3');
    this.#oldServer = minVersion === 'TLSv1.2' ? make('TLSv1.2') : undefined;
  }

  /** Begins TLS; the ClientHello that is looked at stays in the socket. */
  begin(socket: Socket): void {
    const old = this.#oldServer;
    if (old === undefined) {
      this.#server.emit('connection', socket);
      return;
    }
    let octets: Buffer = Buffer.alloc(0);
    const look = (): void => {
      // One buffer, not a list of chunks: a hello that comes octet by octet must not cost more with each of them.
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null)
        octets = Buffer.concat([octets, chunk]);
      const isOurs = offersProtocol(octets, OWN_ALPN);
      if (isOurs === undefined) return;
      socket.off('readable', look);
      socket.unshift(octets);
      (isOurs ? this.#server : old).emit('connection', socket);
    };
    socket.on('readable', look);
    socket.once('end', () => socket.destroy());
  }
}
