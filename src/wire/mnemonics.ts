/**
 * Two-way look-up between numbers of one IANA registry and their mnemonics. Reading takes octets of a text and allocates
 * nothing; case does not count.
 */
export class Mnemonics {
  readonly #texts = new Map<number, string>();
  readonly #buckets: { readonly octets: Uint8Array; readonly code: number }[][] = Array.from({ length: 64 }, () => []);

  /** @param rows code and mnemonic; where a code occurs twice its first mnemonic is the one printed */
  constructor(rows: readonly (readonly [number, string, ...unknown[]])[]) {
    for (const [code, mnemonic] of rows) {
      if (!this.#texts.has(code)) this.#texts.set(code, mnemonic);
      const octets = Uint8Array.from(Buffer.from(mnemonic.toUpperCase(), 'latin1'));
      this.#buckets[bucketOf(octets, 0, octets.length)].push({ octets, code });
    }
  }

  /** The mnemonic, or undefined for a number without one. */
  text(code: number): string | undefined {
    return this.#texts.get(code);
  }

  /** The number that octets[start, end) name, or -1. */
  code(octets: Uint8Array, start: number, end: number): number {
    const bucket = this.#buckets[bucketOf(octets, start, end)];
    for (let i = 0; i < bucket.length; i++) if (matches(bucket[i].octets, octets, start, end)) return bucket[i].code;
    return -1;
  }
}

const upper = (octet: number): number => (octet >= 0x61 && octet <= 0x7a ? octet - 0x20 : octet);

function bucketOf(octets: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length === 0) return 0;
  return (length * 7 + upper(octets[start]) * 3 + upper(octets[end - 1]) * 5) & 63;
}

function matches(mnemonic: Uint8Array, octets: Uint8Array, start: number, end: number): boolean {
  if (mnemonic.length !== end - start) return false;
  for (let i = 0; i < mnemonic.length; i++) if (mnemonic[i] !== upper(octets[start + i])) return false;
  return true;
}
