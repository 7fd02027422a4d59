import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Slots } from '../../../src/hsm/update/slots.ts';
import { Crash, MemoryDisk } from '../../base/memory-disk.ts';

const OLD = [{ name: 'software/x', octets: Buffer.from('old') }];
const NEW = [
  { name: 'software/x', octets: Buffer.from('new') },
  { name: 'software/y', octets: Buffer.from('more') },
];

function disk(): MemoryDisk {
  const made = new MemoryDisk();
  made.makeDirectory('/state');
  return made;
}

function slots(where: MemoryDisk): Slots {
  return new Slots('/state/software', where);
}

/** An old version that is good, in slot a. */
function withOld(where: MemoryDisk): Slots {
  const made = slots(where);
  made.install('1', OLD);
  made.begin();
  made.confirm();
  return made;
}

function read(where: MemoryDisk, slot: string, name = 'software/x'): string | undefined {
  const octets = where.read(`/state/software/${slot}/${name}`);
  return octets && Buffer.from(octets).toString();
}

suite('S-443 (part) S-444 (part) Two slots', () => {
  test('at first there is the package', () => {
    assert.deepEqual(slots(disk()).begin(), { slot: undefined, givenUp: undefined });
  });

  test('the new goes where the old is not, is tried, and stays when it works', () => {
    const where = disk();
    const two = withOld(where);
    assert.equal(two.active.slot, 'a');
    assert.equal(two.install('2', NEW), 'b');
    assert.deepEqual(two.begin(), { slot: 'b', givenUp: undefined });
    two.confirm();
    assert.deepEqual(slots(where).begin(), { slot: 'b', givenUp: undefined });
    assert.deepEqual([read(where, 'a'), read(where, 'b')], ['old', 'new']);
    assert.equal(two.install('3', OLD), 'a');
    assert.equal(read(where, 'a', 'software/y'), undefined);
  });

  test('one that did not come up is given up at the next start', () => {
    const where = disk();
    const two = withOld(where);
    two.install('2', NEW);
    two.begin();
    // It died here.
    assert.deepEqual(slots(where).begin(), { slot: 'a', givenUp: '2' });
    assert.deepEqual(slots(where).begin(), { slot: 'a', givenUp: undefined });
  });

  test('rolled back by hand, the old counts at once; without an old one, the package', () => {
    const where = disk();
    const two = withOld(where);
    two.install('2', NEW);
    two.begin();
    assert.equal(two.rollBack(), 'a');
    assert.deepEqual(two.begin(), { slot: 'a', givenUp: undefined });
    const fresh = slots(disk());
    fresh.install('2', NEW);
    fresh.begin();
    assert.equal(fresh.rollBack(), undefined);
  });

  test('one that was never tried is written over, and the old stays what it goes back to', () => {
    const where = disk();
    const two = withOld(where);
    two.install('2', NEW);
    assert.equal(two.install('3', NEW), 'b');
    two.begin();
    assert.deepEqual(slots(where).begin(), { slot: 'a', givenUp: '3' });
  });

  test('a crash at any instant leaves the old one whole, or the new one', () => {
    let crashes = 0;
    let completed = false;
    for (let changes = 0; changes < 60 && !completed; changes++) {
      const before = disk();
      withOld(before);
      before.changesUntilCrash = changes;
      try {
        slots(before).install('2', NEW);
        completed = true;
      } catch (error) {
        assert.ok(error instanceof Crash, String(error));
        crashes++;
      }
      const after = before.afterCrash();
      const { slot } = slots(after).begin();
      if (slot === 'a') assert.equal(read(after, 'a'), 'old');
      else assert.deepEqual([slot, read(after, 'b'), read(after, 'b', 'software/y')], ['b', 'new', 'more']);
    }
    assert.ok(completed && crashes > 3);
  });

  test('a damaged pointer is refused with what helps', () => {
    const where = disk();
    withOld(where);
    where.put('/state/software/active.json', '{"slot":"c","state":"good","before":{}}');
    assert.throws(() => slots(where).begin(), /active\.json is damaged .*remove it to go back/);
  });
});
