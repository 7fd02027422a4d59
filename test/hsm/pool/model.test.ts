import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { Mechanism } from '../../../src/hsm/hal-constants.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { FakeDevice } from '../fake-device.ts';
import { pages, type PoolFixture, signer, startPool } from './pool-fixture.ts';

/** What must hold of a key whose making was reported. */
interface ModelKey {
  readonly uuid: string;
  readonly kind: 'mirrored' | 'alone';
  /** Labels that it may have: one, or two after a change that failed. */
  labels: string[];
  /** `perhaps`: a deletion failed, and may be done all the same. */
  state: 'live' | 'perhaps' | 'deleted';
}

type Step =
  | { readonly do: 'generate'; readonly kind: 'mirrored' | 'alone' }
  | { readonly do: 'sign' | 'delete' | 'list'; readonly key: number }
  | { readonly do: 'label'; readonly key: number; readonly label: string }
  | { readonly do: 'match'; readonly size: number }
  | { readonly do: 'kill' | 'restore'; readonly device: number }
  /** Dies in the middle of its next calls, before or after the work is done. */
  | { readonly do: 'die'; readonly device: number; readonly calls: number; readonly when: 'before' | 'after' };

const key = fc.nat({ max: 30 });
const device = fc.nat({ max: 1 });
const steps = fc.array(
  fc.record({
    together: fc.boolean(),
    step: fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant('generate' as const), kind: fc.constantFrom('mirrored', 'alone') }),
      },
      { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('sign', 'delete', 'list'), key }) },
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant('label' as const), key, label: fc.constantFrom('a', 'b', 'c', 'd') }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('match' as const), size: fc.integer({ min: 1, max: 4 }) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('kill', 'restore'), device }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('restore' as const), device }) },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('die' as const),
          device,
          calls: fc.integer({ min: 1, max: 4 }),
          when: fc.constantFrom('before', 'after'),
        }),
      },
    ),
  }),
  { maxLength: 50 },
);

const DIGEST = Buffer.alloc(32, 1);
const LABEL = 3;

/** One run: what the pool says is compared with what it promised before. */
class Run {
  readonly #fixture: PoolFixture;
  readonly #keys: ModelKey[] = [];
  /** A key is changed by one step at a time: what two changes at once come to, nobody promises. */
  readonly #busy = new Set<string>();

  constructor(fixture: PoolFixture) {
    this.#fixture = fixture;
  }

  async step(step: Step): Promise<void> {
    const { pool, devices, user, time } = this.#fixture;
    time.now++;
    switch (step.do) {
      case 'generate': {
        const made = await unless(pool.generateKey(user, 0, signer(step.kind)));
        if (made !== undefined) this.#keys.push({ uuid: made.uuid, kind: step.kind, labels: [''], state: 'live' });
        return;
      }
      case 'kill':
        this.#fixture.kill(step.device);
        return;
      case 'restore':
        delete devices[step.device].faults.before;
        delete devices[step.device].faults.after;
        await this.#fixture.restore(step.device);
        return;
      case 'die': {
        let left = step.calls;
        devices[step.device].faults[step.when] = () => {
          if (--left === 0) this.#fixture.kill(step.device);
        };
        return;
      }
      case 'match':
        await this.#match(step.size);
        return;
      default:
        await this.#withKey(step);
    }
  }

  async #withKey(step: Extract<Step, { readonly key: number }>): Promise<void> {
    const { pool, user } = this.#fixture;
    const one = this.#keys.at(step.key % Math.max(1, this.#keys.length));
    if (one === undefined || this.#busy.has(one.uuid)) return;
    this.#busy.add(one.uuid);
    try {
      switch (step.do) {
        case 'sign': {
          const signature = await unless(pool.sign(user, one.uuid, Mechanism.ECDSA, DIGEST));
          if (signature === undefined) return;
          assert.deepEqual(signature, FakeDevice.signatureOf(one.uuid, Mechanism.ECDSA, DIGEST), 'the right key signs');
          assert.notEqual(one.state, 'deleted', 'a deleted key signs');
          return;
        }
        case 'list': {
          const attributes = await unless(pool.getAttributes(user, one.uuid, [LABEL]));
          if (attributes === undefined) return;
          assert.notEqual(one.state, 'deleted', 'a deleted key is read');
          assert.ok(one.labels.includes(labelIn(attributes)), `${labelIn(attributes)} is not of ${one.labels.join()}`);
          return;
        }
        case 'label': {
          const value = Buffer.from(step.label);
          const done = await unless(pool.setAttributes(user, one.uuid, [{ type: LABEL, value }]).then(() => true));
          assert.ok(!(done && one.state === 'deleted'), 'a deleted key is changed');
          if (done) one.labels = [step.label];
          else one.labels = [...one.labels, step.label];
          return;
        }
        case 'delete': {
          const done = await unless(pool.deleteKey(user, one.uuid).then(() => true));
          if (done) one.state = 'deleted';
          else if (one.state === 'live') one.state = 'perhaps';
        }
      }
    } finally {
      this.#busy.delete(one.uuid);
    }
  }

  async #match(size: number): Promise<void> {
    const { pool, user } = this.#fixture;
    const deleted = this.#keys.filter(({ state }) => state === 'deleted').map(({ uuid }) => uuid);
    const found = await unless(pages(pool, user, size, false));
    if (found === undefined) return;
    assert.deepEqual(found, [...new Set(found)].sort(), 'each once, in order');
    for (const uuid of deleted) assert.ok(!found.includes(uuid), 'a deleted key is found');
  }

  /** All devices are back: every promise is kept, everywhere. */
  async settle(): Promise<void> {
    const { pool, devices, user } = this.#fixture;
    for (const index of devices.keys()) {
      delete devices[index].faults.before;
      delete devices[index].faults.after;
      await this.#fixture.restore(index);
    }
    await pool.synchronize();
    const live = new Set<string>();
    for (const { uuid, kind, state, labels } of this.#keys) {
      if (state === 'deleted') {
        await assert.rejects(pool.openKey(user, uuid), isStatus(HalStatus.KEY_NOT_FOUND));
        for (const one of devices) assert.ok(!one.tokenKeys.includes(uuid), 'a deleted key is on a device');
        continue;
      }
      const info = await pool.openKey(user, uuid).catch((error: unknown) => {
        assert.ok(
          state === 'perhaps' && isStatus(HalStatus.KEY_NOT_FOUND)(error),
          `key ${uuid} is lost: ${String(error)}`,
        );
      });
      if (info === undefined) continue;
      live.add(uuid);
      const holders = devices.filter(({ tokenKeys }) => tokenKeys.includes(uuid)).length;
      assert.equal(holders, kind === 'mirrored' ? devices.length : 1);
      for (const index of kind === 'mirrored' ? devices.keys() : []) {
        const there = await devices[index].getAttributes(user, uuid, [LABEL]);
        assert.ok(labels.includes(labelIn(there)), 'a change was lost on a device');
      }
      assert.deepEqual(
        await pool.sign(user, uuid, Mechanism.ECDSA, DIGEST),
        FakeDevice.signatureOf(uuid, Mechanism.ECDSA, DIGEST),
      );
    }
    for (const size of [1, 2, 3, 50]) assert.deepEqual(await pages(pool, user, size), [...live].sort());
  }
}

function labelIn(attributes: readonly { readonly type: number; readonly value: Uint8Array }[]): string {
  return Buffer.from(attributes.find(({ type }) => type === LABEL)?.value ?? []).toString();
}

/** undefined when a device was away, or the key is (perhaps) deleted: any other rejection is a fault. */
async function unless<Result>(call: Promise<Result>): Promise<Result | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isStatus(HalStatus.IO_OS_ERROR)(error) || isStatus(HalStatus.KEY_NOT_FOUND)(error)) return undefined;
    throw error;
  }
}

function isStatus(status: HalStatus): (error: unknown) => boolean {
  return (error) => error instanceof HalError && error.status === status;
}

suite('S-342 S-430 devices that die and return, against a model', () => {
  test('no key is lost, none signs for another, deleted ones stay away, pages are complete', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        await using fixture = await startPool();
        const run = new Run(fixture);
        let together: Promise<void>[] = [];
        for (const { step, together: isTogether } of all) {
          together.push(run.step(step));
          if (isTogether) continue;
          await Promise.all(together);
          together = [];
        }
        await Promise.all(together);
        await run.settle();
      }),
      { seed: 5, numRuns: Number(process.env['SIGNET_POOL_RUNS'] ?? 400) },
    );
  });
});
