import { constants } from 'node:crypto';
import type { TlsOptions } from 'node:tls';

/** All that TLS needs of a `tls` block: plain data, sent to the threads. Never logged. */
export interface TlsMaterial {
  /** Name of the block. */
  readonly name: string;
  /** Certificates of the server, PEM. */
  readonly certificate: string;
  /** PEM. Secret. */
  readonly key: string;
  /** Authorities of the clients' certificates, PEM: then only clients that have one are served. */
  readonly authorities?: string;
  /** PEM. */
  readonly dhParameters?: string;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
  /** For TLS 1.2, as OpenSSL writes lists of ciphers; undefined: OpenSSL's default. */
  readonly ciphers?: string;
  readonly preferServerCiphers: boolean;
  readonly sessionTickets: boolean;
  /** 48 octets, the same in all threads: a session goes on in whichever thread it meets. Secret. */
  readonly ticketKeys: Uint8Array;
}

/** The list `ciphers` is about TLS 1.2; the suites of TLS 1.3 are OpenSSL's own. */
export const TLS13_SUITES = 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256';

/** The form in which node takes it. */
export function tlsOptions(material: TlsMaterial): TlsOptions {
  const { authorities, ciphers, dhParameters } = material;
  return {
    cert: material.certificate,
    key: material.key,
    minVersion: material.minVersion,
    maxVersion: material.maxVersion,
    honorCipherOrder: material.preferServerCiphers,
    ticketKeys: Buffer.from(material.ticketKeys),
    secureOptions: material.sessionTickets ? 0 : constants.SSL_OP_NO_TICKET,
    ...(dhParameters !== undefined && { dhparam: dhParameters }),
    ...(ciphers !== undefined && { ciphers: `${TLS13_SUITES}:${ciphers}` }),
    ...(authorities !== undefined && { ca: authorities, requestCert: true, rejectUnauthorized: true }),
  };
}
