/**
 * A client of the HSM for bench/hsm.ts. Reads one line of JSON (LoadOrder) after the other from standard input, and answers each by one
 * line of JSON (LoadResult), after a line "begin" when the measured calls begin.
 */
import { createInterface } from 'node:readline';
import { SystemClock } from '../src/base/clock.ts';
import { HsmClient } from '../src/hsm/client/hsm-client.ts';
import { KeyFlag, ROLE_NUMBERS } from '../src/hsm/hal-constants.ts';
import { type BenchKind, KINDS, MIRRORED, USER_PIN } from './hsm-kinds.ts';

export interface Appliance {
  readonly port: number;
  readonly fingerprint: string;
  readonly serial: string;
  readonly servername: string;
}

export interface LoadOrder {
  readonly appliance: Appliance;
  /** `idle`: calls that reach no device, one after the other; `lookup`: among so many keys, which are made first. */
  readonly work: 'sign' | 'idle' | 'lookup' | 'devices idle';
  readonly kind?: BenchKind['name'];
  readonly connections: number;
  /** Calls under way on each connection. */
  readonly depth: number;
  readonly seconds: number;
  readonly keys?: number;
}

export interface LoadResult {
  readonly operations: number;
  readonly seconds: number;
  /** Microseconds of a call: half of them take less, 99 of 100 take less. */
  readonly p50: number;
  readonly p99: number;
}

const clock = new SystemClock();
const CKA_LABEL = 3;
const MAX_SAMPLES = 1 << 20;
/** Seconds. */
const WARM_UP = 0.5;
const samples = new Float64Array(MAX_SAMPLES);

/** A call that is done again and again. */
type Call = (client: HsmClient) => Promise<unknown>;

for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(await carryOut(JSON.parse(line) as LoadOrder))}\n`);

async function carryOut(order: LoadOrder): Promise<LoadResult> {
  const { appliance, connections } = order;
  const clients = await Promise.all(Array.from({ length: connections }, () => connect(appliance)));
  try {
    const call = await prepare(clients[0], order);
    // Until both ends have compiled what they run.
    await measure(clients, call, order.depth, Math.min(WARM_UP, order.seconds));
    process.stdout.write('begin\n');
    return await measure(clients, call, order.depth, order.seconds);
  } finally {
    for (const client of clients) await client[Symbol.asyncDispose]();
  }
}

async function connect({ port, ...expected }: Appliance): Promise<HsmClient> {
  const client = await HsmClient.connect({ host: '127.0.0.1', port, expected }, { clock });
  await client.call('PARTITION_LOGIN', { partition: 0, role: ROLE_NUMBERS.user, pin: Buffer.from(USER_PIN) });
  return client;
}

async function prepare(client: HsmClient, order: LoadOrder): Promise<Call> {
  if (order.work === 'idle') return (each) => each.call('GET_VERSION', {});
  if (order.work === 'lookup') return await prepareLookup(client, order.keys!);
  const kind = KINDS.find(({ name }) => name === order.kind)!;
  const uuid = await makeKey(client, kind, MIRRORED);
  if (order.work === 'devices idle') return (each) => each.call('KEY_INFO', { uuid });
  const { mechanism } = kind;
  const data = new Uint8Array(kind.dataLength).fill(0x5a);
  return (each) => each.call('KEY_SIGN', { partition: 0, uuid, mechanism, data });
}

async function makeKey(client: HsmClient, kind: BenchKind, flags: number): Promise<string> {
  const place = { partition: 0, flags };
  if (kind.name === 'rsa2048')
    return (await client.call('KEY_GENERATE_RSA', { ...place, bits: 2048, exponent: Uint8Array.of(1, 0, 1) })).uuid;
  if (kind.name === 'p256') return (await client.call('KEY_GENERATE_EC', { ...place, curve: kind.curve })).uuid;
  return (await client.call('KEY_GENERATE_ED', { ...place, curve: kind.curve })).uuid;
}

/** Token keys with labels; looks one of them up by its label at a time. */
async function prepareLookup(client: HsmClient, count: number): Promise<Call> {
  const flags = KeyFlag.DIGITAL_SIGNATURE | KeyFlag.TOKEN;
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const number = next++;
      const uuid = await makeKey(client, KINDS[2], flags);
      await client.call('KEY_SET_ATTRIBUTES', { uuid, changes: [{ type: CKA_LABEL, value: labelOf(number) }] });
    }
  };
  await Promise.all(Array.from({ length: 32 }, work));
  let turn = 0;
  const id = new Uint8Array();
  return async (each) => {
    turn = (turn + 7919) % count;
    const { uuids } = await each.call('KEY_FIND', { partition: 0, label: labelOf(turn), id, most: 2 });
    if (uuids.length !== 1) throw new Error(`${uuids.length} keys have label ${turn}`);
  };
}

function labelOf(number: number): Uint8Array {
  return Buffer.from(`key ${number}`);
}

async function measure(clients: readonly HsmClient[], call: Call, depth: number, seconds: number): Promise<LoadResult> {
  let operations = 0;
  const begin = performance.now();
  const end = begin + seconds * 1000;
  const work = async (client: HsmClient): Promise<void> => {
    for (let before = performance.now(); before < end;) {
      await call(client);
      const after = performance.now();
      samples[operations++ % MAX_SAMPLES] = after - before;
      before = after;
    }
  };
  await Promise.all(clients.flatMap((client) => Array.from({ length: depth }, () => work(client))));
  const elapsed = (performance.now() - begin) / 1000;
  const sorted = samples.slice(0, Math.min(operations, MAX_SAMPLES)).sort();
  const at = (part: number): number => sorted[Math.floor((sorted.length - 1) * part)] * 1000;
  return { operations, seconds: elapsed, p50: at(0.5), p99: at(0.99) };
}
