import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SeededRandom } from '../../../src/base/random.ts';
import { Arena, GRANULE_WORDS, HEAD } from '../../../src/zone/store/arena.ts';
import { BLOCK_WORDS, type Extent, ExtentPool, takeGranules } from '../../../src/zone/store/extent-pool.ts';
import { ReaderEpoch } from '../../../src/zone/store/reader-epoch.ts';

const MEBIBYTES = 8;

function newPool(): { arena: Arena; pool: ExtentPool } {
  const arena = Arena.create(MEBIBYTES << 20, new SeededRandom(1));
  return { arena, pool: new ExtentPool(arena) };
}

/** Granules that nobody has. */
function freeGranules(arena: Arena): number {
  let free = 0;
  for (let granule = 0; granule < arena.granules; granule++) if (arena.u32[HEAD.GRANULE_OWNER + granule] === 0) free++;
  return free;
}

function assertApart(extents: readonly Extent[]): void {
  const sorted = extents.toSorted((a, b) => a.ref - b.ref);
  for (const [i, extent] of sorted.entries()) {
    assert.ok(extent.ref >= GRANULE_WORDS && extent.ref + extent.words <= MEBIBYTES * GRANULE_WORDS);
    if (i > 0) assert.ok(sorted[i - 1].ref + sorted[i - 1].words <= extent.ref, 'extents overlap');
  }
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('take' as const), words: fc.integer({ min: 1, max: 3 * GRANULE_WORDS }) }),
  fc.record({ kind: fc.constant('take' as const), words: fc.integer({ min: 1, max: 8 * BLOCK_WORDS }) }),
  fc.record({ kind: fc.constant('free' as const), words: fc.nat() }),
  fc.record({ kind: fc.constant('trim' as const), words: fc.nat() }),
  fc.record({ kind: fc.constant('retire' as const), words: fc.nat() }),
);

test('extents never overlap, have the size asked for, and come back whole', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const { arena, pool } = newPool();
      const held: Extent[] = [];
      const pick = (number: number): Extent => held.splice(number % held.length, 1)[0];
      for (const { kind, words } of steps) {
        if (kind === 'take') {
          try {
            const extent = pool.take(words);
            assert.ok(extent.words >= words);
            held.push(extent);
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'ARENA_FULL');
          }
        } else if (held.length === 0) continue;
        else if (kind === 'free') pool.free(pick(words));
        else if (kind === 'retire') pool.retire([pick(words)]);
        else {
          const extent = pick(words);
          const kept = pool.trim(extent, words % (extent.words + 1));
          assert.equal(kept.ref, extent.ref);
          if (kept.words > 0) held.push(kept);
        }
        assertApart(held);
        assert.equal(
          pool.usedOctets,
          held.reduce((sum, extent) => sum + 4 * extent.words, 0),
        );
      }
      for (const extent of held) pool.free(extent);
      assert.equal(pool.usedOctets, 0);
      assert.equal(freeGranules(arena), MEBIBYTES - 1);
    }),
    { numRuns: 150 },
  );
});

test("granules of a claim are found and become the pool's", () => {
  const { arena, pool } = newPool();
  const claim = pool.newClaim();
  const other = pool.newClaim();
  const taken = [takeGranules(arena, 2, claim), takeGranules(arena, 1, other), takeGranules(arena, 1, claim)];
  assertApart(taken);
  const adopted = pool.adoptClaim(claim);
  assert.equal(
    adopted.reduce((sum, extent) => sum + extent.words, 0),
    3 * GRANULE_WORDS,
  );
  assert.deepEqual(pool.adoptClaim(claim), []);
  for (const extent of adopted) pool.free(extent);
  assert.equal(freeGranules(arena), MEBIBYTES - 2);
});

test('what is retired waits for the readers that could see it, and for no others', () => {
  const { arena, pool } = newPool();
  using early = new ReaderEpoch(arena);
  using late = new ReaderEpoch(arena);
  early.enter();
  pool.retire([pool.take(1)]);
  late.enter();
  assert.equal(pool.usedOctets, 4096);
  early.leave();
  pool.reclaim();
  assert.equal(pool.usedOctets, 0);
  pool.retire([pool.take(1)]);
  pool.reclaim();
  assert.equal(pool.usedOctets, 4096);
  late.leave();
  pool.reclaim();
  assert.equal(pool.usedOctets, 0);
});

test('more readers than there is room for are refused', () => {
  const { arena } = newPool();
  const readers = Array.from({ length: 256 }, () => new ReaderEpoch(arena));
  assert.throws(() => new ReaderEpoch(arena), /start fewer/);
  readers[17].close();
  assert.equal(new ReaderEpoch(arena).id, 17);
});
