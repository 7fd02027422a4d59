import { ThreadPool } from '../base/thread-pool.ts';
import { TYPE } from '../wire/type-codes.ts';
import type { Arena, VersionRef } from '../zone/store/arena.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import { isRevoked } from '../crypto/dnskey.ts';
import { examineApexKeys, zoneKeys, type ApexKeys } from './apex-keys.ts';
import { FaultList } from './fault-list.ts';
import { verifyHashChain } from './hash-chain.ts';
import { SliceVerifier } from './slice-verifier.ts';
import type { VerifyPlan, VerifyResult, VerifyTask } from './verify-plan.ts';
import type { ZoneFault, ZoneFaultCode, ZoneVerdict } from './zone-verdict.ts';

export interface VerifyOptions {
  /** Unix seconds at which signatures have to be valid. */
  readonly now: number;
  /** Threads that verify, the calling one included; 1 by default. Small zones never use more. */
  readonly threads?: number;
  /** dnssec-verify -z: the KSK flag does not matter. */
  readonly ignoreKskFlag?: boolean;
  /** Faults listed at most (all are counted); by default 10,000. */
  readonly faultLimit?: number;
  /** Signatures by algorithm 1 count, in laboratories. */
  readonly labLegacy?: boolean;
}

const DEFAULT_FAULT_LIMIT = 10_000;

/**
 * Verifies a whole signed version as a validator with our key as trust anchor would see it: every authoritative RRset has a good
 * signature of each algorithm of the DNSKEY RRset, and the NSEC or NSEC3 chain is complete and exact. Never throws for what is in the
 * zone: all faults are in the verdict.
 */
export async function verifyZone(arena: Arena, version: VersionRef, options: VerifyOptions): Promise<ZoneVerdict> {
  const reader = new ZoneReader(arena).open(version);
  const faults = new FaultList(options.faultLimit ?? DEFAULT_FAULT_LIMIT);
  checkApex(reader, faults);
  if (faults.errors > 0) return stopped(faults, undefined);
  const settings = {
    now: options.now,
    ignoreKskFlag: options.ignoreKskFlag ?? false,
    labLegacy: options.labLegacy ?? false,
  };
  const keys = examineApexKeys(reader, settings, faults);
  if (keys.algorithms.length === 0) return stopped(faults, keys);
  const plan: VerifyPlan = {
    version,
    now: options.now,
    dnskeys: zoneKeys(reader).filter((dnskey) => !isRevoked(dnskey)),
    algorithms: keys.algorithms,
    nsec: reader.rrset(reader.apexNode, TYPE.NSEC) !== 0,
    nsec3: completeChains(reader),
    labLegacy: settings.labLegacy,
    faultLimit: options.faultLimit ?? DEFAULT_FAULT_LIMIT,
  };
  const results = await verifySlices(arena, reader, plan, options.threads ?? 1);
  return conclude(reader, plan, keys, results, faults);
}

/** What has to be there before anything can be verified; the texts are those of BIND 9.18. */
function checkApex(reader: ZoneReader, faults: FaultList): void {
  if (!has(reader, TYPE.SOA)) return stop(faults, 'NO_SOA', TYPE.SOA, 'Zone contains no SOA record');
  if (!has(reader, TYPE.DNSKEY)) return stop(faults, 'NO_DNSKEY', TYPE.DNSKEY, 'Zone contains no DNSSEC keys');
  const isUnsigned = (type: number): boolean =>
    has(reader, type) && reader.signatureCount(reader.rrset(reader.apexNode, type)) === 0;
  const unsigned = (name: string): string => `${name} is not signed (keys offline or inactive?)`;
  if (isUnsigned(TYPE.DNSKEY)) stop(faults, 'DNSKEY_UNSIGNED', TYPE.DNSKEY, unsigned('DNSKEY'));
  else if (isUnsigned(TYPE.SOA)) stop(faults, 'SOA_UNSIGNED', TYPE.SOA, unsigned('SOA'));
  else if (isUnsigned(TYPE.NSEC)) stop(faults, 'DENIAL_UNSIGNED', TYPE.NSEC, unsigned('NSEC'));
  else if (isUnsigned(TYPE.NSEC3PARAM)) stop(faults, 'DENIAL_UNSIGNED', TYPE.NSEC3PARAM, unsigned('NSEC3PARAM'));
  else if (!has(reader, TYPE.NSEC) && completeChains(reader).length === 0)
    stop(faults, 'NO_DENIAL_CHAIN', TYPE.NSEC, 'No valid NSEC/NSEC3 chain for testing');
}

function stop(faults: FaultList, code: ZoneFaultCode, type: number, text: string): void {
  faults.add({ code, severity: 'error', type, text });
}

function has(reader: ZoneReader, type: number): boolean {
  const rrset = reader.rrset(reader.apexNode, type);
  return rrset !== 0 && reader.rdataCount(rrset) > 0;
}

/** RFC 5155 section 4: NSEC3PARAM with flags 0 and the one hash algorithm tell of a complete chain. */
function completeChains(reader: ZoneReader): Uint8Array[] {
  if (!has(reader, TYPE.NSEC3PARAM)) return [];
  const all = reader.rdataAll(reader.rrset(reader.apexNode, TYPE.NSEC3PARAM));
  return all.filter((param) => param[0] === 1 && param[1] === 0);
}

/** Below this many names the start of a thread costs more than it saves. */
const WORTH_A_THREAD = 500;
const SLICE = 1024;

async function verifySlices(
  arena: Arena,
  reader: ZoneReader,
  plan: VerifyPlan,
  threads: number,
): Promise<VerifyResult[]> {
  const tasks = [...slices('names', reader.nodeCount), ...slices('hashed', reader.hashCount)];
  const isLarge = reader.nodeCount + reader.hashCount >= WORTH_A_THREAD;
  const file = import.meta.url.endsWith('.ts') ? './verify-worker.ts' : './verify-worker.js';
  const settings = {
    workers: isLarge ? Math.max(0, threads - 1) : 0,
    module: new URL(file, import.meta.url),
    workerData: { shared: arena.shared },
    helps: true,
  };
  await using pool = new ThreadPool<VerifyPlan, VerifyTask, VerifyResult>(settings, new SliceVerifier(arena));
  return await pool.run(plan, tasks);
}

function slices(kind: VerifyTask['kind'], count: number): VerifyTask[] {
  const tasks: VerifyTask[] = [];
  for (let from = 0; from < count; from += SLICE) tasks.push({ kind, from, to: Math.min(count, from + SLICE) });
  return tasks;
}

function conclude(
  reader: ZoneReader,
  plan: VerifyPlan,
  keys: ApexKeys,
  results: readonly VerifyResult[],
  faults: FaultList,
): ZoneVerdict {
  const lacking = new Set(keys.roleMissing);
  let verified = 0;
  let hidden = 0;
  for (const result of results) {
    for (const fault of result.faults) faults.add(fault);
    hidden += result.errors - result.faults.filter(isError).length;
    for (const algorithm of result.lacking) lacking.add(algorithm);
    verified += result.verified;
  }
  plan.nsec3.forEach((param, i) => {
    const accounted = results.map((result) => result.accounted[i]);
    verifyHashChain(reader, param, accounted, faults);
  });
  if (plan.nsec3.length === 0 && reader.hashCount > 0) noteUnusedHashes(reader, faults);
  const denial = faults.listed.some((fault) => isError(fault) && /^(STRAY_)?NSEC/.test(fault.code));
  return {
    ok: faults.errors + hidden === 0,
    faults: faults.listed,
    errorCount: faults.errors + hidden,
    counts: keys.counts,
    algorithms: keys.algorithms,
    incompleteAlgorithms: [...lacking].toSorted((a, b) => a - b),
    denialComplete: !denial,
    stoppedAtKeys: false,
    signaturesVerified: verified,
  };
}

function isError(fault: ZoneFault): boolean {
  return fault.severity === 'error';
}

function noteUnusedHashes(reader: ZoneReader, faults: FaultList): void {
  const text = `${reader.hashCount} NSEC3 records without an NSEC3PARAM at the apex`;
  faults.add({ code: 'NSEC3_PARAMETERS', severity: 'notice', type: TYPE.NSEC3, text });
}

function stopped(faults: FaultList, keys: ApexKeys | undefined): ZoneVerdict {
  return {
    ok: false,
    faults: faults.listed,
    errorCount: faults.errors,
    counts: keys?.counts ?? [],
    algorithms: [],
    incompleteAlgorithms: [],
    denialComplete: false,
    stoppedAtKeys: true,
    signaturesVerified: 0,
  };
}
