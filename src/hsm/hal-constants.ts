/** Numbers that clients of the RPC port send: libhal's, and above them ours for what it does not have. */

export const KeyType = {
  NONE: 0,
  RSA_PRIVATE: 1,
  RSA_PUBLIC: 2,
  EC_PRIVATE: 3,
  EC_PUBLIC: 4,
  HASHSIG_PRIVATE: 5,
  HASHSIG_PUBLIC: 6,
  // 7 and 8 are libhal's internal parts of hash-based keys: never seen by a client.
  /** Ed25519 and Ed448 (RFC 8032): ours. */
  ED_PRIVATE: 9,
  ED_PUBLIC: 10,
  /** Octets that a client keeps here (CKO_DATA, certificates): ours; no operation uses them. */
  DATA: 11,
} as const;
export type KeyType = (typeof KeyType)[keyof typeof KeyType];

export const Curve = { NONE: 0, P256: 1, P384: 2, P521: 3, ED25519: 4, ED448: 5 } as const;
export type Curve = (typeof Curve)[keyof typeof Curve];

export const KeyFlag = {
  DIGITAL_SIGNATURE: 0x01,
  KEY_ENCIPHERMENT: 0x02,
  DATA_ENCIPHERMENT: 0x04,
  /** Kept over restarts; without it the key lives with the connection that made it. */
  TOKEN: 0x08,
  /** May be seen without a login. */
  PUBLIC: 0x10,
  /** May leave the device, wrapped: mirrored, backed up. */
  EXPORTABLE: 0x20,
} as const;
export const ALL_KEY_FLAGS = 0x3f;

export const DigestAlgorithm = {
  NONE: 0,
  SHA1: 1,
  SHA224: 2,
  SHA256: 3,
  SHA512_224: 4,
  SHA512_256: 5,
  SHA384: 6,
  SHA512: 7,
} as const;
export type DigestAlgorithm = (typeof DigestAlgorithm)[keyof typeof DigestAlgorithm];

/** Who logs in, best rights last in seed order: `wheel` runs the HSM, `so` may set the user's PIN, `user` uses keys. */
export type Role = 'user' | 'so' | 'wheel';
export const ROLE_NUMBERS = { user: 1, so: 2, wheel: 3 } as const satisfies Record<Role, number>;
export const ROLES: readonly Role[] = ['user', 'so', 'wheel'];

export const PIN_MIN_OCTETS = 4;
export const PIN_MAX_OCTETS = 4096;
/** The wheel PIN of a device that was never set up or was restored: everybody knows it. */
export const DEFAULT_WHEEL_PIN = 'YouReallyNeedToChangeThisPINRightNowWeAreNotKidding';

/** Mechanisms by their PKCS#11 numbers (CKM_...). */
export const Mechanism = {
  RSA_PKCS: 0x0001,
  SHA1_RSA_PKCS: 0x0006,
  SHA256_RSA_PKCS: 0x0040,
  SHA384_RSA_PKCS: 0x0041,
  SHA512_RSA_PKCS: 0x0042,
  ECDSA: 0x1041,
  ECDSA_SHA1: 0x1042,
  ECDSA_SHA224: 0x1043,
  ECDSA_SHA256: 0x1044,
  ECDSA_SHA384: 0x1045,
  ECDSA_SHA512: 0x1046,
  EDDSA: 0x1057,
  HSS: 0x4033,
} as const;
export type Mechanism = (typeof Mechanism)[keyof typeof Mechanism];

/** Label of the partition that the RPC port's own functions use (PKCS#11 token label). */
export const FIRST_PARTITION_LABEL = 'Cryptech Token';
