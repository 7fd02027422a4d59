import fs from 'node:fs';
import path from 'node:path';

/* What a server shows of a zone's keys, in files and in answers, with names for keys that do not depend on their material. */

/** One key, by its files. */
export interface FiledKey {
  readonly file: string;
  readonly tag: number;
  /** "KSK1": role, and its place among the keys of the role in the order in which they were made. */
  readonly label: string;
  /** DNSKEY RDATA as the .key file has it, without spaces between the parts of the key. */
  readonly rdata: string;
}

/** Contents of the three files of each key, with labels for tags and without any key material. */
export type KeyTexts = Record<string, { readonly key: string[]; readonly private: string[]; readonly state: string[] }>;

const read = (directory: string, file: string): string => fs.readFileSync(path.join(directory, file), 'latin1');

/** The keys of a zone, by the names that they were given when they were first seen. */
export class KeyNames {
  readonly #directory: string;
  readonly #zone: string;
  #known: FiledKey[] = [];

  constructor(directory: string, zone: string) {
    this.#directory = directory;
    this.#zone = zone;
  }

  /** Keys that have files now. */
  present(): FiledKey[] {
    const files = wholeKeys(this.#directory, this.#zone);
    const added = files.filter((file) => !this.#known.some((key) => key.file === file));
    const inOrder = added.map((file) => readKey(this.#directory, file)).toSorted((a, b) => compare(a.order, b.order));
    for (const { file, tag, role, rdata } of inOrder) {
      const place = this.#known.filter(({ label }) => label.startsWith(role)).length + 1;
      this.#known.push({ file, tag, label: `${role}${place}`, rdata });
    }
    return this.#known.filter(({ file }) => files.includes(file));
  }

  /** Every key that ever had files. */
  all(): readonly FiledKey[] {
    return this.#known;
  }
}

/** Keys whose three files are all there: a server may be making one, or removing it. */
function wholeKeys(directory: string, zone: string): string[] {
  const names = new Set(fs.readdirSync(directory).filter((name) => name.startsWith(`K${zone}.+`)));
  return [...names]
    .filter((name) => name.endsWith('.key'))
    .map((name) => name.slice(0, -'.key'.length))
    .filter((name) => names.has(`${name}.private`) && names.has(`${name}.state`));
}

function readKey(directory: string, file: string): Omit<FiledKey, 'label'> & { role: string; order: string } {
  const state = read(directory, `${file}.state`);
  const [isKsk, isZsk] = ['KSK', 'ZSK'].map((role) => state.includes(`\n${role}: yes\n`));
  const [, rdata = ''] = /^\S+ \d+ IN DNSKEY (.*)$/m.exec(read(directory, `${file}.key`)) ?? [];
  const [, created = ''] = /^Created: (\d+)/m.exec(read(directory, `${file}.private`)) ?? [];
  return {
    file,
    tag: Number(file.slice(-5)),
    role: isKsk && isZsk ? 'CSK' : isKsk ? 'KSK' : 'ZSK',
    order: `${created} ${file.slice(-9, -6)}`,
    rdata: joinKey(rdata),
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/** "257 3 13 abc def" to "257 3 13 abcdef": where a printer breaks a key is its own affair. */
function joinKey(rdata: string): string {
  const [flags, protocol, algorithm, ...key] = rdata.split(/\s+/);
  return `${flags} ${protocol} ${algorithm} ${key.join('')}`;
}

/** @param all keys that ever were, since their tags may stand in the files of others */
export function keyTexts(directory: string, keys: readonly FiledKey[], all: readonly FiledKey[]): KeyTexts {
  const named = (text: string): string => {
    const byTag = new Map(all.map(({ tag, label }) => [String(tag), label]));
    return text
      .replaceAll(/(?<=(?:key|keyid) )\d+(?=,)/g, (tag) => byTag.get(tag) ?? tag)
      .replaceAll(/(?<=^(?:Predecessor|Successor): )\d+$/gm, (tag) => byTag.get(tag) ?? tag);
  };
  const lines = (file: string, wanted: RegExp): string[] =>
    named(read(directory, file))
      .split('\n')
      .filter((line) => wanted.test(line));
  return Object.fromEntries(
    keys.map(({ file, label }) => [
      label,
      {
        key: lines(`${file}.key`, /^;/),
        private: lines(`${file}.private`, /^(?:Created|Publish|Activate|Revoke|Inactive|Delete|Sync\w+): /),
        state: lines(`${file}.state`, /./),
      },
    ]),
  );
}

/** Labels of the keys in each RRset, with TTLs, and of those that sign it. */
export interface ShownKeys {
  readonly dnskey: string[];
  readonly cds: string[];
  readonly cdnskey: string[];
  readonly signers: Record<string, string[]>;
}

/** Reads what dig printed (+noall +answer) for the apex's RRsets. */
export function shownKeys(printed: string, keys: readonly FiledKey[]): ShownKeys {
  const byTag = (tag: string): string => keys.find((key) => key.tag === Number(tag))?.label ?? `unknown key ${tag}`;
  const byRdata = (rdata: string): string => keys.find((key) => key.rdata === rdata)?.label ?? rdata;
  const records = printed.split('\n').flatMap((line) => {
    const [owner, ttl, , type, ...rdata] = line.split(/\s+/);
    return line === '' || line.startsWith(';') ? [] : [{ owner, ttl, type, rdata }];
  });
  const of = (type: string, label: (rdata: string[]) => string): string[] =>
    records
      .filter((record) => record.type === type)
      .map(({ ttl, rdata }) => `${ttl} ${label(rdata)}`)
      .toSorted();
  const signers: Record<string, string[]> = {};
  for (const { type, rdata } of records)
    if (type === 'RRSIG') signers[rdata[0]] = [...new Set([...(signers[rdata[0]] ?? []), byTag(rdata[6])])].toSorted();
  return {
    dnskey: of('DNSKEY', (rdata) => byRdata(joinKey(rdata.join(' ')))),
    cds: of('CDS', ([tag, algorithm, digest]) => (tag === '0' ? 'delete' : `${byTag(tag)} ${algorithm} ${digest}`)),
    cdnskey: of('CDNSKEY', (rdata) => (rdata[2] === '0' ? 'delete' : byRdata(joinKey(rdata.join(' '))))),
    signers,
  };
}

/** What `rndc dnssec -status` prints of each key, by labels; "server" is what stands before the first. What BIND does not tell is left out. */
export function statusTexts(printed: string, keys: readonly FiledKey[]): Record<string, string[]> {
  const [told] = printed.split(/^(?:waits|lacks):$/m);
  const [head, ...parts] = told.split(/^(?=key: )/m);
  const lines = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');
  const entries = parts.map((part): [string, string[]] => {
    const [, tag] = /^key: (\d+) /.exec(part) ?? [];
    const label = keys.find((key) => key.tag === Number(tag))?.label ?? `unknown key ${tag}`;
    return [label, lines(part.replace(/^key: \d+/, 'key:'))];
  });
  return { server: lines(head), ...Object.fromEntries(entries) };
}
