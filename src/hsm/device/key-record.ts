import { createHmac, timingSafeEqual } from 'node:crypto';
import { HalError, HalStatus } from '../hal-status.ts';
import type { Curve, KeyType } from '../hal-constants.ts';
import type { Attribute, KeyInfo } from './crypto-device.ts';

/** A key as it is stored. `wrapped` is what is secret, under the master key; empty for public keys. */
export interface StoredKey extends KeyInfo {
  /** Rises with every change (nextVersion): of two copies the higher one is right. */
  readonly version: number;
  readonly attributes: readonly Attribute[];
  /** SubjectPublicKeyInfo; empty for DATA. */
  readonly spki: Uint8Array;
  readonly wrapped: Uint8Array;
}

/** What is left of a mirrored key that was deleted, so that no other device brings it back. */
export interface Tombstone {
  readonly uuid: string;
  readonly version: number;
}

/**
 * Of a change made now. Devices that cannot tell each other what they change, as one of them is down, must not give two changes one version: so
 * it is a time where that is later. `now`: Unix milliseconds.
 */
export function nextVersion(previous: number, now: number): number {
  return Math.max(previous + 1, Math.floor(now));
}

/** Octets of all attributes of a key together: certificates fit, floods do not. */
export const MAX_ATTRIBUTE_OCTETS = 65_536;
export const MAX_ATTRIBUTES = 256;
/** Octets of a key or object in DER, before it is wrapped. */
export const MAX_OBJECT_OCTETS = 65_536;
const MAX_RECORD_OCTETS = 3 * 65_536 + 8192;
export const PROOF_OCTETS = 32;

/**
 * The form of a record, on disk and between devices; numbers are big-endian.
 *
 *     octet    0        1       2..17  18..25    26..29     30    31     32     33..34
 *            +--------+-------+------+---------+-----------+------+-------+-------+-------+
 *            | form 1 | kind  | UUID | version | partition | type | curve | flags | count |   kind 0 is a key, 1 a tombstone
 *            +--------+-------+------+---------+-----------+------+-------+-------+-------+
 *            count times: attribute type (4), length (4), value
 *            length (4), SubjectPublicKeyInfo; length (4), wrapped key
 *            HMAC-SHA-256 of all of the above under the keystore key (32)
 *
 * A tombstone ends after its version; the HMAC follows there.
 */
const FORM = 1;
const KEY = 0;
const TOMBSTONE = 1;
const HEAD_OCTETS = 35;
const TOMBSTONE_OCTETS = 26;

/** Makes and checks the proofs under the keystore key, which it copies, and clears when it is disposed of. */
export class Prover implements Disposable {
  readonly #key: Buffer;

  constructor(keystoreKey: Uint8Array) {
    this.#key = Buffer.allocUnsafeSlow(keystoreKey.length);
    this.#key.set(keystoreKey);
  }

  /** `kind` keeps proofs of one kind from being taken for another's. */
  prove(kind: 'record' | 'pin' | 'partition', octets: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(`${kind}\0`).update(octets).digest();
  }

  holds(kind: 'record' | 'pin' | 'partition', octets: Uint8Array, proof: Uint8Array | undefined): boolean {
    return proof?.length === PROOF_OCTETS && timingSafeEqual(this.prove(kind, octets), proof);
  }

  [Symbol.dispose](): void {
    this.#key.fill(0);
  }
}

export function encodeRecord(key: StoredKey, prover: Prover): Buffer {
  const attributes = key.attributes.reduce((sum, { value }) => sum + 8 + value.length, 0);
  const size = HEAD_OCTETS + attributes + 8 + key.spki.length + key.wrapped.length;
  const record = Buffer.alloc(size + PROOF_OCTETS);
  writeHead(record, KEY, key);
  record.writeUInt32BE(key.partition, 26);
  record[30] = key.type;
  record[31] = key.curve;
  record[32] = key.flags;
  record.writeUInt16BE(key.attributes.length, 33);
  let at = HEAD_OCTETS;
  for (const { type, value } of key.attributes) {
    record.writeUInt32BE(type, at);
    at = writeOctets(record, value, at + 4);
  }
  at = writeOctets(record, key.spki, at);
  at = writeOctets(record, key.wrapped, at);
  record.set(prover.prove('record', record.subarray(0, at)), at);
  return record;
}

export function encodeTombstone(tombstone: Tombstone, prover: Prover): Buffer {
  const record = Buffer.alloc(TOMBSTONE_OCTETS + PROOF_OCTETS);
  writeHead(record, TOMBSTONE, tombstone);
  record.set(prover.prove('record', record.subarray(0, TOMBSTONE_OCTETS)), TOMBSTONE_OCTETS);
  return record;
}

export type DecodedRecord =
  { readonly isDeleted: false; readonly key: StoredKey } | { readonly isDeleted: true; readonly tombstone: Tombstone };

/** @throws HalError KEYSTORE_BAD_CRC when the record was not made under this master key, or was changed since */
export function decodeRecord(record: Uint8Array, prover: Prover): DecodedRecord {
  const octets = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
  const end = octets.length - PROOF_OCTETS;
  // The proof comes first: what follows reads only what was written here or on a device with the same master key.
  if (
    end < TOMBSTONE_OCTETS ||
    octets.length > MAX_RECORD_OCTETS ||
    !prover.holds('record', octets.subarray(0, end), octets.subarray(end))
  )
    throw badRecord('it was changed on the disk, or made under another master key');
  if (octets[0] !== FORM) throw badRecord(`its form is ${octets[0]}, of another version of this program`);
  const uuid = readUuid(octets);
  const version = octets.readUInt32BE(18) * 0x1_0000_0000 + octets.readUInt32BE(22);
  if (octets[1] === TOMBSTONE) return { isDeleted: true, tombstone: { uuid, version } };

  const attributes: Attribute[] = [];
  let at = HEAD_OCTETS;
  const next = (): Buffer => {
    const start = at + 4;
    at = start + octets.readUInt32BE(at);
    return octets.subarray(start, at);
  };
  for (let left = octets.readUInt16BE(33); left > 0; left--) {
    const type = octets.readUInt32BE(at);
    at += 4;
    attributes.push({ type, value: next() });
  }
  const spki = next();
  const wrapped = next();
  const key: StoredKey = {
    uuid,
    version,
    partition: octets.readUInt32BE(26),
    type: octets[30] as KeyType,
    curve: octets[31] as Curve,
    flags: octets[32],
    attributes,
    spki,
    wrapped,
  };
  return { isDeleted: false, key };
}

function badRecord(why: string): HalError {
  return new HalError(HalStatus.KEYSTORE_BAD_CRC, `the record of a key is not authentic: ${why}`);
}

function writeHead(record: Buffer, kind: number, { uuid, version }: Tombstone): void {
  record[0] = FORM;
  record[1] = kind;
  record.write(uuid.replaceAll('-', ''), 2, 'hex');
  record.writeUInt32BE(Math.floor(version / 0x1_0000_0000), 18);
  record.writeUInt32BE(version % 0x1_0000_0000, 22);
}

function writeOctets(record: Buffer, octets: Uint8Array, at: number): number {
  record.writeUInt32BE(octets.length, at);
  record.set(octets, at + 4);
  return at + 4 + octets.length;
}

function readUuid(record: Buffer): string {
  const hex = record.toString('hex', 2, 18);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
