import fs from 'node:fs';
import path from 'node:path';

/** How often `octets` are in what the process has mapped writable. Needs root. @throws Error EACCES, EPERM, ENOENT */
export function countInMemory(pid: number, octets: Uint8Array): number {
  return countAllInMemory(pid, [octets])[0];
}

/** The same for several of at least 4 octets each, in one pass. */
export function countAllInMemory(pid: number, wanted: readonly Uint8Array[]): number[] {
  const search = new Search(wanted);
  const memory = fs.openSync(`/proc/${pid}/mem`, 'r');
  const pages = fs.openSync(`/proc/${pid}/pagemap`, 'r');
  try {
    for (const line of fs.readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
      const region = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
      if (region === null || line.endsWith('[vvar]')) continue;
      searchRegion(search, memory, pages, parseInt(region[1], 16), parseInt(region[2], 16));
    }
    return search.counts;
  } finally {
    fs.closeSync(memory);
    fs.closeSync(pages);
  }
}

/** Many patterns at once: by the first two octets of each, and the two after them. */
class Search {
  readonly counts: number[];
  /** Most octets of a pattern. */
  readonly longest: number;
  readonly #wanted: readonly Buffer[];
  readonly #byBeginning = new Map<number, number[]>();
  readonly #isBeginning = new Uint8Array(1 << 16);
  readonly #isNext = new Uint8Array(1 << 16);

  constructor(wanted: readonly Uint8Array[]) {
    this.#wanted = wanted.map((octets) => Buffer.from(octets));
    this.counts = wanted.map(() => 0);
    this.longest = Math.max(...wanted.map(({ length }) => length));
    for (const [i, octets] of wanted.entries()) {
      const beginning = octets[0] | (octets[1] << 8);
      this.#isBeginning[beginning] = 1;
      this.#isNext[octets[2] | (octets[3] << 8)] = 1;
      this.#byBeginning.set(beginning, [...(this.#byBeginning.get(beginning) ?? []), i]);
    }
  }

  /** Counts what begins before `end`; there are at least as many octets behind it as the longest pattern has. */
  look(octets: Uint8Array, end: number): void {
    const isBeginning = this.#isBeginning;
    const isNext = this.#isNext;
    for (let at = 0; at < end; at++) {
      const beginning = octets[at] | (octets[at + 1] << 8);
      if (isBeginning[beginning] === 1 && isNext[octets[at + 2] | (octets[at + 3] << 8)] === 1)
        this.#compare(octets, at, beginning);
    }
  }

  #compare(octets: Uint8Array, at: number, beginning: number): void {
    for (const i of this.#byBeginning.get(beginning) ?? []) {
      const pattern = this.#wanted[i];
      if (pattern.equals(octets.subarray(at, at + pattern.length))) this.counts[i]++;
    }
  }
}

const PAGE = 4096;
/** Octets that are looked at in one go. */
const PIECE = 1 << 20;

/** Only pages that are there: to read others would give them to the process. */
function searchRegion(search: Search, memory: number, pages: number, begin: number, end: number): void {
  const map = Buffer.alloc(((end - begin) / PAGE) * 8);
  const read = fs.readSync(pages, map, 0, map.length, (begin / PAGE) * 8);
  // The two highest bits of an entry of /proc/PID/pagemap (proc(5)): in memory, in swap.
  const isThere = (page: number): boolean => page * 8 < read && map[page * 8 + 7] >= 0x40;
  const count = map.length / 8;
  for (let page = 0; page < count; page++) {
    if (!isThere(page)) continue;
    const first = page;
    while (page < count && isThere(page)) page++;
    searchRun(search, memory, begin + first * PAGE, begin + page * PAGE);
  }
}

function searchRun(search: Search, memory: number, begin: number, end: number): void {
  // Pieces overlap, so that nothing is missed between two; what follows the last one are zeros.
  const buffer = new Uint8Array(Math.min(PIECE, end - begin) + search.longest);
  for (let at = begin; at < end; at += PIECE) {
    const length = Math.min(buffer.length, end - at);
    try {
      buffer.fill(0, fs.readSync(memory, buffer, 0, length, at));
    } catch {
      continue; // unmapped meanwhile, or memory of a device
    }
    search.look(buffer, Math.min(length, PIECE));
  }
  buffer.fill(0);
}

/**
 * Patterns of which one at least is found wherever 16 octets of the secret lie together: as they are, in hexadecimal digits of either case, also in
 * groups of eight and in two octets a character, and in base64 of either alphabet from wherever it begins.
 */
export function tracesOfKey(key: Uint8Array): Record<string, Buffer> {
  const secret = Buffer.from(key);
  const traces: Record<string, Buffer> = {};
  for (let at = 0; at + 8 <= secret.length; at += 8) traces[`octets from ${at} on`] = secret.subarray(at, at + 8);
  // Eight digits alone may be those of something else: there is much text of hexadecimal digits in a process.
  for (const [step, gap] of [
    [8, ''],
    [4, ' '],
  ] as const)
    for (let at = 0; at + 8 <= secret.length; at += step) {
      const digits = secret.toString('hex', at, at + 4) + gap + secret.toString('hex', at + 4, at + 8);
      for (const text of [digits, digits.toUpperCase()]) {
        traces[`digits ${text}`] = Buffer.from(text);
        traces[`digits ${text}, two octets each`] = Buffer.from(text, 'utf16le');
      }
    }
  for (const form of ['base64', 'base64url'] as const)
    for (let from = 0; from < 3; from++) {
      const text = secret.subarray(from).toString(form).replaceAll('=', '');
      for (let at = 0; at + 8 <= text.length; at += 8)
        traces[`${form} ${text.slice(at, at + 8)}`] = Buffer.from(text.slice(at, at + 8));
    }
  return traces;
}

/** Of a PIN in ASCII: pieces of eight characters, in one octet each and in two. */
export function tracesOfPin(pin: string): Record<string, Buffer> {
  const traces: Record<string, Buffer> = {};
  for (let at = 0; at + 8 <= pin.length; at += 8) {
    const piece = pin.slice(at, at + 8);
    traces[`PIN from ${at} on`] = Buffer.from(piece);
    traces[`PIN from ${at} on, two octets each`] = Buffer.from(piece, 'utf16le');
  }
  return traces;
}

/** Files under `directory` that hold `octets`, as they are or as text. */
export function filesWith(directory: string, octets: Uint8Array): string[] {
  const secret = Buffer.from(octets);
  const forms = [secret, ...['hex', 'base64', 'base64url'].map((form) => Buffer.from(secret.toString(form as 'hex')))];
  forms.push(Buffer.from(secret.toString('hex').toUpperCase()));
  return fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => forms.some((form) => fs.readFileSync(file).includes(form)));
}
