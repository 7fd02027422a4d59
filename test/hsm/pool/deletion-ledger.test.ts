import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { DiskError } from '../../../src/base/disk.ts';
import { DeletionLedger } from '../../../src/hsm/pool/deletion-ledger.ts';
import { MemoryDisk } from '../../base/memory-disk.ts';

const FILE = '/state/deletions.log';

function uuid(index: number): string {
  return `00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;
}

suite('The deletions that wait for a device', () => {
  test('survive a restart until they are settled; the file is empty again then', () => {
    const disk = new MemoryDisk({ '/state/other': '' });
    const ledger = DeletionLedger.open(FILE, disk);
    for (const index of [1, 2, 3, 2]) ledger.add(uuid(index));
    ledger.settle([uuid(2), uuid(9)]);
    const again = DeletionLedger.open(FILE, disk.afterCrash());
    assert.deepEqual([...again.pending], [uuid(1), uuid(3)]);
    ledger.settle([uuid(1), uuid(3)]);
    assert.equal(disk.facts(FILE)?.size, 0);
    assert.equal(DeletionLedger.open(FILE, disk).pending.size, 0);
  });

  test('what cannot be written is told, holds meanwhile, and is written when there is room', () => {
    const disk = new MemoryDisk({ '/state/other': '' });
    const ledger = DeletionLedger.open(FILE, disk);
    disk.refusal = 'ENOSPC';
    assert.throws(() => ledger.add(uuid(1)), DiskError);
    assert.ok(ledger.has(uuid(1)) && !ledger.isWritten);
    assert.throws(() => ledger.writeAgain(), DiskError);
    disk.refusal = undefined;
    ledger.writeAgain();
    assert.ok(ledger.isWritten);
    assert.deepEqual([...DeletionLedger.open(FILE, disk.afterCrash()).pending], [uuid(1)]);
  });

  test('a file that is damaged is refused by its line, an unfinished last line was never acknowledged', () => {
    const good = `+${uuid(1)}\n`;
    assert.deepEqual([...DeletionLedger.open(FILE, new MemoryDisk({ [FILE]: `${good}+0000` })).pending], [uuid(1)]);
    for (const bad of ['?', '+', `=${uuid(1)}`, `+${uuid(1).toUpperCase()}x`])
      assert.throws(() => DeletionLedger.open(FILE, new MemoryDisk({ [FILE]: `${good}${bad}\n${good}` })), {
        code: 'DELETION_LEDGER',
        message: /deletions\.log:2 is damaged/,
      });
  });

  test('it is written anew when most of it is settled', () => {
    const disk = new MemoryDisk({ '/state/other': '' });
    const ledger = DeletionLedger.open(FILE, disk);
    ledger.add(uuid(0));
    for (let i = 1; i < 3000; i++) {
      ledger.add(uuid(i));
      ledger.settle([uuid(i)]);
    }
    assert.ok(disk.facts(FILE)!.size <= 65_536 + 2 * 38, String(disk.facts(FILE)!.size));
    assert.deepEqual([...DeletionLedger.open(FILE, disk).pending], [uuid(0)]);
  });

  test('a crash at any instant loses none that was acknowledged, and brings none back that was settled and acknowledged', () => {
    const steps = fc.array(fc.record({ isAdd: fc.boolean(), key: fc.nat({ max: 5 }) }), { maxLength: 30 });
    fc.assert(
      fc.property(steps, fc.nat({ max: 120 }), fc.double({ min: 0, max: 1, noNaN: true }), (all, crashAt, survival) => {
        const disk = new MemoryDisk({ '/state/other': '' });
        const ledger = DeletionLedger.open(FILE, disk);
        disk.changesUntilCrash = crashAt;
        disk.survival = survival;
        const sure = new Set<string>();
        let last: { readonly isAdd: boolean; readonly key: number } | undefined;
        for (const step of all) {
          last = step;
          try {
            if (step.isAdd) ledger.add(uuid(step.key));
            else ledger.settle([uuid(step.key)]);
          } catch {
            break;
          }
          if (step.isAdd) sure.add(uuid(step.key));
          else sure.delete(uuid(step.key));
          last = undefined;
        }
        const found = DeletionLedger.open(FILE, disk.afterCrash()).pending;
        const unsure = last === undefined ? undefined : uuid(last.key);
        for (const one of sure) assert.ok(found.has(one) || one === unsure, `${one} is lost`);
        for (const one of found) assert.ok(sure.has(one) || one === unsure, `${one} came back`);
      }),
      { seed: 11, numRuns: 2000 },
    );
  });
});
