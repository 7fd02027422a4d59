import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiskError } from '../../src/base/disk-error.ts';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { MemoryDisk } from '../base/memory-disk.ts';
import { faultsOf, FILE, makeWorld, zoneText, type World } from './keeper-fixture.ts';

/* A key is written in three steps: private half, state, public half. What was made in part is no key, and is told of. */

const DAY = 86_400;
const filesOf = (disk: MemoryDisk, kind: string): string[] =>
  [...disk.files.keys()].filter((file) => /\/K/.test(file) && file.endsWith(`.${kind}`));
const dnskeys = ({ keeper }: World): number => {
  const reader = keeper.read();
  return reader.rdataCount(reader.rrset(reader.apexNode, TYPE.DNSKEY));
};

test('a process that dies at each instant of making a key: what is left of it is named once, with what to do, and is never a key', async () => {
  let left = 0;
  for (let instant = 0; instant < 12; instant++) {
    const disk = new MemoryDisk();
    disk.put(FILE, zoneText(1));
    disk.changesUntilCrash = instant;
    const before = makeWorld({ disk });
    await before.keeper.start().catch(() => undefined);
    if (!disk.crashed) break;
    const world = makeWorld({ disk: disk.afterCrash(), clock: before.clock });
    const publics = filesOf(world.disk, 'key').map((file) => file.slice(0, -4));
    const lone = filesOf(world.disk, 'private').filter((file) => !publics.includes(file.slice(0, -8)));
    await world.keeper.start();
    await world.advance(3 * DAY);
    const told = world.news();
    assert.deepEqual(await faultsOf(world), []);
    assert.deepEqual([world.keeper.keys.length, dnskeys(world)], [1, 1], `instant ${instant}`);
    for (const file of lone) {
      left++;
      const about = told.filter((text) => text.includes(file));
      assert.equal(about.length, 1, about.join('\n'));
      assert.match(
        about[0],
        /\.key: not found: the key is not used\. .*remove what is left of it \(.*\.private.*restore this file/,
      );
      assert.equal(world.keeper.keys.filter(({ fileBase }) => file.includes(fileBase)).length, 0);
      // Its tag stays its own as long as it is there: another key never takes the file's place.
      assert.ok(world.disk.facts(file));
      world.disk.remove(file);
      world.disk.remove(file.replace('.private', '.state'));
    }
    world.keeper.requestKeys();
    await world.keeper.idle();
    assert.ok(!world.news().some((text) => text.includes('not found')));
  }
  assert.ok(left >= 2, `${left} left`);
});

for (const kind of ['state', 'key'])
  test(`a disk that is full when the .${kind} file is written leaves nothing of the key, however often it is tried`, async () => {
    const disk = new MemoryDisk();
    disk.put(FILE, zoneText(1));
    const replace = disk.replace.bind(disk);
    let isFull = true;
    disk.replace = (file, octets, mode) => {
      if (isFull && file.endsWith(`.${kind}`)) throw new DiskError('write', file, { code: 'ENOSPC' });
      replace(file, octets, mode);
    };
    const world = makeWorld({ disk });
    await world.keeper.start();
    await world.advance(600);
    assert.deepEqual(filesOf(disk, 'private'), []);
    assert.ok(world.news().some((text) => text.includes('ENOSPC')));
    isFull = false;
    await world.advance(60);
    assert.equal(filesOf(disk, 'private').length, 1);
    assert.deepEqual(await faultsOf(world), []);
  });

test('what is wrong with one key is not told again when another gets or loses a fault', async () => {
  const world = makeWorld({ policy: DEFAULT_POLICY });
  world.disk.put('/zones/Kexample.+013+00001.private', 'nonsense');
  await world.keeper.start();
  const isFirst = (text: string): boolean => text.includes('+00001');
  assert.equal(world.news().filter(isFirst).length, 1);
  world.disk.put('/zones/Kexample.+013+00002.private', 'nonsense');
  world.keeper.requestKeys();
  await world.keeper.idle();
  const told = world.news();
  assert.equal(told.filter(isFirst).length, 0);
  assert.equal(told.filter((text) => text.includes('+00002')).length, 1);
  // What comes again is told again.
  world.disk.remove('/zones/Kexample.+013+00001.private');
  world.keeper.requestKeys();
  await world.keeper.idle();
  assert.equal(world.news().filter((text) => text.includes('not found')).length, 0);
  world.disk.put('/zones/Kexample.+013+00001.private', 'nonsense');
  world.keeper.requestKeys();
  await world.keeper.idle();
  assert.equal(world.news().filter(isFirst).length, 1);
});
