import { createHash } from 'node:crypto';
import { equalOctets, readUint32 } from '../../../base/octets.ts';
import type { NativeKeys } from '../native-keys.ts';
import { bareHssPublicKey, type LmsPublicKey, readLmsPublicKey } from './hss-key.ts';
import { LMS_PUBLIC_LENGTH, lmotsSignatureLength, lmsSignatureLength, MAX_LEVELS, N, uint32 } from './parameters.ts';

const D_MESG = Uint8Array.of(0x81, 0x81);
const D_LEAF = Uint8Array.of(0x82, 0x82);
const D_INTR = Uint8Array.of(0x83, 0x83);

/** RFC 8554 section 6.3: `bits` is the bit string of a SubjectPublicKeyInfo. A malformed signature is simply not valid. */
export function verifyHss(native: NativeKeys, bits: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const bare = bareHssPublicKey(bits);
  const levels = readUint32(bare, 0);
  let key = readLmsPublicKey(bare.subarray(4));
  if (levels < 1 || levels > MAX_LEVELS || signature.length < 4 || readUint32(signature, 0) !== levels - 1)
    return false;
  let at = 4;
  for (let level = 0; level < levels - 1; level++) {
    if (key === undefined) return false;
    const end = at + lmsSignatureLength(key.lms, key.lmots);
    const below = signature.subarray(end, end + LMS_PUBLIC_LENGTH);
    if (!verifyLms(native, key, below, signature.subarray(at, end))) return false;
    key = readLmsPublicKey(below);
    at = end + LMS_PUBLIC_LENGTH;
  }
  return key !== undefined && verifyLms(native, key, message, signature.subarray(at));
}

/** Algorithm 6a. */
function verifyLms(native: NativeKeys, key: LmsPublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  const { lms, lmots, id } = key;
  if (signature.length !== lmsSignatureLength(lms, lmots)) return false;
  const q = readUint32(signature, 0);
  const pathAt = 4 + lmotsSignatureLength(lmots) + 4;
  if (readUint32(signature, 4) !== lmots.type || readUint32(signature, pathAt - 4) !== lms.type) return false;
  if (q >= 2 ** lms.h) return false;
  const hash = messageHash(id, q, signature.subarray(8, 8 + N), message);
  const candidate = new Uint8Array(N);
  native.hashsigCandidate(id, q, lmots.w, hash, signature.subarray(8 + N, pathAt - 4), candidate);
  return equalOctets(rootFrom(key, q, candidate, signature.subarray(pathAt)), key.root);
}

/** Tc of algorithm 6a: the root that a leaf's public key and its path lead to. */
function rootFrom({ lms, id }: LmsPublicKey, q: number, leafKey: Uint8Array, path: Uint8Array): Uint8Array {
  let node = 2 ** lms.h + q;
  let value: Uint8Array = createHash('sha256').update(id).update(uint32(node)).update(D_LEAF).update(leafKey).digest();
  for (let i = 0; node > 1; i++) {
    const sibling = path.subarray(i * N, (i + 1) * N);
    const isRight = node % 2 === 1;
    node = Math.floor(node / 2);
    const hash = createHash('sha256').update(id).update(uint32(node)).update(D_INTR);
    value = (isRight ? hash.update(sibling).update(value) : hash.update(value).update(sibling)).digest();
  }
  return value;
}

/** Q = H(I || u32str(q) || u16str(D_MESG) || C || message), algorithms 3 and 4b. */
export function messageHash(id: Uint8Array, q: number, randomizer: Uint8Array, message: Uint8Array): Uint8Array {
  return createHash('sha256').update(id).update(uint32(q)).update(D_MESG).update(randomizer).update(message).digest();
}
