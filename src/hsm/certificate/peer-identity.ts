import { createHash, type X509Certificate } from 'node:crypto';
import { SignetError } from '../../base/error.ts';

/** What a client knows of the HSM that it means to talk to (hsm.conf). */
export interface ExpectedPeer {
  readonly servername: string;
  readonly serial: string;
  /** undefined: nobody vouched for the key yet. */
  readonly fingerprint: string | undefined;
}

/** What a certificate says of its HSM. */
export interface PeerIdentity {
  /** All names that it is for. */
  readonly servernames: readonly string[];
  /** Of the appliance; undefined when the certificate has none, as the vendor's of 2019. */
  readonly serial: string | undefined;
  readonly fingerprint: string;
}

/**
 * SHA-256 of the key (SubjectPublicKeyInfo, DER), 32 octets in lower-case hexadecimal with colons. Of the key, not of the certificate: a
 * certificate is renewed before it ends, with the same key, and what was compared once goes on matching. The same by hand:
 * `openssl x509 -in FILE -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -c`.
 */
export function fingerprintOf(certificate: X509Certificate): string {
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  const digest = createHash('sha256').update(spki).digest('hex');
  return digest.replace(/(..)(?=.)/g, '$1:');
}

export function identityOf(certificate: X509Certificate): PeerIdentity {
  // Attributes of the subject are a line each, "CN=dks-hsm".
  const lines = certificate.subject === undefined ? [] : certificate.subject.split('\n');
  const attributes = (type: string): string[] =>
    lines.filter((line) => line.startsWith(`${type}=`)).map((line) => line.slice(type.length + 1));
  const alternatives = certificate.subjectAltName?.split(', ') ?? [];
  const names = alternatives.filter((name) => name.startsWith('DNS:')).map((name) => name.slice(4));
  return {
    servernames: names.length > 0 ? names : attributes('CN'),
    serial: attributes('serialNumber')[0],
    fingerprint: fingerprintOf(certificate),
  };
}

/**
 * Name, serial number and key are those of the HSM that was meant. Dates are left out: a client whose clock is wrong must reach the HSM,
 * and the key that is compared has no date. Without a fingerprint to compare, the caller has to ask a person.
 * @throws SignetError HSM_IDENTITY
 */
export function checkPeer(certificate: X509Certificate, expected: ExpectedPeer, where: string): PeerIdentity {
  const found = identityOf(certificate);
  const refuse = (what: string, remedy: string): never => {
    throw new SignetError('HSM_IDENTITY', `${where} ${what}: ${remedy}`, { where });
  };
  if (expected.fingerprint !== undefined && found.fingerprint !== expected.fingerprint)
    refuse(
      `shows another key than the one that was pinned (${found.fingerprint}, not ${expected.fingerprint})`,
      'this may be another machine in its place. Compare with the fingerprint on the console or the status page of the HSM; when it is right, run findHSM again',
    );
  if (!found.servernames.includes(expected.servername))
    refuse(
      `is named ${found.servernames.join(', ') || 'nothing'}, not ${expected.servername}`,
      'correct <servername> in hsm.conf',
    );
  if (found.serial !== expected.serial)
    refuse(
      `is the HSM with serial number ${found.serial ?? '(none)'}, not ${expected.serial}`,
      'correct <IP> or <serial> in hsm.conf, or run findHSM again',
    );
  return found;
}
