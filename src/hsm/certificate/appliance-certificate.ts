import { createPrivateKey, createPublicKey, generateKeyPairSync, webcrypto, X509Certificate, type KeyObject } from 'node:crypto'; // prettier-ignore
import path from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Disk } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { fingerprintOf, identityOf } from './peer-identity.ts';

/*
 * One certificate an appliance, for RPC, console and status page:
 *
 *    STATE/tls/key.pem            P-256, 0600, made once: clients pin it
 *    STATE/tls/certificate.pem    self-signed, made anew in time with the same key
 *
 * P-256 and not RSA: the vendor's client of 2019 takes both (LibreSSL: ECDHE-ECDSA with AES-GCM), and a handshake costs a tenth. Nothing of an
 * update touches these files.
 */

export interface CertificateOptions {
  readonly stateDirectory: string;
  /** "1000-0002": letters, digits and hyphens. */
  readonly serial: string;
  /** "dks-hsm". */
  readonly servername: string;
}

export interface CertificateDependencies {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: Random;
  readonly log: Log;
}

/** What TLS servers are given. */
export interface CertificateMaterial {
  /** PEM. */
  readonly certificate: string;
  /** PEM. Secret. */
  readonly key: string;
  /** As clients pin it. */
  readonly fingerprint: string;
  /** Unix time. */
  readonly notAfter: number;
}

/** Seconds. Browsers take no longer ones; clients that pin the key do not care. */
const VALIDITY = 397 * 86_400;
/** Seconds before its end at which a certificate is replaced: an HSM that is looked at once a quarter never shows an expired one. */
const RENEW_BEFORE = 100 * 86_400;
/** Seconds that clients' clocks may be behind. */
const LEEWAY = 86_400;

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Certificate and key of the appliance, on its disk. */
export class ApplianceCertificate {
  readonly #options: CertificateOptions;
  readonly #dependencies: CertificateDependencies;
  readonly #keyFile: string;
  readonly #certificateFile: string;

  /** @throws SignetError CERTIFICATE_NAME */
  constructor(options: CertificateOptions, dependencies: CertificateDependencies) {
    if (!/^[A-Za-z0-9-]{1,63}$/.test(options.serial) || !/^[A-Za-z0-9.-]{1,180}$/.test(options.servername))
      throw new SignetError('CERTIFICATE_NAME', `serial number "${options.serial}" and server name "${options.servername}" may have letters, digits and hyphens`); // prettier-ignore
    this.#options = options;
    this.#dependencies = dependencies;
    this.#keyFile = path.join(options.stateDirectory, 'tls', 'key.pem');
    this.#certificateFile = path.join(options.stateDirectory, 'tls', 'certificate.pem');
  }

  /**
   * What is there, or is made now: the key when there is none, the certificate when it is missing, soon ends, or is not of this key, name and
   * serial number. To be called at the start and once a day: another `certificate` than before is for the servers.
   * @throws SignetError CERTIFICATE_KEY when there is a key that cannot be used; DiskError
   */
  async current(): Promise<CertificateMaterial> {
    const key = this.#readKey() ?? this.#makeKey();
    const found = this.#readCertificate(key);
    const pem = found ?? (await this.#makeCertificate(key));
    const certificate = new X509Certificate(pem);
    return {
      certificate: pem,
      key: key.export({ type: 'pkcs8', format: 'pem' }),
      fingerprint: fingerprintOf(certificate),
      notAfter: certificate.validToDate.getTime() / 1000,
    };
  }

  #readKey(): KeyObject | undefined {
    const { disk } = this.#dependencies;
    const octets = disk.read(this.#keyFile);
    if (octets === undefined) return undefined;
    const refuse = (why: string): never => {
      const message = `${this.#keyFile} ${why}. Clients have pinned this key: bring back the file, or delete it for a new one, which all clients must be told of (findHSM)`;
      throw new SignetError('CERTIFICATE_KEY', message, { file: this.#keyFile });
    };
    if (((disk.facts(this.#keyFile)?.mode ?? 0) & 0o077) !== 0)
      refuse('may be read by others than its owner (chmod 600)');
    try {
      const key = createPrivateKey(Buffer.from(octets));
      if (key.asymmetricKeyType === 'ec' || key.asymmetricKeyType === 'rsa') return key;
    } catch {
      // Said below.
    }
    return refuse('is not a private key');
  }

  #makeKey(): KeyObject {
    const { disk, log } = this.#dependencies;
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: ALGORITHM.namedCurve });
    const directory = path.dirname(this.#keyFile);
    if (disk.facts(directory) === undefined) disk.makeDirectory(directory, 0o700);
    disk.replace(this.#keyFile, Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })), 0o600);
    log.write({ severity: 'notice', category: 'general', text: `made the TLS key of the HSM, ${this.#keyFile}` });
    return privateKey;
  }

  #readCertificate(key: KeyObject): string | undefined {
    const { clock, disk } = this.#dependencies;
    const octets = disk.read(this.#certificateFile);
    if (octets === undefined) return undefined;
    const pem = Buffer.from(octets).toString('latin1');
    try {
      const certificate = new X509Certificate(pem);
      const { servernames, serial } = identityOf(certificate);
      const isOurs =
        serial === this.#options.serial &&
        servernames[0] === this.#options.servername &&
        certificate.checkPrivateKey(key);
      const [begin, end] = [certificate.validFromDate.getTime() / 1000, certificate.validToDate.getTime() / 1000];
      // One from the future was made while the clock was wrong.
      return isOurs && begin <= clock.now() && clock.now() < end - RENEW_BEFORE ? pem : undefined;
    } catch {
      return undefined; // it is made from the key at any time
    }
  }

  async #makeCertificate(key: KeyObject): Promise<string> {
    const { clock, disk, log, random } = this.#dependencies;
    const { serial, servername } = this.#options;
    await import('reflect-metadata'); // asked for by what it builds on
    const x509 = await import('@peculiar/x509');
    const algorithm = key.asymmetricKeyType === 'ec' ? ALGORITHM : RSA;
    const imported = await webcrypto.subtle.importKey('pkcs8', key.export({ type: 'pkcs8', format: 'der' }), algorithm, false, ['sign']); // prettier-ignore
    const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
    const publicKey = await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify']);
    const now = clock.now();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned(
      {
        // A positive number (RFC 5280 section 4.1.2.2).
        serialNumber: `01${Buffer.from(random.fill(new Uint8Array(8))).toString('hex')}`,
        name: [{ CN: [servername] }, { '2.5.4.5': [serial] }],
        notBefore: new Date(1000 * (now - LEEWAY)),
        notAfter: new Date(1000 * (now + VALIDITY)),
        keys: { privateKey: imported, publicKey },
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension([
            { type: 'dns', value: servername },
            { type: 'dns', value: `${serial}.${servername}` },
          ]),
          await x509.SubjectKeyIdentifierExtension.create(publicKey),
        ],
      },
      webcrypto,
    );
    const pem = `${certificate.toString('pem')}\n`;
    disk.replace(this.#certificateFile, Buffer.from(pem), 0o644);
    const text = `made the TLS certificate of the HSM, ${this.#certificateFile}, with serial number ${serial} and name ${servername}`;
    log.write({ severity: 'notice', category: 'general', text });
    return pem;
  }
}

/** A key that an operator put in its place. */
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const;
