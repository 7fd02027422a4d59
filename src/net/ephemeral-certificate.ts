import { webcrypto } from 'node:crypto';

/** A certificate that nobody vouches for, and its key, PEM. */
export interface EphemeralCertificate {
  readonly certificate: string;
  /** Secret. */
  readonly key: string;
}

/** Seconds of a year: an ephemeral certificate lives as long as the server. */
const VALIDITY = 10 * 365 * 86_400;
/** Seconds that the clocks of clients may be behind. */
const LEEWAY = 86_400;

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/**
 * Makes the certificate for `tls ephemeral`: encryption without proof of who is at the other end (RFC 7858 section 4.1).
 * @param now Unix time in seconds
 * @param serial some random octets
 */
export async function makeEphemeralCertificate(now: number, serial: Uint8Array): Promise<EphemeralCertificate> {
  // Loaded only by servers that need it: it is large.
  await import('reflect-metadata'); // asked for by what it builds on
  const { PemConverter, X509CertificateGenerator } = await import('@peculiar/x509');
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      // A positive number (RFC 5280 section 4.1.2.2).
      serialNumber: `01${Buffer.from(serial).toString('hex')}`,
      name: 'CN=ephemeral',
      notBefore: new Date(1000 * (now - LEEWAY)),
      notAfter: new Date(1000 * (now + VALIDITY)),
      keys,
      signingAlgorithm: ALGORITHM,
    },
    webcrypto,
  );
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { certificate: certificate.toString('pem'), key: PemConverter.encode(key, 'PRIVATE KEY') };
}
