import { LOWER, type Name } from '../wire/name.ts';

/*
 * Names of key files (dnssec-keygen(1), "Generated keys"):
 *
 *    Kexample.com.+013+12345.key      .private      .state
 *     |            |   |
 *     zone         |   key tag, five digits
 *                  algorithm, three digits
 *
 * In the zone's part letters are small, and every octet but letters, digits, "-" and "_" is %XX.
 */

export type KeyFileKind = 'key' | 'private' | 'state';

export interface KeyFileName {
  /** The zone's part as it stands in the file name, without a final dot. */
  readonly zone: string;
  readonly algorithm: number;
  readonly tag: number;
  readonly kind: KeyFileKind;
  /** False for `Kname+013+12345.state`, a form seen in documents: read, never written. */
  readonly isDotted: boolean;
}

/** `Kexample.com.+013+12345`; files are this with ".key", ".private" and ".state". */
export function keyFileBase(zone: Name, algorithm: number, tag: number): string {
  return `K${zoneFileText(zone)}.+${String(algorithm).padStart(3, '0')}+${String(tag).padStart(5, '0')}`;
}

/** The zone's part without its final dot; empty for the root. */
export function zoneFileText(zone: Name): string {
  const labels: string[] = [];
  for (let at = 0; zone[at] !== 0; at += zone[at] + 1) {
    let label = '';
    for (let i = 1; i <= zone[at]; i++) label += FILE_TEXT[LOWER[zone[at + i]]];
    labels.push(label);
  }
  return labels.join('.');
}

const FILE_TEXT: readonly string[] = Array.from({ length: 256 }, (_, octet) => {
  const character = String.fromCharCode(octet);
  return /[a-zA-Z0-9_-]/.test(character) ? character : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`;
});

/** What a file name says, or undefined when it is no name of a key file. */
export function parseKeyFileName(text: string): KeyFileName | undefined {
  const match = /^K(.*?)(\.?)\+(\d{3})\+(\d{5})\.(key|private|state)$/s.exec(text);
  if (!match) return undefined;
  const [, zone, dot, algorithm, tag, kind] = match;
  return {
    zone: zone.toLowerCase(),
    algorithm: Number(algorithm),
    tag: Number(tag),
    kind: kind as KeyFileKind,
    isDotted: dot === '.',
  };
}
