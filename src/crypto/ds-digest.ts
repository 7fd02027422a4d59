import { hash } from 'node:crypto';
import { concatOctets } from '../base/octets.ts';
import { SignetError } from '../base/error.ts';
import { lowerName, type Name } from '../wire/name.ts';
import { dnskeyAlgorithm } from './dnskey.ts';
import { keyTag } from './key-tag.ts';

/** Delegation signer digests (IANA "DS RR Type Digest Algorithms") that are computed here. */
export interface DsDigest {
  readonly number: number;
  /** As BIND names it. */
  readonly mnemonic: 'SHA-1' | 'SHA-256' | 'SHA-384';
  readonly length: number;
  readonly nodeName: 'sha1' | 'sha256' | 'sha384';
}

const DIGESTS: readonly DsDigest[] = [
  { number: 1, mnemonic: 'SHA-1', length: 20, nodeName: 'sha1' }, // RFC 4034 section 5.1.4
  { number: 2, mnemonic: 'SHA-256', length: 32, nodeName: 'sha256' }, // RFC 4509
  { number: 4, mnemonic: 'SHA-384', length: 48, nodeName: 'sha384' }, // RFC 6605 section 2
];

function dsDigest(digestType: number): DsDigest | undefined {
  return DIGESTS.find((digest) => digest.number === digestType);
}

/** By BIND's name in either case, hyphen or not, or by decimal number. */
export function dsDigestByName(text: string): DsDigest | undefined {
  const plain = text.toUpperCase().replaceAll('-', '');
  return DIGESTS.find((digest) => digest.mnemonic.replace('-', '') === plain || String(digest.number) === text);
}

/** True for a digest type that `dsRdata` can make. */
export function hasDsDigest(digestType: number): boolean {
  return dsDigest(digestType) !== undefined;
}

/** "SHA-256" for 2; the number itself where it has no name here. */
export function digestName(digestType: number): string {
  return dsDigest(digestType)?.mnemonic ?? String(digestType);
}

/**
 * RDATA of the DS (or CDS) for a DNSKEY (RFC 4034 section 5.1): key tag, algorithm, digest type,
 * digest(owner in canonical form | DNSKEY RDATA).
 * @throws SignetError DS_DIGEST_UNSUPPORTED for digest types other than 1, 2 and 4
 */
export function dsRdata(owner: Name, dnskey: Uint8Array, digestType: number): Uint8Array<ArrayBuffer> {
  const digest = dsDigest(digestType);
  if (!digest) throw unsupportedDigest(digestType);
  const tag = keyTag(dnskey);
  const head = new Uint8Array([tag >> 8, tag & 0xff, dnskeyAlgorithm(dnskey), digestType]);
  return concatOctets([head, hash(digest.nodeName, concatOctets([lowerName(owner), dnskey]), 'buffer')]);
}

function unsupportedDigest(digestType: number): SignetError {
  // RFC 9906 section 2 ends GOST R 34.11-94 (digest 3, RFC 5933).
  const reason = digestType === 3 ? 'GOST R 34.11-94 is withdrawn (RFC 9906)' : 'not supported';
  const message = `DS digest type ${digestType}: ${reason}; use 2 (SHA-256) or 4 (SHA-384)`;
  return new SignetError('DS_DIGEST_UNSUPPORTED', message, { digestType });
}
