import type { TaskRunner } from '../base/thread-pool.ts';
import type { Arena } from '../zone/store/arena.ts';
import { NodeWriter } from '../zone/store/node-writer.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import { TYPE } from '../wire/type-codes.ts';
import { HashSlice } from './hash-slice.ts';
import { NameSlice } from './name-slice.ts';
import { RRsetSigner, SignerCache } from './rrset-signer.ts';
import { emptyStatistics } from './signing-parameters.ts';
import type { SigningPlan, SliceResult, SliceTask } from './signing-plan.ts';

/** What slices are signed with in one thread. */
export interface SliceTools {
  readonly arena: Arena;
  readonly plan: SigningPlan;
  /** Open on the source version. */
  readonly source: ZoneReader;
  /** Open on the version that has the candidates for keeping: the previous one, or the source. */
  readonly previous: ZoneReader;
  readonly signer: RRsetSigner;
}

/** Signs slices, in whatever thread it is in. */
export class SliceSigner implements TaskRunner<SigningPlan, SliceTask, SliceResult> {
  readonly #arena: Arena;
  readonly #signers: SignerCache;
  #tools: SliceTools | undefined;
  #plan: SigningPlan | undefined;

  constructor(arena: Arena, signers: SignerCache) {
    this.#arena = arena;
    this.#signers = signers;
  }

  setup(plan: SigningPlan): void {
    this.#plan = plan;
    this.#tools = undefined;
  }

  /** @throws SignetError when a private key cannot be used or a record is too large */
  run(task: SliceTask): SliceResult {
    this.#tools ??= this.#open(this.#plan!, task.from);
    const tools = this.#tools;
    Object.assign(tools.signer.statistics, emptyStatistics());
    tools.signer.earliest = Infinity;
    const writer = new NodeWriter(this.#arena, task.claim);
    const slice = task.kind === 'names' ? new NameSlice(tools, writer) : new HashSlice(tools, writer);
    const { nodes, hashes } = slice.sign(task.from, task.to);
    const { earliest } = tools.signer;
    return { nodes, hashes, written: writer.written(), statistics: { ...tools.signer.statistics }, earliest };
  }

  #open(plan: SigningPlan, from: number): SliceTools {
    const source = new ZoneReader(this.#arena).open(plan.source);
    const previous = plan.previous === 0 ? source : new ZoneReader(this.#arena).open(plan.previous);
    const options = {
      apex: source.apex,
      parameters: plan.parameters,
      trustedDnskeys: plan.previous === 0 ? undefined : publishedKeys(previous),
      jitterSeed: Math.imul(plan.jitterSeed ^ from, 0x9e3779b1),
    };
    return { arena: this.#arena, plan, source, previous, signer: new RRsetSigner(options, this.#signers) };
  }
}

export function publishedKeys(reader: ZoneReader): Uint8Array[] {
  const rrset = reader.rrset(reader.apexNode, TYPE.DNSKEY);
  return rrset === 0 ? [] : reader.rdataAll(rrset);
}
