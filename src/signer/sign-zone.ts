import { randomBelow, type Random } from '../base/random.ts';
import { SignetError } from '../base/error.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { VersionRef } from '../zone/store/arena.ts';
import type { WriterClaim } from '../zone/store/node-writer.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import type { ZoneStore } from '../zone/store/zone-store.ts';
import { rememberEarliest } from './expiry-summary.ts';
import { rememberCoverage } from './key-coverage.ts';
import { HASH_RECORD_WORDS, sortHashRecords } from './hash-records.ts';
import type { SigningPool } from './signing-pool.ts';
import {
  addStatistics,
  emptyStatistics,
  type SigningParameters,
  type SigningStatistics,
} from './signing-parameters.ts';
import type { SigningPlan, SliceResult, SliceTask } from './signing-plan.ts';

export interface SigningDependencies {
  readonly pool: SigningPool;
  readonly random: Random;
}

export interface SignedVersion {
  readonly version: VersionRef;
  readonly statistics: SigningStatistics;
}

/**
 * Signs a whole zone. Signatures of `unsigned` that are good by key, times and data are kept, as dnssec-signzone does.
 * The new version is neither published nor is the old one released: that is the caller's.
 * @throws SignetError NO_SOA, NSEC3_COLLISION, NSEC3_OWNER_TOO_LONG, TOO_MANY_KEYS, or what a private key is refused for
 */
export function signZone(
  store: ZoneStore,
  unsigned: VersionRef,
  parameters: SigningParameters,
  dependencies: SigningDependencies,
): Promise<SignedVersion> {
  return signVersion(store, { parameters, source: unsigned, previous: 0, serial: undefined }, dependencies);
}

export type VersionToSign = Pick<SigningPlan, 'parameters' | 'source' | 'previous' | 'serial'>;

/** Signs all of a version, taking signatures over unchanged data from `previous` when there is one. */
export async function signVersion(
  store: ZoneStore,
  wanted: VersionToSign,
  dependencies: SigningDependencies,
): Promise<SignedVersion> {
  const { pool, random } = dependencies;
  const reader = new ZoneReader(pool.arena).open(wanted.source);
  const plan: SigningPlan = {
    ...wanted,
    denialTtl: wanted.parameters.denialTtl ?? denialTtlOf(reader),
    jitterSeed: randomBelow(random, 2 ** 32),
    hashes: undefined,
  };
  const names = await runSlices(store, pool, plan, 'names', reader.nodeCount);
  const hashed = await signHashes(store, pool, plan, names);
  const signed = finish(store, pool, names.results, hashed.results);
  rememberCoverage(pool.arena, signed.version, wanted.parameters);
  return signed;
}

/** Results of slices, with the claims that give their memory back should they not be wanted. */
interface SlicesDone {
  readonly results: readonly SliceResult[];
  readonly claims: readonly WriterClaim[];
}

async function signHashes(
  store: ZoneStore,
  pool: SigningPool,
  plan: SigningPlan,
  names: SlicesDone,
): Promise<SlicesDone> {
  if (plan.parameters.denial.kind !== 'nsec3') return { results: [], claims: [] };
  try {
    const hashes = sortHashRecords(names.results.map((result) => result.hashes));
    const count = hashes.byteLength / 4 / HASH_RECORD_WORDS;
    return await runSlices(store, pool, { ...plan, hashes }, 'hashes', count);
  } catch (error) {
    for (const claim of names.claims) store.abandon(claim);
    throw error;
  }
}

function finish(
  store: ZoneStore,
  pool: SigningPool,
  names: readonly SliceResult[],
  hashed: readonly SliceResult[],
): SignedVersion {
  const statistics = emptyStatistics();
  let earliest = Infinity;
  for (const result of [...names, ...hashed]) {
    addStatistics(statistics, result.statistics);
    earliest = Math.min(earliest, result.earliest);
  }
  const written = [...names, ...hashed].map((result) => result.written);
  const version = store.assemble(concat(names), concat(hashed), written);
  rememberEarliest(pool.arena, version, earliest);
  return { version, statistics };
}

async function runSlices(
  store: ZoneStore,
  pool: SigningPool,
  plan: SigningPlan,
  kind: SliceTask['kind'],
  count: number,
): Promise<SlicesDone> {
  const octetsPerName = signedOctets(plan.parameters);
  const tasks: SliceTask[] = [];
  const size = sliceSize(count, pool.threads);
  for (let from = 0; from < count; from += size) {
    const to = Math.min(count, from + size);
    tasks.push({ kind, from, to, claim: store.claim((to - from) * octetsPerName) });
  }
  try {
    return { results: await pool.signSlices(plan, tasks), claims: tasks.map((task) => task.claim) };
  } catch (error) {
    for (const { claim } of tasks) store.abandon(claim);
    throw error;
  }
}

/** Small enough that all threads end at about the same time, large enough that messages cost nothing. */
function sliceSize(count: number, threads: number): number {
  return Math.max(LEAST_SLICE, Math.min(LARGEST_SLICE, Math.ceil(count / (threads * 8))));
}

const LEAST_SLICE = 64;
const LARGEST_SLICE = 4096;

/** A guess at what a signed name takes in the arena: two RRsets with a signature by each zone key. */
function signedOctets({ keys }: SigningParameters): number {
  let octets = 128;
  for (const { signsZone, algorithm } of keys) if (signsZone) octets += 2 * (algorithm < 13 ? 280 : 90);
  return octets;
}

/** RFC 9077 section 3: the lesser of the SOA's minimum field and its TTL. */
export function denialTtlOf(reader: ZoneReader): number {
  const rrset = reader.rrset(reader.apexNode, TYPE.SOA);
  if (rrset === 0 || reader.rdataCount(rrset) === 0) throw missingSoa(reader);
  const soa = reader.rdataAll(rrset)[0];
  const minimum = new DataView(soa.buffer, soa.byteOffset + soa.length - 4).getUint32(0);
  return Math.min(minimum, reader.ttl(rrset));
}

function missingSoa(reader: ZoneReader): SignetError {
  const zone = nameToShortText(reader.apex);
  return new SignetError('NO_SOA', `zone ${zone} has no SOA record and cannot be signed: add one`, { zone });
}

function concat(results: readonly SliceResult[]): Uint32Array {
  let length = 0;
  for (const { nodes } of results) length += nodes.length;
  const all = new Uint32Array(length);
  let at = 0;
  for (const { nodes } of results) {
    all.set(nodes, at);
    at += nodes.length;
  }
  return all;
}
