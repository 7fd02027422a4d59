import { durationText } from '../base/duration-text.ts';
import { isoTime } from '../base/iso-time.ts';
import type { DnssecPolicy } from '../conf/configuration.ts';
import type { IntervalPart, WaitInterval, WaitReason } from '../policy/key-wait.ts';
import { lineLeavingOut } from '../policy/match-keys.ts';
import type { KeyRecord, PlannedKey } from '../policy/planned-key.ts';
import type { Danger, KeySet, Problem } from './caches.ts';
import type { Fault } from './fault.ts';
import type { Reason, Simulation, Step, Wait } from './simulation.ts';

/** Names of keys by their ids. */
export type KeyNames = (id: string) => string;

export function namesOf({ keys }: Simulation): KeyNames {
  const names = new Map(keys.map(({ id, name }) => [id, name]));
  return (id) => names.get(id) ?? id;
}

export const RECORD_WORDS: Readonly<Record<KeyRecord, string>> = {
  dnskey: 'DNSKEY',
  zrrsig: 'zone RRSIG',
  krrsig: 'key RRSIG',
  ds: 'DS',
};

/** What a step waited for, once it has come. */
const OVER: Readonly<Record<Exclude<WaitReason, 'time'>, string>> = {
  'ds not seen at parent': 'its DS was seen at the parent',
  'ds still at parent': 'its DS was seen to be gone from the parent',
  'dnskey not known everywhere': 'the DNSKEY is known everywhere',
  'signatures not known everywhere': 'the signatures are known everywhere',
  'successor not ready': 'another key can take its place',
  'zone still secure': 'no DS leads to it any more',
  'rollover under way': 'the other rollover is over',
  'manual step': 'the operator let it begin (rndc dnssec -step)',
};

/** Why a step was taken: "IpubP is over: dnskey-ttl 1 h + publish-safety 1 h". */
export function reasonText({ wait, text }: Reason): string {
  if (text !== undefined) return text;
  if (wait === undefined) return 'at once';
  if (wait.reason !== 'time') return OVER[wait.reason];
  if (wait.interval !== undefined) return `${wait.interval.term} is over: ${intervalText(wait.interval)}`;
  return 'its time has come';
}

export function intervalText({ since, parts }: WaitInterval): string {
  return `${parts.map(partText).join('').replace(/^ \+ /, '')} since ${isoTime(since)}`;
}

function partText({ name, seconds }: IntervalPart): string {
  return ` ${seconds < 0 ? '-' : '+'} ${name} ${durationText(Math.abs(seconds))}`;
}

/** What happened, without its time and its reason. */
export function stepText(step: Step, nameOf: KeyNames): string {
  switch (step.kind) {
    case 'key made':
      return 'made and published';
    case 'key adopted':
      return 'taken up by the policy as it is';
    case 'state':
      return `${RECORD_WORDS[step.record]} ${step.from} -> ${step.to}`;
    case 'key retired':
      return 'on its way out';
    case 'key kept':
      return 'stays after all';
    case 'key purged':
      return 'files removed (purge-keys)';
    case 'cds':
      return cdsText(step, nameOf);
    case 'ds':
      return `${step.isFlap ? 'flaps: ' : ''}DS of ${list(step.keys, nameOf)} at all servers${changesText(step, nameOf)}`;
    case 'unsigned':
      return 'all DNSSEC records leave the zone';
    case 'policy':
      return `policy is "${step.name}" from now on`;
    case 'rollover asked':
      return step.refusal === undefined ? 'rollover asked for' : `rollover asked for and refused: ${step.refusal}`;
    case 'fault begins':
      return `fault begins: ${faultText(step.fault)}`;
    case 'fault ends':
      return `fault ends: ${faultText(step.fault)}`;
  }
}

/** Who a step is about: a key, the zone, its parent, the policy or a fault. */
export function subjectOf(step: Step, nameOf: KeyNames): string {
  switch (step.kind) {
    case 'ds':
      return 'parent';
    case 'cds':
    case 'unsigned':
    case 'policy':
      return 'zone';
    case 'fault begins':
    case 'fault ends':
      return 'outside';
    case 'rollover asked':
      return step.key === undefined ? step.role : nameOf(step.key);
    default:
      return nameOf(step.key);
  }
}

function cdsText(step: Extract<Step, { kind: 'cds' }>, nameOf: KeyNames): string {
  if (step.isDelete) return 'CDS and CDNSKEY ask the parent for no DS (DELETE)';
  return step.keys.length === 0 ? 'no CDS and CDNSKEY' : `CDS and CDNSKEY ask for the DS of ${list(step.keys, nameOf)}`;
}

function changesText({ added, removed }: Extract<Step, { kind: 'ds' }>, nameOf: KeyNames): string {
  const parts = [
    added.length > 0 ? `${list(added, nameOf)} new` : '',
    removed.length > 0 ? `${list(removed, nameOf)} gone` : '',
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function list(ids: readonly string[], nameOf: KeyNames): string {
  return ids.length === 0 ? 'no key' : ids.map(nameOf).join(', ');
}

export function faultText(fault: Fault): string {
  switch (fault.kind) {
    case 'parent-late':
      return `the parent needs ${durationText(fault.delay)} to follow CDS`;
    case 'parent-never':
      return 'the parent changes nothing any more';
    case 'parent-flaps':
      return `the parent takes each change back ${fault.times} times, ${durationText(fault.period)} apart`;
    case 'daemon-down':
      return `the daemon does not run for ${durationText(fault.length)}`;
    case 'clock-jump': {
      const side = fault.offset < 0 ? 'behind' : 'ahead';
      return `the daemon's clock is ${durationText(Math.abs(fault.offset))} ${side} for ${durationText(fault.length)}`;
    }
    case 'slow-secondary':
      return `a secondary is ${durationText(fault.delay)} behind`;
    case 'ds-ttl':
      return `the DS RRset has a TTL of ${durationText(fault.ttl)}`;
    case 'zone-ttl':
      return `records of the zone have TTLs up to ${durationText(fault.ttl)}`;
  }
}

/** What some validators would see, and with what in their caches. */
export function dangerText({ from, until, problem }: Danger, nameOf: KeyNames): string {
  const end = until === Infinity ? 'until the end' : `until ${isoTime(until)}`;
  return `bogus for some from ${isoTime(from)} ${end}: ${problemText(problem, nameOf)}`;
}

export function problemText(problem: Problem, nameOf: KeyNames): string {
  const dnskey = ({ keys }: KeySet): string => `a DNSKEY RRset with ${list(keys, nameOf)}`;
  switch (problem.kind) {
    case 'no trusted dnskey':
      return `a cache has the DS of ${list(problem.ds, nameOf)} and ${dnskey(problem.dnskey)}, which none of them signed`;
    case 'unsigned data': {
      const ds = `the DS of ${list(problem.ds, nameOf)}`;
      const has = problem.isKept ? `a validator keeps the keys that ${ds} led it to` : `a cache has ${ds}`;
      return `${has} and records without a signature of algorithm ${problem.algorithm}`;
    }
    case 'unknown signer':
      return `a cache has records signed by ${list(problem.signers, nameOf)} and ${dnskey(problem.dnskey)}`;
    case 'expired signatures':
      return 'signatures have expired';
    case 'signatures not valid yet':
      return 'signatures are not valid yet: they were made by a clock that was ahead';
  }
}

/** "ksk #2: DS rumoured -> omnipresent waits since 2027-...: ds not seen at parent". */
export function waitText({ wait, since }: Wait, nameOf: KeyNames): string {
  const what = wait.record === undefined ? 'key' : RECORD_WORDS[wait.record];
  const others = wait.others.length === 0 ? '' : ` (${wait.others.map(nameOf).join(', ')})`;
  return `${nameOf(wait.key)}: ${what} ${wait.from} -> ${wait.to} waits since ${isoTime(since)}: ${wait.reason}${others}`;
}

/** Why the policy has no place for a key that is like those it asks for; undefined: that has nothing to do with its tag. */
export function tagRangeText(key: PlannedKey, policy: DnssecPolicy): string | undefined {
  const line = lineLeavingOut(key, policy);
  if (line?.tagRange === undefined) return undefined;
  const { low, high } = line.tagRange;
  return `tag ${key.tag}, or the one that a revocation would give it, is not in tag-range ${low} ${high}`;
}
