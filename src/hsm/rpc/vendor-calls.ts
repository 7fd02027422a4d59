import { digestInfo } from '../crypto/digest-info.ts';
import type { KeyInfo, KeyQuery } from '../device/crypto-device.ts';
import { Curve, KeyFlag, KeyType, Mechanism } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { ArgumentsOf, FunctionName } from '../protocol/functions.ts';
import { MOST_VENDOR_OCTETS } from '../protocol/message.ts';
import { DONE, type Handlers } from './handlers.ts';
import { digestOf, HashContext } from './hash-context.ts';
import { SESSION_LIMITS } from './rpc-services.ts';
import { anyCurveOf, checkFlags, curveOf, hashsigSpec, keyTypeOf, roleOf, type RpcSession } from './rpc-session.ts';

export type VendorName = Exclude<
  FunctionName,
  `HSM_${string}` | `PARTITION_${string}` | `KEY_${string}` | `DATA_${string}`
>;

/** What GET_VERSION of libhal says: 1.1.1. */
const INTERFACE_VERSION = 0x0101_0100;
/** libhal's functions work in the first partition. */
const FIRST_PARTITION = 0;
/** func, client, status, length. */
const REPLY_HEADER = 16;

const forbidden = (): never => {
  throw new HalError(HalStatus.FORBIDDEN, 'That is not for the network.');
};

/** libhal's and the vendor's functions. */
export const VENDOR_CALLS: Handlers<VendorName> = {
  GET_VERSION: () => ({ version: INTERFACE_VERSION }),
  async GET_RANDOM({ pool, client }, { count }) {
    if (count + REPLY_HEADER > MOST_VENDOR_OCTETS)
      throw new HalError(HalStatus.RPC_PACKET_OVERFLOW, `${count} random octets do not fit into one reply.`);
    return { octets: count === 0 ? new Uint8Array(0) : await pool.random(client, count) };
  },

  async SET_PIN(session, { role, pin }) {
    await session.setPin(FIRST_PARTITION, role, pin);
    return DONE;
  },
  async LOGIN(session, { role, pin }) {
    await session.logIn(FIRST_PARTITION, role, pin);
    return DONE;
  },
  async LOGOUT(session) {
    await session.logOut();
    return DONE;
  },
  async LOGOUT_ALL(session) {
    await session.logOutAll();
    return DONE;
  },
  IS_LOGGED_IN(session, { role }) {
    if (session.login?.role !== roleOf(role))
      throw new HalError(HalStatus.FORBIDDEN, 'This connection is not logged in so.');
    return DONE;
  },

  HASH_GET_DIGEST_LEN: (_session, { algorithm }) => ({ length: digestOf(algorithm).length }),
  HASH_GET_DIGEST_ALGORITHM_ID(_session, { algorithm, room }) {
    const { identifier } = digestOf(algorithm);
    if (room === 0) return { identifier: { length: identifier.length } };
    requireRoom(identifier.length, room);
    return { identifier: { length: identifier.length, value: identifier } };
  },
  HASH_GET_ALGORITHM: ({ hashes }, { hash }) => ({ algorithm: hashes.get(hash).digest.algorithm }),
  HASH_INITIALIZE({ hashes }, { algorithm, key }) {
    hashes.requireRoom();
    return { hash: hashes.add(new HashContext(algorithm, key), key.length > 0) };
  },
  HASH_UPDATE({ hashes }, { hash, data }) {
    hashes.get(hash).update(data);
    return DONE;
  },
  HASH_FINALIZE({ hashes }, { hash, room }) {
    if (room < hashes.get(hash).digest.length)
      throw new HalError(HalStatus.BAD_ARGUMENTS, `A digest of this hash does not fit into ${room} octets.`);
    return { digest: hashes.take(hash).finish() };
  },

  async PKEY_LOAD(session, { der, flags }) {
    session.keys.requireRoom();
    return opened(session, await session.load(FIRST_PARTITION, der, flags));
  },
  async PKEY_OPEN(session, { uuid }) {
    session.requireUser();
    session.keys.requireRoom();
    return { key: opened(session, await session.pool.openKey(session.client, uuid)).key };
  },
  async PKEY_GENERATE_RSA(session, { bits, exponent, flags }) {
    session.keys.requireRoom();
    return opened(session, await session.generate(FIRST_PARTITION, { kind: 'rsa', bits, exponent, flags }));
  },
  async PKEY_GENERATE_EC(session, { curve, flags }) {
    session.keys.requireRoom();
    const named = curveOf(curve, [Curve.P256, Curve.P384, Curve.P521]);
    return opened(session, await session.generate(FIRST_PARTITION, { kind: 'ec', curve: named, flags }));
  },
  async PKEY_GENERATE_HASHSIG(session, { levels, lms, lmots, flags }) {
    session.keys.requireRoom();
    return opened(session, await session.generate(FIRST_PARTITION, hashsigSpec(levels, lms, lmots, flags)));
  },
  PKEY_CLOSE({ keys }, { key }) {
    keys.take(key);
    return DONE;
  },
  async PKEY_DELETE(session, { key }) {
    await session.delete(session.keys.get(key));
    session.keys.take(key);
    return DONE;
  },
  PKEY_GET_KEY_TYPE: ({ keys }, { key }) => ({ type: keys.get(key).type }),
  PKEY_GET_KEY_FLAGS: ({ keys }, { key }) => ({ flags: keys.get(key).flags }),
  PKEY_GET_KEY_CURVE: ({ keys }, { key }) => ({ curve: keys.get(key).curve }),
  async PKEY_GET_PUBLIC_KEY_LEN({ keys, pool, client }, { key }) {
    try {
      return { length: (await pool.getPublicKey(client, keys.get(key).uuid)).length };
    } catch (error) {
      // The vendor's library takes 0 for "none", and any other status for a broken connection.
      if (error instanceof HalError) return { length: 0 };
      throw error;
    }
  },
  async PKEY_GET_PUBLIC_KEY({ keys, pool, client }, { key, room }) {
    const spki = await pool.getPublicKey(client, keys.get(key).uuid);
    requireRoom(spki.length, room);
    return { spki };
  },
  async PKEY_SIGN(session, { key, hash, input, room }) {
    const { uuid, type } = session.keys.get(key);
    const mechanism = rawMechanism(type);
    const signature = await session.pool.sign(session.client, uuid, mechanism, signed(session, type, hash, input));
    requireRoom(signature.length, room);
    return { signature };
  },
  async PKEY_VERIFY(session, { key, hash, input, signature }) {
    const { uuid, type } = session.keys.get(key);
    const mechanism = rawMechanism(type);
    await session.pool.verify(session.client, uuid, mechanism, signed(session, type, hash, input), signature);
    return DONE;
  },
  PKEY_MATCH: matchPage,
  async PKEY_SET_ATTRIBUTES({ keys, pool, client }, { key, changes }) {
    await pool.setAttributes(client, keys.get(key).uuid, changes);
    return DONE;
  },
  async PKEY_GET_ATTRIBUTES({ keys, pool, client }, { key, types, room }) {
    const { uuid } = keys.get(key);
    const found = new Map((await pool.getAttributes(client, uuid, types)).map(({ type, value }) => [type, value]));
    if (room === 0) {
      // Lengths only, 0 for what is missing; but a key without any attribute is an error.
      if (found.size === 0 && (await pool.listAttributes(client, uuid)).length === 0) throw noAttribute(uuid);
      return { attributes: types.map((type) => ({ type, length: found.get(type)?.length ?? 0 })) };
    }
    let length = 0;
    const attributes = types.map((type) => {
      const value = found.get(type);
      if (value === undefined) throw noAttribute(uuid);
      length += value.length;
      return { type, length: value.length, value };
    });
    requireRoom(length, room);
    return { attributes };
  },
  async PKEY_EXPORT(session, { key, kekek, keyRoom, kekRoom }) {
    if (kekRoom <= 32) throw new HalError(HalStatus.BAD_ARGUMENTS, `No wrapped key fits into ${kekRoom} octets.`);
    const wrapped = await session.export(session.keys.get(key).uuid, session.keys.get(kekek).uuid);
    requireRoom(wrapped.pkcs8.length, keyRoom);
    requireRoom(wrapped.kek.length, kekRoom);
    return wrapped;
  },
  async PKEY_IMPORT(session, { kekek, pkcs8, kek, flags }) {
    session.keys.requireRoom();
    const { uuid } = session.keys.get(kekek);
    return opened(session, await session.import(FIRST_PARTITION, uuid, pkcs8, kek, flags));
  },

  // While there was a tamper event the gate answers.
  CHECK_TAMPER: () => DONE,
  GET_HSM_STATE: ({ services }) => ({ devices: services.deviceTexts() }),
  GET_IP: ({ services }) => ({ address: services.address() }),
  SET_RPC_DEVICE: forbidden,
  DISABLE_CACHE_KEYGEN: forbidden,
  ENABLE_CACHE_KEYGEN: forbidden,
  USE_INCOMING_DEVICE_UUIDS: forbidden,
  USE_INCOMING_MASTER_UUIDS: forbidden,
};

function opened(session: RpcSession, info: KeyInfo): { readonly key: number; readonly uuid: string } {
  return { key: session.keys.add(info, (info.flags & KeyFlag.TOKEN) !== 0), uuid: info.uuid };
}

/** The reply must never be longer than the client has room for: its buffer is that large. */
function requireRoom(length: number, room: number): void {
  if (length > room)
    throw new HalError(HalStatus.RESULT_TOO_LONG, `The result has ${length} octets, the client has room for ${room}.`);
}

function noAttribute(uuid: string): HalError {
  return new HalError(HalStatus.ATTRIBUTE_NOT_FOUND, `Key ${uuid} has no such attribute.`);
}

/** PKEY_SIGN names no mechanism: the client has made DigestInfo or digest. */
function rawMechanism(type: KeyType): Mechanism {
  switch (type) {
    case KeyType.RSA_PRIVATE:
    case KeyType.RSA_PUBLIC:
      return Mechanism.RSA_PKCS;
    case KeyType.EC_PRIVATE:
    case KeyType.EC_PUBLIC:
      return Mechanism.ECDSA;
    case KeyType.ED_PRIVATE:
    case KeyType.ED_PUBLIC:
      return Mechanism.EDDSA;
    case KeyType.HASHSIG_PRIVATE:
    case KeyType.HASHSIG_PUBLIC:
      return Mechanism.HSS;
    default:
      throw new HalError(HalStatus.UNSUPPORTED_KEY, 'This key does not sign.');
  }
}

/** What is signed or verified: the input, or the digest of a hash, which is gone then. Exactly one of both. */
function signed({ hashes }: RpcSession, type: KeyType, hash: number, input: Uint8Array): Uint8Array {
  if ((hash === 0) === (input.length === 0))
    throw new HalError(HalStatus.BAD_ARGUMENTS, 'Either a hash or octets are signed, and not both.');
  if (hash === 0) return input;
  const { digest } = hashes.get(hash);
  const value = hashes.take(hash).finish();
  return type === KeyType.RSA_PRIVATE || type === KeyType.RSA_PUBLIC ? digestInfo(digest.algorithm, value) : value;
}

/** libhal's states of a search: it begins, goes through token keys, then volatile ones, and ends. */
const SEARCH = { START: 0, TOKEN: 1, VOLATILE: 2, DONE: 3 } as const;

async function matchPage(
  { pool, client }: RpcSession,
  values: ArgumentsOf<'PKEY_MATCH'>,
): Promise<{ readonly state: number; readonly uuids: readonly string[] }> {
  const { type, curve, mask, flags, attributes, most, previous } = values;
  if (most === 0 || values.state > SEARCH.DONE)
    throw new HalError(HalStatus.BAD_ARGUMENTS, 'A search asks for at least one key, and has a state from 0 to 3.');
  checkFlags(mask);
  checkFlags(flags);
  const wanted = { type: keyTypeOf(type), curve: anyCurveOf(curve), attributes };
  const limit = Math.min(most, SESSION_LIMITS.matches);
  const uuids: string[] = [];
  let after = values.state === SEARCH.START ? undefined : previous;
  let state = values.state === SEARCH.START ? SEARCH.TOKEN : values.state;
  // A page that is short means the end to the client: it goes on with volatile keys.
  for (; state < SEARCH.DONE && uuids.length < limit; state++, after = undefined) {
    const store = state === SEARCH.TOKEN ? KeyFlag.TOKEN : 0;
    if ((mask & KeyFlag.TOKEN) !== 0 && (flags & KeyFlag.TOKEN) !== store) continue;
    const query: KeyQuery = {
      ...wanted,
      mask: mask | KeyFlag.TOKEN,
      flags: (flags & ~KeyFlag.TOKEN) | store,
      after,
      limit: limit - uuids.length,
    };
    uuids.push(...(await pool.matchKeys(client, FIRST_PARTITION, query)));
    if (uuids.length === limit) break;
  }
  if (uuids.length === limit && limit < most)
    throw new HalError(
      HalStatus.RPC_PACKET_OVERFLOW,
      `More than ${limit} keys do not fit into one reply: ask for smaller pages.`,
    );
  return { state, uuids };
}
