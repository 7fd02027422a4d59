import { DigestAlgorithm } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import { derElement, derSequence, Tag } from './der.ts';
import { fromHex } from '../../base/octets.ts';

export interface DigestFacts {
  readonly algorithm: DigestAlgorithm;
  /** node:crypto's name. */
  readonly hash: string;
  /** Octets of a digest. */
  readonly length: number;
  /** AlgorithmIdentifier with NULL parameters, DER (RFC 8017 appendix B.1: "should generally be a NULL"). */
  readonly identifier: Uint8Array;
}

const FACTS: readonly DigestFacts[] = [
  facts(DigestAlgorithm.SHA1, 'sha1', 20, '2b0e03021a'),
  facts(DigestAlgorithm.SHA224, 'sha224', 28, '608648016503040204'),
  facts(DigestAlgorithm.SHA256, 'sha256', 32, '608648016503040201'),
  facts(DigestAlgorithm.SHA512_224, 'sha512-224', 28, '608648016503040205'),
  facts(DigestAlgorithm.SHA512_256, 'sha512-256', 32, '608648016503040206'),
  facts(DigestAlgorithm.SHA384, 'sha384', 48, '608648016503040202'),
  facts(DigestAlgorithm.SHA512, 'sha512', 64, '608648016503040203'),
];

/** What there is to know about a digest algorithm of the RPC port's numbers; undefined for NONE and unknown ones. */
export function digestFacts(algorithm: number): DigestFacts | undefined {
  return FACTS.find((digest) => digest.algorithm === algorithm);
}

/** DigestInfo (RFC 8017 section 9.2): what RSA_PKCS signs. @throws HalError BAD_ARGUMENTS */
export function digestInfo(algorithm: number, digest: Uint8Array): Uint8Array {
  const of = digestFacts(algorithm);
  if (of === undefined || digest.length !== of.length)
    throw new HalError(HalStatus.BAD_ARGUMENTS, `${digest.length} octets are no digest of algorithm ${algorithm}`);
  return derSequence(of.identifier, derElement(Tag.OCTET_STRING, digest));
}

function facts(algorithm: DigestAlgorithm, hash: string, length: number, oid: string): DigestFacts {
  const identifier = derSequence(derElement(Tag.OID, fromHex(oid)!), derElement(Tag.NULL));
  return { algorithm, hash, length, identifier };
}
