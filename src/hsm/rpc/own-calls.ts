import type { KeyQuery } from '../device/crypto-device.ts';
import { Curve, KeyType, ROLE_NUMBERS } from '../hal-constants.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import type { FunctionName } from '../protocol/functions.ts';
import { DONE, type Handlers } from './handlers.ts';
import { SESSION_LIMITS } from './rpc-services.ts';
import { anyCurveOf, checkFlags, curveOf, hashsigSpec, keyTypeOf, mechanismOf } from './rpc-session.ts';
import type { VendorName } from './vendor-calls.ts';

/** Of our functions; a client compares it. */
const PROTOCOL_VERSION = 1;
const MOST_RANDOM = 65_536;
/** Stands for the first partition number that is free. */
const ANY_NUMBER = 0xffff_ffff;

/** PKCS#11 attributes that KEY_FIND looks for. */
const CKA_LABEL = 0x0003;
const CKA_ID = 0x0102;

/** Our functions: no handles, no session, and a partition where it matters. */
export const OWN_CALLS: Handlers<Exclude<FunctionName, VendorName>> = {
  HSM_VERSION: ({ services: { identity } }) => ({
    protocol: PROTOCOL_VERSION,
    version: identity.version,
    serial: identity.serial,
    servername: identity.servername,
  }),
  HSM_STATE: ({ services }) => ({ status: services.gate.status, devices: services.deviceTexts() }),
  async HSM_RANDOM({ pool, client }, { count }) {
    if (count > MOST_RANDOM)
      throw new HalError(HalStatus.RPC_PACKET_OVERFLOW, `One call gives at most ${MOST_RANDOM} random octets.`);
    return { octets: count === 0 ? new Uint8Array(0) : await pool.random(client, count) };
  },

  PARTITION_LIST: async ({ pool, client }) => ({ partitions: await pool.listPartitions(client) }),
  async PARTITION_WRITE(session, { number, label }) {
    const { pool, client, services } = session;
    await services.audit.ready();
    const written = await pool.writePartition(client, number === ANY_NUMBER ? undefined : number, label);
    await session.record({ kind: 'setting', facts: { name: `partition ${written}`, value: label } });
    return { number: written };
  },
  async PARTITION_DELETE(session, { number }) {
    const { pool, client, services } = session;
    await services.audit.ready();
    await pool.deletePartition(client, number);
    await session.record({ kind: 'setting', facts: { name: `partition ${number}`, value: 'deleted' } });
    return DONE;
  },
  async PARTITION_LOGIN(session, { partition, role, pin }) {
    await session.logIn(partition, role, pin);
    return DONE;
  },
  async PARTITION_LOGOUT(session) {
    await session.logOut();
    return DONE;
  },
  async PARTITION_SET_PIN(session, { partition, role, pin }) {
    await session.setPin(partition, role, pin);
    return DONE;
  },
  PARTITION_ROLE({ login }) {
    return { partition: login?.partition ?? 0, role: login === undefined ? 0 : ROLE_NUMBERS[login.role] };
  },

  async KEY_GENERATE_RSA(session, { partition, bits, exponent, flags }) {
    return { uuid: (await session.generate(partition, { kind: 'rsa', bits, exponent, flags })).uuid };
  },
  async KEY_GENERATE_EC(session, { partition, curve, flags }) {
    const named = curveOf(curve, [Curve.P256, Curve.P384, Curve.P521]);
    return { uuid: (await session.generate(partition, { kind: 'ec', curve: named, flags })).uuid };
  },
  async KEY_GENERATE_ED(session, { partition, curve, flags }) {
    const named = curveOf(curve, [Curve.ED25519, Curve.ED448]);
    return { uuid: (await session.generate(partition, { kind: 'ec', curve: named, flags })).uuid };
  },
  async KEY_GENERATE_HASHSIG(session, { partition, levels, lms, lmots, flags }) {
    return { uuid: (await session.generate(partition, hashsigSpec(levels, lms, lmots, flags))).uuid };
  },
  async KEY_LOAD(session, { partition, flags, der }) {
    const { uuid, type, curve } = await session.load(partition, der, flags);
    return { uuid, type, curve };
  },
  async DATA_STORE(session, { partition, flags, data }) {
    return { uuid: (await session.load(partition, data, flags, KeyType.DATA)).uuid };
  },
  async KEY_DELETE(session, { uuid }) {
    await session.delete(await session.pool.openKey(session.client, uuid));
    return DONE;
  },
  async KEY_INFO({ pool, client }, { uuid }) {
    const { partition, type, curve, flags } = await pool.openKey(client, uuid);
    return { partition, type, curve, flags };
  },
  KEY_PUBLIC: async ({ pool, client }, { uuid }) => ({ spki: await pool.getPublicKey(client, uuid) }),
  async KEY_SIGN(session, { partition, uuid, mechanism, data }) {
    session.requirePartition(partition);
    return { signature: await session.pool.sign(session.client, uuid, mechanismOf(mechanism), data) };
  },
  async KEY_VERIFY(session, { partition, uuid, mechanism, data, signature }) {
    session.requirePartition(partition);
    await session.pool.verify(session.client, uuid, mechanismOf(mechanism), data, signature);
    return DONE;
  },
  async KEY_SET_ATTRIBUTES({ pool, client }, { uuid, changes }) {
    await pool.setAttributes(client, uuid, changes);
    return DONE;
  },
  async KEY_GET_ATTRIBUTES({ pool, client }, { uuid, types }) {
    return { attributes: await pool.getAttributes(client, uuid, types) };
  },
  async KEY_LIST_ATTRIBUTES({ pool, client }, { uuid }) {
    return { attributes: await pool.listAttributes(client, uuid) };
  },
  async KEY_MATCH(session, { partition, type, curve, mask, flags, attributes, after, most }) {
    checkFlags(mask);
    checkFlags(flags);
    const query: KeyQuery = {
      type: keyTypeOf(type),
      curve: anyCurveOf(curve),
      mask,
      flags,
      attributes,
      after,
      limit: limitOf(most),
    };
    session.requirePartition(partition);
    return { uuids: await session.pool.matchKeys(session.client, partition, query) };
  },
  async KEY_FIND(session, { partition, label, id, most }) {
    const attributes = [
      ...(label.length > 0 ? [{ type: CKA_LABEL, value: label }] : []),
      ...(id.length > 0 ? [{ type: CKA_ID, value: id }] : []),
    ];
    if (attributes.length === 0)
      throw new HalError(HalStatus.BAD_ARGUMENTS, 'KEY_FIND needs a label or an id: KEY_MATCH lists all keys.');
    session.requirePartition(partition);
    const query: KeyQuery = {
      type: KeyType.NONE,
      curve: Curve.NONE,
      mask: 0,
      flags: 0,
      attributes,
      after: undefined,
      limit: limitOf(most),
    };
    return { uuids: await session.pool.matchKeys(session.client, partition, query) };
  },
  KEY_EXPORT: (session, { uuid, kekek }) => session.export(uuid, kekek),
  async KEY_IMPORT(session, { partition, kekek, pkcs8, kek, flags }) {
    return { uuid: (await session.import(partition, kekek, pkcs8, kek, flags)).uuid };
  },
};

function limitOf(most: number): number {
  if (most === 0 || most > SESSION_LIMITS.matches)
    throw new HalError(HalStatus.BAD_ARGUMENTS, `A search gives 1 to ${SESSION_LIMITS.matches} keys.`);
  return most;
}
