import type { TaskRunner } from '../base/thread-pool.ts';
import { algorithmText } from '../crypto/algorithm.ts';
import { nameToShortText } from '../wire/name-text.ts';
import type { Name } from '../wire/name.ts';
import { typeText } from '../wire/type-text.ts';
import type { Arena, NodeRef, RRsetRef } from '../zone/store/arena.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import { FaultList } from './fault-list.ts';
import { KeyCircle } from './key-circle.ts';
import { NsecVerifier } from './nsec-verifier.ts';
import { Nsec3Verifier } from './nsec3-verifier.ts';
import { RRsetVerifier } from './rrset-verifier.ts';
import { isToBeSigned, standingOf, type Standing } from './standing.ts';
import type { VerifyPlan, VerifyResult, VerifyTask } from './verify-plan.ts';
import type { ZoneFault } from './zone-verdict.ts';

/** Verifies slices of a zone, in whatever thread it is in. */
export class SliceVerifier implements TaskRunner<VerifyPlan, VerifyTask, VerifyResult> {
  readonly #arena: Arena;
  #plan: VerifyPlan | undefined;
  #keys: KeyCircle | undefined;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  setup(plan: VerifyPlan): void {
    this.#plan = plan;
    this.#keys = new KeyCircle(plan.dnskeys, { labLegacy: plan.labLegacy });
  }

  run(task: VerifyTask): VerifyResult {
    const plan = this.#plan!;
    const reader = new ZoneReader(this.#arena).open(plan.version);
    const faults = new FaultList(plan.faultLimit);
    const rrsets = new RRsetVerifier(reader, this.#keys!, plan.algorithms, plan.now);
    const slice = new Slice(plan, reader, rrsets, faults);
    if (task.kind === 'names') slice.verifyNames(task.from, task.to);
    else slice.verifyHashed(task.from, task.to);
    return {
      faults: faults.listed,
      errors: faults.errors,
      lacking: [...slice.lacking],
      accounted: slice.accounted(),
      verified: rrsets.checked,
    };
  }
}

class Slice {
  readonly lacking = new Set<number>();
  readonly #plan: VerifyPlan;
  readonly #reader: ZoneReader;
  readonly #rrsets: RRsetVerifier;
  readonly #faults: FaultList;
  readonly #nsec: NsecVerifier;
  readonly #nsec3: readonly Nsec3Verifier[];

  constructor(plan: VerifyPlan, reader: ZoneReader, rrsets: RRsetVerifier, faults: FaultList) {
    this.#plan = plan;
    this.#reader = reader;
    this.#rrsets = rrsets;
    this.#faults = faults;
    this.#nsec = new NsecVerifier(reader, faults);
    this.#nsec3 = plan.nsec3.map((param) => new Nsec3Verifier(reader, faults, param));
  }

  accounted(): Uint8Array[] {
    return this.#nsec3.map((chain) => chain.accounted());
  }

  verifyNames(from: number, to: number): void {
    const reader = this.#reader;
    reader.seekIndex(from);
    for (let i = from; i < to; i++) {
      const node = reader.next();
      const owner = reader.owner(node);
      const standing = standingOf(reader, node);
      this.#verifyRRsets(node, owner, standing);
      this.#nsec.verify(node, owner, standing, this.#plan.nsec);
      for (const chain of this.#nsec3) chain.verify(node, owner, standing);
    }
    this.#lookAhead();
  }

  /** What the last names of the slice promise is told by names after it. */
  #lookAhead(): void {
    const reader = this.#reader;
    while (this.#nsec.waits || this.#nsec3.some((chain) => chain.waits)) {
      const node = reader.next();
      // The last NSEC of the zone names the apex (RFC 4034 section 4.1.1).
      if (node === 0) return this.#nsec.arrive(reader.apex);
      const owner = reader.owner(node);
      const standing = standingOf(reader, node);
      if (standing !== 'empty' && standing !== 'occluded') this.#nsec.arrive(owner);
      for (const chain of this.#nsec3) if (chain.waits) chain.pass(owner, standing);
    }
  }

  verifyHashed(from: number, to: number): void {
    const reader = this.#reader;
    reader.seekHashIndex(from);
    for (let i = from; i < to; i++) {
      const node = reader.nextHash();
      this.#verifyRRsets(node, reader.owner(node), 'authoritative');
    }
  }

  #verifyRRsets(node: NodeRef, owner: Name, standing: Standing): void {
    const reader = this.#reader;
    for (let i = 0, count = reader.rrsetCount(node); i < count; i++) {
      const rrset = reader.rrsetAt(node, i);
      const type = reader.type(rrset);
      const isData = reader.rdataCount(rrset) > 0;
      if (isData && isToBeSigned(standing, type)) this.#verifyRRset(owner, rrset, type);
      else if (reader.signatureCount(rrset) > 0) this.#faults.add(strayFault(owner, type));
    }
  }

  #verifyRRset(owner: Name, rrset: RRsetRef, type: number): void {
    if (this.#reader.signatureCount(rrset) === 0) {
      for (const algorithm of this.#plan.algorithms) this.lacking.add(algorithm);
      const text = `No signatures for ${nameToShortText(owner)}/${typeText(type)}`;
      this.#faults.add({ code: 'NO_SIGNATURES', severity: 'error', owner: nameToShortText(owner), type, text });
      return;
    }
    for (const { algorithm, trouble } of this.#rrsets.verify(owner, rrset)) {
      this.lacking.add(algorithm);
      const what = `${nameToShortText(owner)} ${typeText(type)}`;
      const text = `No correct ${algorithmText(algorithm)} signature for ${what}`;
      const facts = { owner: nameToShortText(owner), type, algorithm, trouble, text };
      this.#faults.add({ code: 'NO_CORRECT_SIGNATURE', severity: 'error', ...facts });
    }
  }
}

/** Nobody looks at it, so it harms nobody; but a signer that does not know the zone's cuts made it. */
function strayFault(owner: Name, type: number): ZoneFault {
  const text = `unexpected RRSIG over ${typeText(type)} at ${nameToShortText(owner)}`;
  return { code: 'STRAY_SIGNATURE', severity: 'notice', owner: nameToShortText(owner), type, text };
}
