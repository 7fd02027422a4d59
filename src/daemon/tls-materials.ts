import { X509Certificate } from 'node:crypto';
import path from 'node:path';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { DiskError, type Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { latin1Text } from '../base/octets.ts';
import type { Random } from '../base/random.ts';
import type { Configuration, TlsConfiguration } from '../conf/configuration.ts';
import { TLS_DEFAULTS } from '../conf/defaults.ts';
import { type EphemeralCertificate, makeEphemeralCertificate } from '../net/ephemeral-certificate.ts';
import { type TlsMaterial, tlsOptions } from '../net/tls-material.ts';
import { serverEvent } from './events.ts';

export interface TlsMaterialsDependencies {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Log;
  readonly random: Random;
}

/** The name that stands for a certificate made at the start. */
const EPHEMERAL = 'ephemeral';
/** RFC 5077 as OpenSSL does it: name, HMAC key and AES key. */
const TICKET_KEY_OCTETS = 48;
const SERIAL_OCTETS = 15;

/** Certificates and keys of the `tls` blocks that listeners use. Contents of key files go to the responders and nowhere else. */
export class TlsMaterials {
  readonly #dependencies: TlsMaterialsDependencies;
  #materials = new Map<string, TlsMaterial>();
  #ephemeral: EphemeralCertificate | undefined;

  constructor(dependencies: TlsMaterialsDependencies) {
    this.#dependencies = dependencies;
  }

  /** Undefined for a block that could not be read yet. */
  get(name: string): TlsMaterial | undefined {
    return this.#materials.get(name);
  }

  /**
   * Reads the files of all blocks that listeners use.
   * @param atStart a file that is unusable is an error; later the block keeps what it had, and the log tells so
   * @throws SignetError TLS_UNUSABLE
   */
  async read(configuration: Configuration, atStart: boolean): Promise<void> {
    const materials = new Map<string, TlsMaterial>();
    for (const { tls: name } of [...configuration.listenOn, ...configuration.listenOnV6]) {
      if (name === undefined || materials.has(name)) continue;
      const material = await this.#readOne(name, configuration, atStart);
      if (material !== undefined) materials.set(name, material);
    }
    this.#materials = materials;
  }

  async #readOne(name: string, { tls }: Configuration, atStart: boolean): Promise<TlsMaterial | undefined> {
    if (name === EPHEMERAL) return this.#materials.get(name) ?? (await this.#makeEphemeral());
    const block = tls.get(name);
    try {
      return block && this.#load(block);
    } catch (error) {
      if (atStart || !(error instanceof SignetError)) throw error;
      const kept = this.#materials.get(name);
      this.#dependencies.log.write(serverEvent.tlsUnusable(error.message, kept !== undefined));
      return kept;
    }
  }

  #load(block: TlsConfiguration): TlsMaterial {
    const { name, caFile, dhparamFile, ciphers, minVersion, maxVersion, preferServerCiphers, sessionTickets } = block;
    const material: TlsMaterial = {
      name,
      certificate: this.#readFile(block, 'cert-file', block.certFile),
      key: this.#readFile(block, 'key-file', block.keyFile),
      minVersion,
      maxVersion,
      preferServerCiphers,
      sessionTickets,
      ticketKeys: this.#dependencies.random.fill(new Uint8Array(TICKET_KEY_OCTETS)),
      ...(caFile !== undefined && { authorities: this.#readFile(block, 'ca-file', caFile) }),
      ...(dhparamFile !== undefined && { dhParameters: this.#readFile(block, 'dhparam-file', dhparamFile) }),
      ...(ciphers !== undefined && { ciphers }),
    };
    this.#mustBeUsable(block, material);
    return material;
  }

  /** The path of a key is not told: logs are read by more people than the key's directory. */
  #readFile({ name }: TlsConfiguration, clause: string, file: string | undefined): string {
    const where = clause === 'key-file' || file === undefined ? '' : ` ${path.resolve(file)}`;
    const fail = (reason: string): SignetError =>
      unusable(name, `${clause}${where} cannot be read (${reason}): check that it exists and that named may read it`);
    try {
      const octets = file === undefined ? undefined : this.#dependencies.disk.read(path.resolve(file));
      if (octets === undefined) throw fail('ENOENT');
      const text = latin1Text(octets);
      octets.fill(0);
      return text;
    } catch (error) {
      if (error instanceof DiskError) throw fail(String(error.facts['reason']));
      throw error;
    }
  }

  /** What OpenSSL refuses is found out here, not in the threads. Its words do not quote the files. */
  #mustBeUsable({ name, caFile, dhparamFile }: TlsConfiguration, material: TlsMaterial): void {
    const attempt = (part: Partial<TlsMaterial>, what: string): void => {
      try {
        // Node takes an empty text for none at all.
        if (Object.values(part).some((one) => one === '')) throw new TypeError('empty file');
        createSecureContext(tlsOptions({ ...EMPTY, ...part } as TlsMaterial));
      } catch (cause) {
        throw unusable(name, `${what} (${openSslReason(cause)})`);
      }
    };
    const { certificate, key, authorities, dhParameters } = material;
    attempt({ certificate }, 'cert-file has no certificate in PEM form that OpenSSL can use');
    attempt({ key }, 'key-file has no private key in PEM form, without a passphrase, that OpenSSL can use');
    attempt({ certificate, key }, 'cert-file and key-file do not belong together');
    if (authorities !== undefined && !hasCertificates(authorities))
      throw unusable(name, `ca-file ${path.resolve(caFile ?? '')} has no certificates in PEM form, or broken ones`);
    if (dhParameters !== undefined)
      attempt({ dhParameters }, `dhparam-file ${path.resolve(dhparamFile ?? '')} has no usable parameters in PEM form`);
    attempt(material, 'the block as a whole cannot be used');
  }

  async #makeEphemeral(): Promise<TlsMaterial> {
    const { clock, random } = this.#dependencies;
    this.#ephemeral ??= await makeEphemeralCertificate(clock.now(), random.fill(new Uint8Array(SERIAL_OCTETS)));
    return {
      name: EPHEMERAL,
      ...this.#ephemeral,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      ...TLS_DEFAULTS,
      ticketKeys: random.fill(new Uint8Array(TICKET_KEY_OCTETS)),
    };
  }
}

/** A block of which only a part is tried. */
const EMPTY = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ...TLS_DEFAULTS,
  ticketKeys: new Uint8Array(TICKET_KEY_OCTETS),
} as const;

/** Node leaves out what it cannot read of a list of authorities. */
function hasCertificates(pem: string): boolean {
  const blocks = pem.match(/-----BEGIN [^-]*CERTIFICATE-----[^-]*-----END [^-]*CERTIFICATE-----/g) ?? [];
  try {
    return blocks.map((block) => new X509Certificate(block)).length > 0;
  } catch {
    return false;
  }
}

function unusable(name: string, what: string): SignetError {
  return new SignetError('TLS_UNUSABLE', `tls '${name}': ${what}`, { name });
}

function openSslReason(cause: unknown): string {
  const { reason, code, message } = cause as { reason?: string; code?: string; message: string };
  return reason ?? code ?? message;
}
