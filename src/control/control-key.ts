import { createHmac, timingSafeEqual } from 'node:crypto';

/** A key that may give commands. The secret is decoded and never logged. */
export interface ControlKey {
  readonly name: string;
  /** hmac-md5, hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384 or hmac-sha512 */
  readonly algorithm: string;
  readonly secret: Uint8Array;
}

interface ControlAlgorithm {
  readonly digest: string;
  /** First octet of the signature; 157 is MD5's, which has a signature form of its own. */
  readonly number: number;
}

/** Numbers as BIND's rndc sends them. */
const ALGORITHMS: Readonly<Record<string, ControlAlgorithm>> = {
  'hmac-md5': { digest: 'md5', number: 157 },
  'hmac-sha1': { digest: 'sha1', number: 161 },
  'hmac-sha224': { digest: 'sha224', number: 162 },
  'hmac-sha256': { digest: 'sha256', number: 163 },
  'hmac-sha384': { digest: 'sha384', number: 164 },
  'hmac-sha512': { digest: 'sha512', number: 165 },
};

const MD5_NUMBER = 157;
/** Room for the base 64 form of the longest digest (SHA-512): shorter ones are followed by zero octets. */
const SIGNATURE_ROOM = 88;

/** `HMAC-SHA256` and `hmac-sha256.` are the same; undefined for what the control channel does not know. */
function controlAlgorithm(name: string): ControlAlgorithm | undefined {
  const plain = name
    .toLowerCase()
    .replace(/\.$/, '')
    .replace(/^hmac-md5\.sig-alg\.reg\.int$/, 'hmac-md5');
  return Object.hasOwn(ALGORITHMS, plain) ? ALGORITHMS[plain] : undefined;
}

/** How a signature stands in `_auth`: its key there and its octets. @throws RangeError for an unknown algorithm */
export function signControl(key: ControlKey, data: Uint8Array): { field: 'hmd5' | 'hsha'; octets: Uint8Array } {
  const algorithm = controlAlgorithm(key.algorithm);
  if (algorithm === undefined) throw new RangeError(`control channel algorithm ${key.algorithm}`);
  const base64 = createHmac(algorithm.digest, key.secret).update(data).digest('base64');
  if (algorithm.number === MD5_NUMBER) {
    return { field: 'hmd5', octets: Buffer.from(base64.replace(/=+$/, ''), 'latin1') };
  }
  const octets = new Uint8Array(1 + SIGNATURE_ROOM);
  octets[0] = algorithm.number;
  octets.set(Buffer.from(base64, 'latin1'), 1);
  return { field: 'hsha', octets };
}

/** True when `signature` (the octets under `field`) is `key`'s over `data`. Takes the same time wherever it differs. */
export function verifyControl(key: ControlKey, field: string, signature: Uint8Array, data: Uint8Array): boolean {
  const expected = signControl(key, data);
  return (
    field === expected.field &&
    signature.length === expected.octets.length &&
    timingSafeEqual(signature, expected.octets)
  );
}
