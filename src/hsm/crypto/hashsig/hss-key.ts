import { concatOctets, readUint32 } from '../../../base/octets.ts';
import { HalError, HalStatus } from '../../hal-status.ts';
import { Der, DerFault, derElement, derInteger, derSequence, Tag } from '../der.ts';
import {
  HSS_PUBLIC_LENGTH,
  ID_LENGTH,
  LMS_PUBLIC_LENGTH,
  type LmotsParameters,
  lmotsParameters,
  type LmsParameters,
  lmsParameters,
  MAX_LEVELS,
  N,
  uint32,
} from './parameters.ts';
import { cachedRootsLength } from './lms-tree.ts';

/** One parameter set for all levels, as libhal has it. */
export interface HssParameters {
  readonly levels: number;
  readonly lms: LmsParameters;
  readonly lmots: LmotsParameters;
}

/**
 * A hash-based private key with its state. In PKCS#8 (algorithm id-alg-hss-lms-hashsig without parameters) the private key is
 *
 *     SEQUENCE {
 *       version   INTEGER (1),
 *       levels    INTEGER (1..8), lms INTEGER (5..9), lmots INTEGER (1..4),     -- RFC 8554's numbers
 *       id        OCTET STRING (16 octets),                                    -- I of the highest tree
 *       seed      OCTET STRING (32 octets),                                    -- its SEED, appendix A
 *       root      OCTET STRING (32 octets),                                    -- its T[1]
 *       position  SEQUENCE OF INTEGER,     -- for each level the leaf that signs next (the lowest) or signed the tree below
 *       caches    SEQUENCE OF OCTET STRING -- for each level nodes of its present tree (lms-tree.ts), or nothing
 *     }
 *
 * Trees below the highest follow from it: see childOf in hss-signer.ts. A used-up key has 2^h for the first position, 0 for the others.
 */
export interface HssPrivateKey extends HssParameters {
  readonly id: Uint8Array;
  readonly seed: Uint8Array;
  readonly root: Uint8Array;
  readonly position: readonly number[];
  readonly caches: readonly Uint8Array[];
}

/** The contents of PKCS#8's octet string. @throws DerFault, HalError UNSUPPORTED_KEY */
export function readHssPrivateKey(inner: Uint8Array): HssPrivateKey {
  const outer = new Der(inner);
  const body = outer.sequence();
  outer.end();
  if (body.small() !== 1) throw unsupported('its version is not known');
  const parameters = hssParameters(body.small(), body.small(), body.small());
  const id = fixed(body, ID_LENGTH);
  const seed = fixed(body, N);
  const root = fixed(body, N);
  const position = readPosition(body.sequence(), parameters);
  const caches = readCaches(body.sequence(), parameters);
  body.end();
  return { ...parameters, id, seed, root, position, caches };
}

export function writeHssPrivateKey(key: HssPrivateKey): Uint8Array<ArrayBuffer> {
  const seed = derElement(Tag.OCTET_STRING, key.seed);
  const written = derSequence(
    derInteger(1),
    derInteger(key.levels),
    derInteger(key.lms.type),
    derInteger(key.lmots.type),
    derElement(Tag.OCTET_STRING, key.id),
    seed,
    derElement(Tag.OCTET_STRING, key.root),
    derSequence(...key.position.map(derInteger)),
    derSequence(...key.caches.map((cache) => derElement(Tag.OCTET_STRING, cache))),
  );
  seed.fill(0);
  return written;
}

/** @throws HalError UNSUPPORTED_KEY */
export function hssParameters(levels: number, lmsType: number, lmotsType: number): HssParameters {
  const lms = lmsParameters(lmsType);
  const lmots = lmotsParameters(lmotsType);
  if (levels < 1 || levels > MAX_LEVELS) throw unsupported(`${levels} levels are not 1 to ${MAX_LEVELS}`);
  if (lms === undefined) throw unsupported(`LMS type ${lmsType} is none of 5 to 9 (SHA-256, M32)`);
  if (lmots === undefined) throw unsupported(`LM-OTS type ${lmotsType} is none of 1 to 4 (SHA-256, N32)`);
  return { levels, lms, lmots };
}

/** u32str(L) || u32str(type) || u32str(LM-OTS type) || I || T[1] (RFC 8554 sections 5.3 and 6.1). */
export function hssPublicKey(parameters: HssParameters, id: Uint8Array, root: Uint8Array): Uint8Array {
  return concatOctets([uint32(parameters.levels), lmsPublicKey(parameters, id, root)]);
}

export function lmsPublicKey({ lms, lmots }: HssParameters, id: Uint8Array, root: Uint8Array): Uint8Array {
  return concatOctets([uint32(lms.type), uint32(lmots.type), id, root]);
}

export interface LmsPublicKey {
  readonly lms: LmsParameters;
  readonly lmots: LmotsParameters;
  readonly id: Uint8Array;
  readonly root: Uint8Array;
}

/** undefined when its length or a type is not right. */
export function readLmsPublicKey(octets: Uint8Array): LmsPublicKey | undefined {
  if (octets.length !== LMS_PUBLIC_LENGTH) return undefined;
  const lms = lmsParameters(readUint32(octets, 0));
  const lmots = lmotsParameters(readUint32(octets, 4));
  if (lms === undefined || lmots === undefined) return undefined;
  return { lms, lmots, id: octets.subarray(8, 8 + ID_LENGTH), root: octets.subarray(8 + ID_LENGTH) };
}

/** The HSS public key in SubjectPublicKeyInfo: as it is (RFC 9708 section 4), or in an OCTET STRING (RFC 8708 section 4, libhal). */
export function bareHssPublicKey(bits: Uint8Array): Uint8Array {
  const isWrapped =
    bits.length === HSS_PUBLIC_LENGTH + 2 && bits[0] === Tag.OCTET_STRING && bits[1] === HSS_PUBLIC_LENGTH;
  return isWrapped ? bits.subarray(2) : bits;
}

/** What is wrong with the public key of a SubjectPublicKeyInfo, or undefined. */
export function hssPublicKeyFault(bits: Uint8Array): string | undefined {
  const key = bareHssPublicKey(bits);
  if (key.length !== HSS_PUBLIC_LENGTH) return `its HSS public key has ${key.length} octets, not ${HSS_PUBLIC_LENGTH}`;
  const levels = readUint32(key, 0);
  if (levels < 1 || levels > MAX_LEVELS) return `its HSS public key has ${levels} levels, not 1 to ${MAX_LEVELS}`;
  return readLmsPublicKey(key.subarray(4)) === undefined
    ? 'its LMS parameters are none with SHA-256 and 32 octets'
    : undefined;
}

function readPosition(body: Der, { levels, lms }: HssParameters): readonly number[] {
  const position = Array.from({ length: levels }, () => body.small());
  body.end();
  const leaves = 2 ** lms.h;
  const isUsedUp = position[0] === leaves && position.slice(1).every((leaf) => leaf === 0);
  if (!isUsedUp && position.some((leaf) => leaf >= leaves)) throw unsupported('its state is impossible');
  return position;
}

function readCaches(body: Der, { levels, lms }: HssParameters): readonly Uint8Array[] {
  const caches = Array.from({ length: levels }, () => body.take(Tag.OCTET_STRING));
  body.end();
  const length = cachedRootsLength(lms.h);
  if (caches.some((cache) => cache.length !== 0 && cache.length !== length))
    throw unsupported('its cached nodes are impossible');
  return caches;
}

function fixed(body: Der, length: number): Uint8Array {
  const octets = body.take(Tag.OCTET_STRING);
  if (octets.length !== length) throw new DerFault(`a value has ${octets.length} octets, not ${length}`);
  return octets;
}

function unsupported(reason: string): HalError {
  return new HalError(HalStatus.UNSUPPORTED_KEY, `the hash-based key cannot be used here: ${reason}`);
}
