import {
  attributes,
  changes,
  type Fields,
  measured,
  measuredAttributes,
  opaque,
  optionalUuid,
  partitionLines,
  text,
  texts,
  types,
  u32,
  uuid,
  uuids,
  type ValuesOf,
} from './fields.ts';

/** What a function asks of the connection, beside an unlocked appliance. The device decides about the key itself. */
export type Need =
  /** Also while the appliance is locked or tampered. */
  | 'nothing, always'
  | 'nothing'
  /** user or wheel; for objects that are PUBLIC and not TOKEN nothing. */
  | 'write access'
  | 'user or wheel'
  /** The handle was given to this connection; the device looks at the login and the flags. */
  | 'handle'
  | 'wheel'
  | 'wheel, or so for user'
  /** Not by the network. */
  | 'nobody';

/** One function of the RPC port. Fields are written in the order in which they stand. */
export interface RpcFunction<Arguments extends Fields = Fields, Results extends Fields = Fields> {
  readonly code: number;
  readonly arguments: Arguments;
  readonly results: Results;
  readonly needs: Need;
  /** A sentence for docs/hsm-protocol.md. */
  readonly does: string;
  /** Its arguments or results hold a PIN or a private key: the octets are overwritten. */
  readonly isSecret: boolean;
}

/** Codes of our own functions, which have a request number and may be pipelined. */
export const OWN_FIRST = 0x5000;
export const OWN_LAST = 0x5fff;

export function isOwn(code: number): boolean {
  return code >= OWN_FIRST && code <= OWN_LAST;
}

const session = u32;
const key = u32;
const hash = u32;
const noFields = {};

/** libhal's and the vendor's functions, then ours: decoding, documentation and the test of rights are made from this table. */
export const FUNCTIONS = {
  GET_VERSION: define(0, noFields, { version: u32 }, 'nothing', 'The version of the interface, 0x01010100.'),
  GET_RANDOM: define(1, { count: u32 }, { octets: opaque }, 'nothing', 'Random octets.'),
  SET_PIN: secret(2, { role: u32, pin: opaque }, noFields, 'wheel, or so for user', 'Sets a PIN.'),
  LOGIN: secret(3, { role: u32, pin: opaque }, noFields, 'nothing', 'Logs the connection in.'),
  LOGOUT: define(4, noFields, noFields, 'nothing', 'Ends the login and deletes the volatile keys.'),
  LOGOUT_ALL: define(5, noFields, noFields, 'wheel', 'Ends the logins of all connections.'),
  IS_LOGGED_IN: define(6, { role: u32 }, noFields, 'nothing', 'OK, or FORBIDDEN when the login is not of that role.'),
  HASH_GET_DIGEST_LEN: define(7, { algorithm: u32 }, { length: u32 }, 'nothing', 'Octets of a digest.'),
  HASH_GET_DIGEST_ALGORITHM_ID: define(
    8,
    { algorithm: u32, room: u32 },
    { identifier: measured },
    'nothing',
    'AlgorithmIdentifier, DER. Room 0 asks for the length only.',
  ),
  HASH_GET_ALGORITHM: define(9, { hash }, { algorithm: u32 }, 'handle', 'The algorithm of a hash.'),
  HASH_INITIALIZE: secret(
    10,
    { session, algorithm: u32, key: opaque },
    { hash },
    'nothing',
    'Begins a hash, or an HMAC when there is a key.',
  ),
  HASH_UPDATE: define(11, { hash, data: opaque }, noFields, 'handle', 'Adds octets to a hash.'),
  HASH_FINALIZE: define(12, { hash, room: u32 }, { digest: opaque }, 'handle', 'The digest; the handle is gone then.'),
  PKEY_LOAD: secret(
    13,
    { session, der: opaque, flags: u32 },
    { key, uuid },
    'write access',
    'Takes a key: SubjectPublicKeyInfo or PKCS#8 PrivateKeyInfo.',
  ),
  PKEY_OPEN: define(14, { session, uuid }, { key }, 'user or wheel', 'A handle of a key.'),
  PKEY_GENERATE_RSA: define(
    15,
    { session, bits: u32, exponent: opaque, flags: u32 },
    { key, uuid },
    'write access',
    'Makes an RSA key.',
  ),
  PKEY_GENERATE_EC: define(
    16,
    { session, curve: u32, flags: u32 },
    { key, uuid },
    'write access',
    'Makes a key on P-256, P-384 or P-521.',
  ),
  PKEY_CLOSE: define(17, { key }, noFields, 'handle', 'Lets a handle go.'),
  PKEY_DELETE: define(18, { key }, noFields, 'handle', 'Deletes a key on all devices, and lets its handle go.'),
  PKEY_GET_KEY_TYPE: define(19, { key }, { type: u32 }, 'handle', 'The type of a key.'),
  PKEY_GET_KEY_FLAGS: define(20, { key }, { flags: u32 }, 'handle', 'The flags of a key.'),
  PKEY_GET_PUBLIC_KEY_LEN: define(
    21,
    { key },
    { length: u32 },
    'handle',
    'Octets of the SubjectPublicKeyInfo; 0 and no error when there is none.',
  ),
  PKEY_GET_PUBLIC_KEY: define(22, { key, room: u32 }, { spki: opaque }, 'handle', 'SubjectPublicKeyInfo, DER.'),
  PKEY_SIGN: define(
    23,
    { key, hash, input: opaque, room: u32 },
    { signature: opaque },
    'handle',
    'Signs a finished hash, or input: DigestInfo (RSA), a digest (ECDSA), else a message.',
  ),
  PKEY_VERIFY: define(
    24,
    { key, hash, input: opaque, signature: opaque },
    noFields,
    'handle',
    'OK, or INVALID_SIGNATURE.',
  ),
  PKEY_MATCH: define(
    25,
    {
      session,
      type: u32,
      curve: u32,
      mask: u32,
      flags: u32,
      attributes,
      state: u32,
      most: u32,
      previous: uuid,
    },
    { state: u32, uuids },
    'nothing',
    'A page of UUIDs, first of token keys, then of volatile ones, each in order; short only at the end.',
  ),
  PKEY_GET_KEY_CURVE: define(26, { key }, { curve: u32 }, 'handle', 'The curve of a key, 0 for none.'),
  PKEY_SET_ATTRIBUTES: define(27, { key, changes }, noFields, 'handle', 'Sets and deletes attributes.'),
  PKEY_GET_ATTRIBUTES: define(
    28,
    { key, types, room: u32 },
    { attributes: measuredAttributes },
    'handle',
    'Attributes, or with room 0 their lengths only.',
  ),
  PKEY_EXPORT: define(
    29,
    { key, kekek: u32, keyRoom: u32, kekRoom: u32 },
    { pkcs8: opaque, kek: opaque },
    'user or wheel',
    'A key, wrapped; FORBIDDEN unless ENABLE_KEY_EXPORT is set.',
  ),
  PKEY_IMPORT: define(
    30,
    { session, kekek: u32, pkcs8: opaque, kek: opaque, flags: u32 },
    { key, uuid },
    'write access',
    'Takes a wrapped key; FORBIDDEN unless ENABLE_KEY_EXPORT is set.',
  ),
  PKEY_GENERATE_HASHSIG: define(
    31,
    { session, levels: u32, lms: u32, lmots: u32, flags: u32 },
    { key, uuid },
    'write access',
    'Makes a hash-based key (RFC 8554).',
  ),
  CHECK_TAMPER: define(66, noFields, noFields, 'nothing', 'OK, or TAMPER.'),
  GET_HSM_STATE: define(1979, noFields, { devices: texts }, 'nothing', 'The state of each device.'),
  GET_IP: define(1980, noFields, { address: text }, 'nothing', 'The address of the appliance.'),
  SET_RPC_DEVICE: define(1981, { index: u32 }, noFields, 'nobody', 'FORBIDDEN.'),
  DISABLE_CACHE_KEYGEN: define(1982, noFields, noFields, 'nobody', 'FORBIDDEN.'),
  ENABLE_CACHE_KEYGEN: define(1983, noFields, noFields, 'nobody', 'FORBIDDEN.'),
  USE_INCOMING_DEVICE_UUIDS: define(1984, noFields, noFields, 'nobody', 'FORBIDDEN.'),
  USE_INCOMING_MASTER_UUIDS: define(1985, noFields, noFields, 'nobody', 'FORBIDDEN.'),

  HSM_VERSION: define(
    0x5000,
    noFields,
    { protocol: u32, version: text, serial: text, servername: text },
    'nothing, always',
    'The version of our functions, 1, and who the appliance is.',
  ),
  HSM_STATE: define(
    0x5001,
    noFields,
    { status: u32, devices: texts },
    'nothing, always',
    'OK, or what every other call gets now; and the state of each device.',
  ),
  HSM_RANDOM: define(0x5002, { count: u32 }, { octets: opaque }, 'nothing', 'At most 65,536 random octets.'),
  PARTITION_LIST: define(0x5008, noFields, { partitions: partitionLines }, 'nothing', 'The partitions.'),
  PARTITION_WRITE: define(
    0x5009,
    { number: u32, label: text },
    { number: u32 },
    'wheel',
    'Gives a partition a label, or makes one: FFFFFFFF stands for the first number that is free.',
  ),
  PARTITION_DELETE: define(0x500a, { number: u32 }, noFields, 'wheel', 'Deletes a partition without keys.'),
  PARTITION_LOGIN: secret(
    0x5010,
    { partition: u32, role: u32, pin: opaque },
    noFields,
    'nothing',
    'Logs the connection in; a connection has one login.',
  ),
  PARTITION_LOGOUT: define(0x5011, noFields, noFields, 'nothing', 'As LOGOUT.'),
  PARTITION_SET_PIN: secret(
    0x5012,
    { partition: u32, role: u32, pin: opaque },
    noFields,
    'wheel, or so for user',
    'Sets a PIN.',
  ),
  PARTITION_ROLE: define(
    0x5013,
    noFields,
    { partition: u32, role: u32 },
    'nothing',
    'Whose login the connection has; role 0: none.',
  ),
  KEY_GENERATE_RSA: define(
    0x5020,
    { partition: u32, bits: u32, exponent: opaque, flags: u32 },
    { uuid },
    'write access',
    'Makes an RSA key.',
  ),
  KEY_GENERATE_EC: define(
    0x5021,
    { partition: u32, curve: u32, flags: u32 },
    { uuid },
    'write access',
    'Makes a key on P-256, P-384 or P-521.',
  ),
  KEY_GENERATE_ED: define(
    0x5022,
    { partition: u32, curve: u32, flags: u32 },
    { uuid },
    'write access',
    'Makes a key on Ed25519 (curve 4) or Ed448 (5).',
  ),
  KEY_GENERATE_HASHSIG: define(
    0x5023,
    { partition: u32, levels: u32, lms: u32, lmots: u32, flags: u32 },
    { uuid },
    'write access',
    'Makes a hash-based key (RFC 8554).',
  ),
  KEY_LOAD: secret(
    0x5024,
    { partition: u32, flags: u32, der: opaque },
    { uuid, type: u32, curve: u32 },
    'write access',
    'Takes a key: SubjectPublicKeyInfo or PKCS#8 PrivateKeyInfo.',
  ),
  DATA_STORE: secret(
    0x5025,
    { partition: u32, flags: u32, data: opaque },
    { uuid },
    'write access',
    'Keeps octets (a certificate, a data object); KEY_GET_ATTRIBUTES reads them as CKA_VALUE.',
  ),
  KEY_DELETE: define(0x5026, { uuid }, noFields, 'write access', 'Deletes a key on all devices.'),
  KEY_INFO: define(
    0x5027,
    { uuid },
    { partition: u32, type: u32, curve: u32, flags: u32 },
    'nothing',
    'What a key is; KEY_NOT_FOUND or FORBIDDEN for one that the login may not see.',
  ),
  KEY_PUBLIC: define(0x5028, { uuid }, { spki: opaque }, 'nothing', 'SubjectPublicKeyInfo, DER.'),
  KEY_SIGN: define(
    0x5029,
    { partition: u32, uuid, mechanism: u32, data: opaque },
    { signature: opaque },
    'user or wheel',
    'Signs data by a PKCS#11 mechanism.',
  ),
  KEY_VERIFY: define(
    0x502a,
    { partition: u32, uuid, mechanism: u32, data: opaque, signature: opaque },
    noFields,
    'nothing',
    'OK, or INVALID_SIGNATURE.',
  ),
  KEY_SET_ATTRIBUTES: define(0x502b, { uuid, changes }, noFields, 'write access', 'Sets and deletes attributes.'),
  KEY_GET_ATTRIBUTES: define(
    0x502c,
    { uuid, types },
    { attributes },
    'nothing',
    'Those of the attributes that the key has.',
  ),
  KEY_LIST_ATTRIBUTES: define(0x502d, { uuid }, { attributes }, 'nothing', 'All attributes that were set.'),
  KEY_MATCH: define(
    0x502e,
    {
      partition: u32,
      type: u32,
      curve: u32,
      mask: u32,
      flags: u32,
      attributes,
      after: optionalUuid,
      most: u32,
    },
    { uuids },
    'nothing',
    'UUIDs in order after one, token and volatile keys together; fewer than asked only at the end.',
  ),
  KEY_FIND: define(
    0x502f,
    { partition: u32, label: opaque, id: opaque, most: u32 },
    { uuids },
    'nothing',
    'UUIDs of what has that CKA_LABEL and CKA_ID; an empty one stands for any, but not both.',
  ),
  KEY_EXPORT: define(
    0x5030,
    { uuid, kekek: uuid },
    { pkcs8: opaque, kek: opaque },
    'user or wheel',
    'A key, wrapped; FORBIDDEN unless ENABLE_KEY_EXPORT is set.',
  ),
  KEY_IMPORT: define(
    0x5031,
    { partition: u32, kekek: uuid, pkcs8: opaque, kek: opaque, flags: u32 },
    { uuid },
    'write access',
    'Takes a wrapped key; FORBIDDEN unless ENABLE_KEY_EXPORT is set.',
  ),
} as const;

export type FunctionName = keyof typeof FUNCTIONS;
export type ArgumentsOf<Name extends FunctionName> = ValuesOf<(typeof FUNCTIONS)[Name]['arguments']>;
export type ResultsOf<Name extends FunctionName> = ValuesOf<(typeof FUNCTIONS)[Name]['results']>;

export const FUNCTION_NAMES = Object.keys(FUNCTIONS) as readonly FunctionName[];

const BY_CODE = new Map<number, FunctionName>(FUNCTION_NAMES.map((name) => [FUNCTIONS[name].code, name]));

export function functionByCode(code: number): FunctionName | undefined {
  return BY_CODE.get(code);
}

function define<const A extends Fields, const R extends Fields>(
  code: number,
  args: A,
  results: R,
  needs: Need,
  does: string,
): RpcFunction<A, R> {
  return { code, arguments: args, results, needs, does, isSecret: false };
}

function secret<const A extends Fields, const R extends Fields>(
  code: number,
  args: A,
  results: R,
  needs: Need,
  does: string,
): RpcFunction<A, R> {
  return { ...define(code, args, results, needs, does), isSecret: true };
}
