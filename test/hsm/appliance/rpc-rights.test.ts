import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SystemClock } from '../../../src/base/clock.ts';
import { SystemRandom } from '../../../src/base/random.ts';
import { NEED_RIGHTS } from '../../../src/hsm/appliance/rights.ts';
import { SettingsFirewall } from '../../../src/hsm/appliance/firewall.ts';
import { HsmClient } from '../../../src/hsm/client/hsm-client.ts';
import { Curve, KeyFlag, KeyType, Mechanism, type Role, ROLE_NUMBERS } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus, halStatusName } from '../../../src/hsm/hal-status.ts';
import { type ArgumentsOf, type FunctionName, FUNCTIONS } from '../../../src/hsm/protocol/functions.ts';
import { RpcListener } from '../../../src/hsm/rpc/rpc-listener.ts';
import { material } from '../rpc/rpc-fixture.ts';
import { ApplianceFixture, octets, PINS } from './appliance-fixture.ts';

type Actor = 'nobody' | Role;
const ACTORS: readonly Actor[] = ['nobody', 'user', 'so', 'wheel'];

const TOKEN = KeyFlag.TOKEN | KeyFlag.DIGITAL_SIGNATURE;
const VOLATILE_PUBLIC = KeyFlag.PUBLIC | KeyFlag.DIGITAL_SIGNATURE;
const RSA_65537 = Uint8Array.of(1, 0, 1);
const NOT_MINE = 0x1234_5678;

/** What a test of one call is made with. */
interface World {
  /** Of user, on partition 0, a private token key; and its public twin, PUBLIC. */
  readonly secret: string;
  readonly open: string;
  readonly spki: Uint8Array;
  readonly flags: number;
  /** A fresh key that the call may delete or change. */
  readonly victim: string;
  readonly partition: number;
}

/** Arguments that are right in every way but for who calls. */
const CALLS: { readonly [Name in FunctionName]: (world: World) => ArgumentsOf<Name> } = {
  GET_VERSION: () => ({}),
  GET_RANDOM: () => ({ count: 8 }),
  SET_PIN: () => ({ role: ROLE_NUMBERS.user, pin: octets(PINS.user) }),
  LOGIN: () => ({ role: ROLE_NUMBERS.user, pin: octets(PINS.user) }),
  LOGOUT: () => ({}),
  LOGOUT_ALL: () => ({}),
  IS_LOGGED_IN: () => ({ role: ROLE_NUMBERS.user }),
  HASH_GET_DIGEST_LEN: () => ({ algorithm: 3 }),
  HASH_GET_DIGEST_ALGORITHM_ID: () => ({ algorithm: 3, room: 64 }),
  HASH_GET_ALGORITHM: () => ({ hash: NOT_MINE }),
  HASH_INITIALIZE: () => ({ session: 0, algorithm: 3, key: new Uint8Array() }),
  HASH_UPDATE: () => ({ hash: NOT_MINE, data: octets('x') }),
  HASH_FINALIZE: () => ({ hash: NOT_MINE, room: 32 }),
  PKEY_LOAD: ({ spki, flags }) => ({ session: 0, der: Uint8Array.from(spki), flags }),
  PKEY_OPEN: ({ secret }) => ({ session: 0, uuid: secret }),
  PKEY_GENERATE_RSA: ({ flags }) => ({ session: 0, bits: 1024, exponent: RSA_65537, flags }),
  PKEY_GENERATE_EC: ({ flags }) => ({ session: 0, curve: Curve.P256, flags }),
  PKEY_CLOSE: () => ({ key: NOT_MINE }),
  PKEY_DELETE: () => ({ key: NOT_MINE }),
  PKEY_GET_KEY_TYPE: () => ({ key: NOT_MINE }),
  PKEY_GET_KEY_FLAGS: () => ({ key: NOT_MINE }),
  PKEY_GET_PUBLIC_KEY_LEN: () => ({ key: NOT_MINE }),
  PKEY_GET_PUBLIC_KEY: () => ({ key: NOT_MINE, room: 512 }),
  PKEY_SIGN: () => ({ key: NOT_MINE, hash: 0, input: new Uint8Array(32), room: 512 }),
  PKEY_VERIFY: () => ({ key: NOT_MINE, hash: 0, input: new Uint8Array(32), signature: new Uint8Array(64) }),
  PKEY_MATCH: () => ({ session: 0, type: 0, curve: 0, mask: 0, flags: 0, attributes: [], state: 0, most: 8, previous: '00000000-0000-0000-0000-000000000000' }), // prettier-ignore
  PKEY_GET_KEY_CURVE: () => ({ key: NOT_MINE }),
  PKEY_SET_ATTRIBUTES: () => ({ key: NOT_MINE, changes: [] }),
  PKEY_GET_ATTRIBUTES: () => ({ key: NOT_MINE, types: [3], room: 64 }),
  PKEY_EXPORT: () => ({ key: NOT_MINE, kekek: NOT_MINE, keyRoom: 8192, kekRoom: 1024 }),
  PKEY_IMPORT: ({ flags }) => ({
    session: 0,
    kekek: NOT_MINE,
    pkcs8: new Uint8Array(40),
    kek: new Uint8Array(256),
    flags,
  }),
  PKEY_GENERATE_HASHSIG: ({ flags }) => ({ session: 0, levels: 1, lms: 5, lmots: 3, flags }),
  CHECK_TAMPER: () => ({}),
  GET_HSM_STATE: () => ({}),
  GET_IP: () => ({}),
  SET_RPC_DEVICE: () => ({ index: 0 }),
  DISABLE_CACHE_KEYGEN: () => ({}),
  ENABLE_CACHE_KEYGEN: () => ({}),
  USE_INCOMING_DEVICE_UUIDS: () => ({}),
  USE_INCOMING_MASTER_UUIDS: () => ({}),
  HSM_VERSION: () => ({}),
  HSM_STATE: () => ({}),
  HSM_RANDOM: () => ({ count: 8 }),
  PARTITION_LIST: () => ({}),
  PARTITION_WRITE: ({ partition }) => ({ number: partition, label: `another ${partition}` }),
  PARTITION_DELETE: ({ partition }) => ({ number: partition }),
  PARTITION_LOGIN: () => ({ partition: 0, role: ROLE_NUMBERS.user, pin: octets(PINS.user) }),
  PARTITION_LOGOUT: () => ({}),
  PARTITION_SET_PIN: () => ({ partition: 0, role: ROLE_NUMBERS.user, pin: octets(PINS.user) }),
  PARTITION_ROLE: () => ({}),
  KEY_GENERATE_RSA: ({ flags }) => ({ partition: 0, bits: 1024, exponent: RSA_65537, flags }),
  KEY_GENERATE_EC: ({ flags }) => ({ partition: 0, curve: Curve.P256, flags }),
  KEY_GENERATE_ED: ({ flags }) => ({ partition: 0, curve: Curve.ED25519, flags }),
  KEY_GENERATE_HASHSIG: ({ flags }) => ({ partition: 0, levels: 1, lms: 5, lmots: 3, flags }),
  KEY_LOAD: ({ spki, flags }) => ({ partition: 0, flags, der: Uint8Array.from(spki) }),
  DATA_STORE: ({ flags }) => ({ partition: 0, flags: flags & ~KeyFlag.DIGITAL_SIGNATURE, data: octets('data') }),
  KEY_DELETE: ({ victim }) => ({ uuid: victim }),
  KEY_INFO: ({ open }) => ({ uuid: open }),
  KEY_PUBLIC: ({ open }) => ({ uuid: open }),
  KEY_SIGN: ({ secret }) => ({ partition: 0, uuid: secret, mechanism: Mechanism.ECDSA, data: new Uint8Array(32) }),
  KEY_VERIFY: ({ open }) => ({ partition: 0, uuid: open, mechanism: Mechanism.ECDSA, data: new Uint8Array(32), signature: new Uint8Array(64) }), // prettier-ignore
  KEY_SET_ATTRIBUTES: ({ victim }) => ({ uuid: victim, changes: [{ type: 3, value: octets('label') }] }),
  KEY_GET_ATTRIBUTES: ({ open }) => ({ uuid: open, types: [3] }),
  KEY_LIST_ATTRIBUTES: ({ open }) => ({ uuid: open }),
  KEY_MATCH: () => ({ partition: 0, type: KeyType.NONE, curve: Curve.NONE, mask: 0, flags: 0, attributes: [], after: undefined, most: 8 }), // prettier-ignore
  KEY_FIND: () => ({ partition: 0, label: octets('none'), id: new Uint8Array(), most: 8 }),
  KEY_EXPORT: ({ secret, open }) => ({ uuid: secret, kekek: open }),
  KEY_IMPORT: ({ open, flags }) => ({ partition: 0, kekek: open, pkcs8: new Uint8Array(40), kek: new Uint8Array(256), flags }), // prettier-ignore
};

/** What the two say who refuse a key: that it is not theirs, or that it is not there. */
const REFUSALS: readonly HalStatus[] = [HalStatus.FORBIDDEN, HalStatus.KEY_NOT_FOUND];

/** Faults that come after the question who calls: the call was allowed, and something else was wrong with it. */
const AFTERWARDS: Partial<Record<FunctionName, readonly HalStatus[]>> = {
  KEY_VERIFY: [HalStatus.INVALID_SIGNATURE],
  // Exports are off by setting, for everybody; who may at all is asked first or after.
  KEY_EXPORT: REFUSALS,
  PKEY_EXPORT: [HalStatus.BAD_ARGUMENTS, ...REFUSALS],
  KEY_IMPORT: [HalStatus.FORBIDDEN],
  PKEY_IMPORT: [HalStatus.BAD_ARGUMENTS, HalStatus.FORBIDDEN],
};

suite(
  'S-357 S-363 (part) S-364 (part) The rights matrix of the RPC port, role by function',
  { timeout: 600_000 },
  () => {
    test('is what the port does', async () => {
      await using fixture = await ApplianceFixture.make();
      await fixture.ready();
      await using listener = await listen(fixture);
      const wheel = await connect(listener, 'wheel');
      await using _wheel = wheel;
      const keys = await makeKeys(wheel);
      const faults: string[] = [];
      for (const actor of ACTORS)
        for (const name of Object.keys(FUNCTIONS) as FunctionName[]) {
          const { needs } = FUNCTIONS[name];
          const expected = NEED_RIGHTS[needs][actor];
          const ways = expected.startsWith('volatile') ? [TOKEN, VOLATILE_PUBLIC] : [TOKEN];
          for (const flags of ways) {
            const world = await makeWorld(wheel, keys, name, flags);
            await using client = await connect(listener, actor);
            const status = await outcome(client, name, world);
            const fault = check(name, expected, flags, status);
            if (fault !== undefined) faults.push(`${actor} ${name} (${needs}, flags ${flags}): ${fault}`);
          }
          if (needs === 'wheel, or so for user') {
            await using client = await connect(listener, actor);
            const pin = octets(PINS.so);
            const status =
              name === 'SET_PIN'
                ? await statusOf(client.call('SET_PIN', { role: ROLE_NUMBERS.so, pin }))
                : await statusOf(client.call('PARTITION_SET_PIN', { partition: 0, role: ROLE_NUMBERS.so, pin }));
            const wanted = actor === 'wheel' ? HalStatus.OK : HalStatus.FORBIDDEN;
            if (status !== wanted) faults.push(`${actor} ${name} for so: ${halStatusName(status)}`);
          }
        }
      assert.deepEqual(faults, []);
    });

    test('S-361 (part) S-404 (part) while it is locked nothing goes but asking why', async () => {
      await using fixture = await ApplianceFixture.make();
      await using listener = await listen(fixture);
      await using client = await connect(listener, 'nobody');
      const world: World = { secret: NOWHERE, open: NOWHERE, spki: new Uint8Array(8), flags: TOKEN, victim: NOWHERE, partition: 1 }; // prettier-ignore
      for (const name of Object.keys(FUNCTIONS) as FunctionName[]) {
        const status = await outcome(client, name, world);
        const wanted = FUNCTIONS[name].needs === 'nothing, always' ? HalStatus.OK : HalStatus.FORBIDDEN;
        assert.equal(status, wanted, `${name}: ${halStatusName(status)}`);
      }
    });
  },
);

const NOWHERE = '00000000-0000-4000-8000-000000000000';

function check(name: FunctionName, expected: string, flags: number, status: HalStatus): string | undefined {
  const got = halStatusName(status);
  const { needs } = FUNCTIONS[name];
  if (needs === 'handle') {
    // Lengths have no errors (libhal's rule), and closing what is not there is told.
    if (name === 'PKEY_GET_PUBLIC_KEY_LEN') return status === HalStatus.OK ? undefined : got;
    return status === HalStatus.BAD_ARGUMENTS ? undefined : `a handle of another connection gave ${got}`;
  }
  const isAllowed = status === HalStatus.OK || (AFTERWARDS[name] ?? []).includes(status);
  if (expected === 'no')
    return REFUSALS.includes(status) || status === HalStatus.BAD_ARGUMENTS ? undefined : `gave ${got}`;
  if (expected.startsWith('volatile')) {
    // Those that name a key name a token key.
    const mayDo = flags === VOLATILE_PUBLIC && !('uuid' in FUNCTIONS[name].arguments);
    if (mayDo) return isAllowed || REFUSED_VOLATILE.includes(name) ? undefined : `gave ${got}`;
    return REFUSALS.includes(status) || status === HalStatus.BAD_ARGUMENTS ? undefined : `gave ${got}`;
  }
  // IS_LOGGED_IN answers with FORBIDDEN where the answer is no.
  if (name === 'IS_LOGGED_IN') return [HalStatus.OK, HalStatus.FORBIDDEN].includes(status as 0) ? undefined : got;
  return isAllowed ? undefined : `gave ${got}`;
}

/** Hash-based keys are token keys only. */
const REFUSED_VOLATILE: readonly FunctionName[] = ['PKEY_GENERATE_HASHSIG', 'KEY_GENERATE_HASHSIG'];

let made = 0;

/** What does not change from call to call. */
async function makeKeys(wheel: HsmClient): Promise<Pick<World, 'secret' | 'open' | 'spki'>> {
  const { uuid: secret } = await wheel.call('KEY_GENERATE_EC', P256);
  const { spki } = await wheel.call('KEY_PUBLIC', { uuid: secret });
  const open = await wheel.call('KEY_LOAD', {
    partition: 0,
    flags: TOKEN | KeyFlag.PUBLIC,
    der: Uint8Array.from(spki),
  });
  return { secret, open: open.uuid, spki };
}

const P256 = { partition: 0, curve: Curve.P256, flags: TOKEN } as const;

async function makeWorld(
  wheel: HsmClient,
  keys: Pick<World, 'secret' | 'open' | 'spki'>,
  name: FunctionName,
  flags: number,
): Promise<World> {
  // LOGOUT_ALL of the call before has ended this login, too.
  await wheel.call('PARTITION_LOGIN', { partition: 0, role: ROLE_NUMBERS.wheel, pin: octets(PINS.wheel) });
  const needsVictim = name === 'KEY_DELETE' || name === 'KEY_SET_ATTRIBUTES';
  const victim = needsVictim ? (await wheel.call('KEY_GENERATE_EC', P256)).uuid : NOWHERE;
  const isOfPartitions = name === 'PARTITION_WRITE' || name === 'PARTITION_DELETE';
  const partition = isOfPartitions
    ? (await wheel.call('PARTITION_WRITE', { number: 0xffff_ffff, label: `some ${++made}` })).number
    : 0;
  return { ...keys, flags, victim, partition };
}

async function outcome(client: HsmClient, name: FunctionName, world: World): Promise<HalStatus> {
  return statusOf((client.call as (name: FunctionName, values: unknown) => Promise<unknown>)(name, CALLS[name](world)));
}

async function statusOf(call: Promise<unknown>): Promise<HalStatus> {
  try {
    await call;
    return HalStatus.OK;
  } catch (error) {
    assert.ok(error instanceof HalError, String(error));
    return error.status;
  }
}

function listen(fixture: ApplianceFixture): Promise<RpcListener> {
  const { appliance, pool, guard, settings, log } = fixture;
  return RpcListener.listen(
    { address: '127.0.0.1', port: 0, tls: { ...material, minVersion: 'TLSv1.3' } },
    {
      pool,
      gate: appliance,
      guard,
      firewall: new SettingsFirewall(() => settings.current),
      audit: { append: async () => undefined, ready: async () => undefined },
      identity: appliance.identity,
      clock: new SystemClock(),
      random: new SystemRandom(),
      log,
      settings: () => settings.current,
      deviceTexts: () => appliance.getState().devices.map(({ text }) => text),
      address: () => '127.0.0.1',
    },
  );
}

async function connect(listener: RpcListener, actor: Actor): Promise<HsmClient> {
  const client = await HsmClient.connect(
    {
      host: '127.0.0.1',
      port: listener.local.port,
      expected: { servername: 'dks-hsm', serial: '1000-0002', fingerprint: material.fingerprint },
    },
    { clock: new SystemClock() },
  );
  if (actor !== 'nobody')
    await client.call('PARTITION_LOGIN', { partition: 0, role: ROLE_NUMBERS[actor], pin: octets(PINS[actor]) });
  return client;
}
