import { toBase32Hex } from '../../src/base/base32hex.ts';
import { dsRdata } from '../../src/crypto/ds-digest.ts';
import { generateKey } from '../../src/crypto/key-generation.ts';
import { keyTag } from '../../src/crypto/key-tag.ts';
import { LocalSigner } from '../../src/crypto/local-signer.ts';
import { nsec3Hash } from '../../src/crypto/nsec3-hash.ts';
import { SigningInput, signedLabels } from '../../src/crypto/signing-input.ts';
import type { ResourceRecord } from '../../src/wire/message.ts';
import type { Name } from '../../src/wire/name.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { encodeRrsig } from '../../src/wire/rdata/rrsig.ts';
import { writeBitmap } from '../../src/wire/rdata/type-bitmap.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { Writer } from '../../src/wire/writer.ts';
import { record } from './test-agent.ts';

/* Pieces of signed zones, made one by one as a test wants them. */

export const NOW = 1_800_000_000;
const HOUR = 3600;

/** A zone with one key that signs what it is told to. */
export class SignedZone {
  readonly apex: Name;
  readonly signer: LocalSigner;

  constructor(apex: string, algorithm = 13) {
    this.apex = mustName(apex);
    this.signer = new LocalSigner(generateKey({ algorithm, flags: 257, ...(algorithm === 8 && { bits: 1024 }) }));
  }

  get dnskey(): Uint8Array {
    return this.signer.dnskey;
  }

  /** The DS RDATA for this zone. */
  ds(digest = 2): Uint8Array {
    return dsRdata(this.apex, this.dnskey, digest);
  }

  /** RRset and RRSIG. */
  signed(
    owner: Name | string,
    type: number,
    rdatas: readonly Uint8Array[],
    {
      now = NOW,
      ttl = 300,
      labels = 0,
    }: { readonly now?: number; readonly ttl?: number; readonly labels?: number } = {},
  ): ResourceRecord[] {
    const name = typeof owner === 'string' ? mustName(owner) : owner;
    const field = labels || signedLabels(name);
    const input = new SigningInput();
    input.clear();
    for (const rdata of rdatas) input.addRdata(type, rdata);
    input.build({ owner: name, type, labels: field, originalTtl: ttl, signer: this.apex });
    const { algorithm } = this.signer;
    const tag = keyTag(this.dnskey);
    const [inception, expiration] = [now - HOUR, now + HOUR];
    input.setKey(algorithm, tag);
    input.setTimes(expiration, inception);
    const rrsig = encodeRrsig({
      typeCovered: type,
      algorithm,
      labels: field,
      originalTtl: ttl,
      expiration,
      inception,
      keyTag: tag,
      signer: this.apex,
      signature: this.signer.sign(input.octets()),
    });
    return [...rdatas.map((rdata) => record(name, type, rdata, ttl)), record(name, TYPE.RRSIG, rrsig, ttl)];
  }

  keys(others: readonly Uint8Array[] = []): ResourceRecord[] {
    return this.signed(this.apex, TYPE.DNSKEY, [this.dnskey, ...others]);
  }

  nsec(owner: string, next: string, types: readonly number[]): ResourceRecord[] {
    const out = new Writer(100);
    out.name(mustName(next));
    writeBitmap(types, out);
    return this.signed(owner, TYPE.NSEC, [out.finish()]);
  }

  /** An NSEC3 for each name, none of which covers more than what is right behind it. */
  nsec3(
    names: ReadonlyMap<string, readonly number[]>,
    { salt = Uint8Array.of(0xab), iterations = 0, optOut = false }: Nsec3Parameters = {},
  ): ResourceRecord[] {
    return [...names].flatMap(([name, types]) => {
      const hash = nsec3Hash(mustName(name), salt, iterations);
      return this.#nsec3Record(hash, beside(hash, 1), types, { salt, iterations, optOut });
    });
  }

  /** The NSEC3 that covers a name, from right before to right behind its hash. */
  covering(name: string, parameters: Nsec3Parameters = {}): ResourceRecord[] {
    const { salt = Uint8Array.of(0xab), iterations = 0, optOut = false } = parameters;
    const hash = nsec3Hash(mustName(name), salt, iterations);
    return this.#nsec3Record(beside(hash, -1), beside(hash, 1), [TYPE.A], { salt, iterations, optOut });
  }

  #nsec3Record(hash: Uint8Array, next: Uint8Array, types: readonly number[], parameters: Required<Nsec3Parameters>) {
    const { salt, iterations, optOut } = parameters;
    const out = new Writer(100);
    out.bytes(Uint8Array.of(1, optOut ? 1 : 0, iterations >> 8, iterations & 0xff, salt.length, ...salt));
    out.bytes(Uint8Array.of(next.length, ...next));
    writeBitmap(types, out);
    return this.signed(mustName(toBase32Hex(hash), this.apex), TYPE.NSEC3, [out.finish()]);
  }
}

export interface Nsec3Parameters {
  readonly salt?: Uint8Array;
  readonly iterations?: number;
  readonly optOut?: boolean;
}

function beside(hash: Uint8Array, step: number): Uint8Array {
  const moved = Uint8Array.from(hash);
  // Before the last octets, so that no step goes over the edge of all of them.
  moved[10] += step;
  return moved;
}
