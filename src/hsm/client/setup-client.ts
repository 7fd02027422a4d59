import type { Disk } from '../../base/disk.ts';
import { foreignText } from '../console/console-text.ts';
import { TypedPaths } from './typed-paths.ts';

export interface SetupClientDependencies {
  readonly disk: Disk;
  /** To the appliance. */
  readonly send: (octets: Uint8Array) => void;
  /** To the person. */
  readonly print: (octets: Uint8Array) => void;
}

/** Octets of a file that may be sent or taken. */
const LARGEST_FILE = 512 << 20;
const LONGEST_COMMAND = 2048;
const BEGIN = 0x11;
const CR = 0x0d;
const SECOND = 0x12;
const THIRD = 0x13;
const CODES = { UPDATE: 0x14, LAST: 0x18 } as const;

/**
 * The client's side of a console: prints what comes, sends what is typed, and answers file transfers (console/transfer.ts draws them), however the
 * stream is cut into chunks. Only files that the person named in this session are read or written.
 */
export class SetupClient {
  readonly #dependencies: SetupClientDependencies;
  readonly #typed = new TypedPaths();
  /** A transfer command as far as it has come; empty: none. */
  #command: number[] = [];
  #incoming: { readonly path: string; readonly octets: Buffer; length: number } | undefined;

  constructor(dependencies: SetupClientDependencies) {
    this.#dependencies = dependencies;
  }

  /** The CR that makes the appliance show its first screen. */
  begin(): void {
    this.#dependencies.send(Buffer.of(CR));
  }

  /** Keys. A line feed goes as the CR that the appliance ends lines with. */
  type(keys: Uint8Array): void {
    // While a file goes over the line, keys would be taken for a part of it.
    if (this.#incoming !== undefined) return;
    const octets = Uint8Array.from(keys, (octet) => (octet === 0x0a ? CR : octet));
    this.#typed.take(octets);
    this.#dependencies.send(octets);
  }

  /** Octets from the appliance. */
  take(octets: Uint8Array): void {
    let at = 0;
    while (at < octets.length) {
      if (this.#incoming !== undefined) at = this.#takeFile(octets, at);
      else if (this.#command.length > 0) this.#takeCommand(octets[at++]);
      else {
        const next = octets.indexOf(BEGIN, at);
        const end = next < 0 ? octets.length : next;
        if (end > at) this.#dependencies.print(octets.subarray(at, end));
        if (next >= 0) this.#command.push(BEGIN);
        at = end + (next < 0 ? 0 : 1);
      }
    }
  }

  #takeCommand(octet: number): void {
    if (octet !== CR && this.#command.length < LONGEST_COMMAND) {
      this.#command.push(octet);
      return;
    }
    const [, second, third, code, ...text] = this.#command;
    this.#command = [];
    const isKnown = second === SECOND && third === THIRD && code >= CODES.UPDATE && code <= CODES.LAST && octet === CR;
    const command = isKnown ? Buffer.from(text).toString('utf8') : '';
    const receive = /^:RECV:(?:\{(.*)\}|(.*))$/.exec(command);
    if (receive) return this.#sendFile(receive[1] ?? receive[2]);
    const send = /^:SEND:\{(.*)\}\{(\d{1,12})\}$/.exec(command);
    if (send) return this.#beginFile(send[1], Number(send[2]));
    this.#tell('The HSM sent a command that this program does not know; it was not obeyed.');
  }

  #sendFile(path: string): void {
    const { disk, send } = this.#dependencies;
    const refuse = (why: string): void => {
      this.#tell(why);
      send(Buffer.from('0\r0000000'));
    };
    if (!this.#typed.has(path)) return refuse(`The HSM asked for the file (${foreignText(path)}), which was not typed here: it was not sent.`); // prettier-ignore
    let file: Uint8Array | undefined;
    try {
      const facts = disk.facts(path);
      if (facts !== undefined && facts.size > LARGEST_FILE) return refuse(`${path} has more than ${LARGEST_FILE} octets: it was not sent.`); // prettier-ignore
      file = facts === undefined || facts.isDirectory ? undefined : disk.read(path);
    } catch (error) {
      return refuse(`Unable to open (${path}): ${(error as Error).message}`);
    }
    if (file === undefined || file.length === 0) return refuse(`Unable to open (${path}).`);
    this.#tell(`Sending file ${path} to HSM`);
    send(Buffer.from(`${file.length}\r`));
    send(file);
  }

  #beginFile(path: string, size: number): void {
    const { disk, send } = this.#dependencies;
    const refuse = (why: string): void => {
      this.#tell(why);
      send(Buffer.from('FAILED: not accepted by the client}'));
    };
    if (!this.#typed.has(path)) return refuse(`The HSM wanted to write the file (${foreignText(path)}), which was not typed here: it was refused.`); // prettier-ignore
    if (size > LARGEST_FILE) return refuse(`The HSM wanted to send ${size} octets: it was refused.`);
    if (disk.facts(path) !== undefined)
      return refuse(`${path} exists already: it was not overwritten. Give another path.`);
    this.#incoming = { path, octets: Buffer.alloc(size), length: 0 };
    send(Buffer.from(`OK:{${size}}`));
    if (size === 0) this.#endFile();
  }

  #takeFile(octets: Uint8Array, at: number): number {
    const file = this.#incoming!;
    const part = octets.subarray(at, at + file.octets.length - file.length);
    file.octets.set(part, file.length);
    file.length += part.length;
    if (file.length === file.octets.length) this.#endFile();
    return at + part.length;
  }

  #endFile(): void {
    const { disk, send } = this.#dependencies;
    const { path, octets } = this.#incoming!;
    this.#incoming = undefined;
    try {
      // Wrapped keys: for nobody but who asked for them.
      disk.replace(path, octets, 0o600);
      this.#tell(`${path} was written: ${octets.length} octets`);
      send(Buffer.from(`RECEIVED:{${octets.length}}`));
    } catch (error) {
      this.#tell(`${path} could not be written: ${(error as Error).message}`);
      send(Buffer.from('FAILED: it could not be written}'));
    }
  }

  #tell(text: string): void {
    this.#dependencies.print(Buffer.from(`\r\n${text}\r\n`));
  }
}
