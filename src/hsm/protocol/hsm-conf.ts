import net from 'node:net';
import path from 'node:path';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import type { Disk } from '../../base/disk.ts';
import { SignetError } from '../../base/error.ts';

/*
 * hsm.conf tells client programs where the HSM is (the manual's form, CRLF or LF):
 *
 *   <?xml version="1.0" encoding="utf-8" ?>
 *   <diamondhsm>
 *     <cty>                                    the console
 *       <IP>10.10.10.2</IP>
 *       <port>8081</port>
 *       <servername>dks-hsm</servername>       name in the certificate
 *       <serial>1000-0002</serial>             serial number in the certificate
 *       <fingerprint>3f:a9:...</fingerprint>   ours: of the certificate's key; absent until somebody vouched for it
 *     </cty>
 *     <rpc> ... </rpc>                         operations, port 8080
 *   </diamondhsm>
 *
 * The vendor's programs look for the texts "<cty>", "<IP>" and so on and take what follows literally: so values are written without
 * white space around them and never hold what XML would have to escape. What they do not know they skip.
 */

export type HsmSection = 'cty' | 'rpc';

export interface HsmAddress {
  /** IPv4, IPv6 or a host name; the vendor's programs know IPv4 only. */
  readonly ip: string;
  readonly port: number;
  readonly servername: string;
  readonly serial: string;
  /** SHA-256 of the key (SubjectPublicKeyInfo), "3f:a9:...". */
  readonly fingerprint: string | undefined;
}

export interface HsmConf {
  readonly cty: HsmAddress | undefined;
  readonly rpc: HsmAddress | undefined;
  /** What is unusual and still obeyed, a sentence each with file and line. */
  readonly warnings: readonly string[];
}

export const DEFAULT_HSM_CONF_DIRECTORY = '/etc/dkey/hsm';
export const HSM_CONF_DIRECTORY_VARIABLE = 'DIAMOND_HSM_CONFIG_PATH';
export const USUAL_PORTS: Readonly<Record<HsmSection, number>> = { cty: 8081, rpc: 8080 };
export const USUAL_SERVERNAME = 'dks-hsm';

/** @param directory of an option; else the environment decides, else /etc/dkey/hsm */
export function hsmConfFile(environment: Readonly<Record<string, string | undefined>>, directory?: string): string {
  const named = environment[HSM_CONF_DIRECTORY_VARIABLE];
  return path.join(directory ?? (named === undefined || named === '' ? DEFAULT_HSM_CONF_DIRECTORY : named), 'hsm.conf');
}

/** @throws SignetError HSM_CONF_MISSING, HSM_CONF (with path and line); DiskError */
export function readHsmConf(file: string, disk: Disk): HsmConf {
  return parseHsmConf(Buffer.from(readText(file, disk)).toString('utf8'), file);
}

/** The section that a program wants. @throws SignetError HSM_CONF */
export function sectionOf(conf: HsmConf, section: HsmSection, file: string): HsmAddress {
  const address = conf[section];
  if (address !== undefined) return address;
  throw new SignetError('HSM_CONF', `${file} has no section <${section}>: run findHSM, or add it by hand`, { file });
}

/** @throws SignetError HSM_CONF */
export function parseHsmConf(text: string, file: string): HsmConf {
  const reader = new Reader(text, file);
  const root = reader.root();
  return { cty: reader.section(root, 'cty'), rpc: reader.section(root, 'rpc'), warnings: reader.warnings };
}

export function formatHsmConf(conf: Pick<HsmConf, HsmSection>): string {
  const lines = ['<?xml version="1.0" encoding="utf-8" ?>', '<diamondhsm>'];
  for (const section of SECTIONS) {
    const address = conf[section];
    if (address === undefined) continue;
    const elements = {
      IP: address.ip,
      port: String(address.port),
      servername: address.servername,
      serial: address.serial,
    };
    lines.push(`  <${section}>`);
    for (const [element, value] of Object.entries({ ...elements, fingerprint: address.fingerprint }))
      if (value !== undefined) lines.push(`    <${element}>${value}</${element}>`);
    lines.push(`  </${section}>`);
  }
  return [...lines, '</diamondhsm>', ''].join('\r\n');
}

/** In one step: a reader sees the old file or the new one. @throws SignetError HSM_CONF when a value cannot be written; DiskError */
export function writeHsmConf(file: string, conf: Pick<HsmConf, HsmSection>, disk: Disk): void {
  const text = formatHsmConf(conf);
  parseHsmConf(text, file);
  disk.replace(file, Buffer.from(text), 0o644);
}

/**
 * Notes in one section whose key somebody vouched for; all else in the file stays as it is.
 * @throws SignetError HSM_CONF_MISSING, HSM_CONF; DiskError
 */
export function pinFingerprint(file: string, section: HsmSection, fingerprint: string, disk: Disk): void {
  const text = Buffer.from(readText(file, disk)).toString('utf8');
  sectionOf(parseHsmConf(text, file), section, file);
  const plain = withoutComments(text);
  const begin = plain.indexOf(`<${section}>`);
  const end = plain.indexOf(`</${section}>`, begin);
  const old = /<fingerprint>[^<]*<\/fingerprint>/.exec(plain.slice(begin, end));
  const serial = /\r?\n?[ \t]*<serial>[^<]*<\/serial>/.exec(plain.slice(begin, end));
  let changed: string;
  if (old !== null) {
    const at = begin + old.index;
    changed = `${text.slice(0, at)}<fingerprint>${fingerprint}</fingerprint>${text.slice(at + old[0].length)}`;
  } else {
    const at = begin + (serial?.index ?? 0) + (serial?.[0].length ?? 0);
    const space = /^\s*/.exec(serial?.[0] ?? '')?.[0] ?? '';
    changed = `${text.slice(0, at)}${space}<fingerprint>${fingerprint}</fingerprint>${text.slice(at)}`;
  }
  if (parseHsmConf(changed, file)[section]?.fingerprint !== fingerprint)
    throw new SignetError('HSM_CONF', `${file}: the fingerprint cannot be noted in <${section}>: write the file anew with findHSM`, { file }); // prettier-ignore
  disk.replace(file, Buffer.from(changed), disk.facts(file)?.mode ?? 0o644);
}

const SECTIONS: readonly HsmSection[] = ['cty', 'rpc'];
/** Octets: a file of two sections has a few hundred. */
const LARGEST_FILE = 65_536;

type Elements = Readonly<Record<string, unknown>>;

class Reader {
  readonly warnings: string[] = [];
  readonly #text: string;
  /** The text with comments blanked out, for the lines of faults. */
  readonly #plain: string;
  readonly #file: string;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
    this.#plain = withoutComments(text);
  }

  root(): Elements {
    const valid = XMLValidator.validate(this.#text);
    if (valid !== true) throw this.#fault(valid.err.line, `is not XML: ${valid.err.msg}`);
    // Entities could grow without bound, and the vendor's programs know none.
    const doctype = this.#plain.indexOf('<!');
    if (doctype >= 0) throw this.#fault(this.#lineAt(doctype), 'has a declaration (<!...): there is no use for one');
    const parser = new XMLParser({
      parseTagValue: false,
      trimValues: true,
      processEntities: false,
      ignorePiTags: true,
    });
    let diamondhsm: unknown;
    try {
      ({ diamondhsm } = parser.parse(this.#text) as { diamondhsm?: unknown });
    } catch (cause) {
      // What the validator lets pass; without a position.
      throw this.#fault(1, `is not XML: ${(cause as Error).message}`);
    }
    if (typeof diamondhsm !== 'object' || diamondhsm === null || Array.isArray(diamondhsm))
      throw this.#fault(1, 'must have one element <diamondhsm>, with the sections <cty> and <rpc> in it');
    return diamondhsm as Elements;
  }

  section(root: Elements, section: HsmSection): HsmAddress | undefined {
    const found = Object.hasOwn(root, section) ? root[section] : undefined;
    if (found === undefined) return undefined;
    const line = this.#lineOf(section);
    if (Array.isArray(found)) throw this.#fault(line, `has more than one section <${section}>`);
    if (typeof found !== 'object' || found === null) throw this.#fault(line, `has nothing in <${section}>`);
    const elements = found as Elements;
    const value = (element: string, form: RegExp, what: string): string => {
      const one = Object.hasOwn(elements, element) ? elements[element] : undefined;
      if (one === undefined) throw this.#fault(line, `has no <${element}> in <${section}>`);
      if (typeof one !== 'string' || !form.test(one))
        throw this.#fault(this.#lineOf(section, element), `<${element}> in <${section}> must be ${what}`);
      return one;
    };
    const address: HsmAddress = {
      ip: value('IP', HOST, 'an address, as 10.10.10.2'),
      port: Number(value('port', PORT, 'a port, from 1 to 65535')),
      servername: value('servername', HOST, `the name in the certificate, as ${USUAL_SERVERNAME}`),
      serial: value('serial', SERIAL, 'a serial number, as 1000-0002'),
      fingerprint: Object.hasOwn(elements, 'fingerprint')
        ? value('fingerprint', FINGERPRINT, '32 octets in hexadecimal, as 3f:a9:...').toLowerCase()
        : undefined,
    };
    if (net.isIP(address.ip) === 0 && /^[0-9.]+$/.test(address.ip))
      throw this.#fault(this.#lineOf(section, 'IP'), `<IP> in <${section}> must be an address, as 10.10.10.2`);
    this.#warn(section, 'port', String(address.port), String(USUAL_PORTS[section]));
    this.#warn(section, 'servername', address.servername, USUAL_SERVERNAME);
    return address;
  }

  /** Only address and serial number are meant to be changed by hand. */
  #warn(section: HsmSection, element: string, value: string, usual: string): void {
    if (value === usual) return;
    const line = this.#lineOf(section, element);
    this.warnings.push(
      `${this.#file}:${line}: <${element}> in <${section}> is ${value}, not ${usual} as every HSM has it`,
    );
  }

  #lineOf(section: HsmSection, element?: string): number {
    const begin = this.#plain.search(new RegExp(`<${section}[\\s>/]`));
    if (element === undefined) return this.#lineAt(begin);
    const inside = this.#plain.slice(begin).search(new RegExp(`<${element}[\\s>/]`));
    return this.#lineAt(begin + Math.max(0, inside));
  }

  #lineAt(position: number): number {
    return this.#plain.slice(0, Math.max(0, position)).split('\n').length;
  }

  #fault(line: number, what: string): SignetError {
    const message = `${this.#file}:${line}: ${what}; correct it, or write the file anew with findHSM`;
    return new SignetError('HSM_CONF', message, { file: this.#file, line });
  }
}

const HOST = /^[A-Za-z0-9.:%-]{1,253}$/;
const PORT = /^0*([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])$/;
const SERIAL = /^[A-Za-z0-9._:-]{1,64}$/;
const FINGERPRINT = /^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}$/;

/** Of the same length: positions stay. */
function withoutComments(text: string): string {
  return text.replace(/<!--[^]*?-->/g, (comment) => comment.replace(/[^\r\n]/g, ' '));
}

function readText(file: string, disk: Disk): Uint8Array {
  const octets = disk.read(file);
  if (octets === undefined)
    throw new SignetError(
      'HSM_CONF_MISSING',
      `${file} is missing: find the HSM with findHSM, or set ${HSM_CONF_DIRECTORY_VARIABLE} to the directory that has hsm.conf`,
      { file },
    );
  if (octets.length > LARGEST_FILE)
    throw new SignetError('HSM_CONF', `${file} has ${octets.length} octets: that is no hsm.conf`, { file });
  return octets;
}
