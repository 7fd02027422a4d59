import type { TaskRunner } from '../base/thread-pool.ts';
import type { Arena } from '../zone/store/arena.ts';
import { signBatch, type BatchResult, type BatchTask } from './signature-batch.ts';
import { SliceSigner } from './slice-signer.ts';
import type { SigningPlan, SliceResult, SliceTask } from './signing-plan.ts';
import { SignerCache } from './rrset-signer.ts';
import type { SigningKey } from './signing-parameters.ts';

/** What a pool is set up for: slices of a whole zone, or signatures over octets that the control thread made. */
export type PoolSetup =
  | { readonly kind: 'plan'; readonly plan: SigningPlan }
  | { readonly kind: 'keys'; readonly keys: readonly SigningKey[]; readonly labLegacy: boolean };
export type PoolTask = SliceTask | BatchTask;
export type PoolResult = SliceResult | BatchResult;

/** Does a pool's tasks in one thread. */
export class PoolRunner implements TaskRunner<PoolSetup, PoolTask, PoolResult> {
  readonly #slices: SliceSigner;
  readonly #signers: SignerCache;
  #setup: PoolSetup | undefined;

  constructor(arena: Arena, signers: SignerCache = new SignerCache()) {
    this.#signers = signers;
    this.#slices = new SliceSigner(arena, signers);
  }

  setup(setup: PoolSetup): void {
    this.#setup = setup;
    if (setup.kind === 'plan') this.#slices.setup(setup.plan);
  }

  run(task: PoolTask): PoolResult {
    if (task.kind !== 'batch') return this.#slices.run(task);
    if (this.#setup?.kind !== 'keys') throw new RangeError('a batch needs a set-up with keys');
    const { keys, labLegacy } = this.#setup;
    return signBatch(
      task,
      keys.map((key) => this.#signers.signer(key, labLegacy)),
    );
  }
}
