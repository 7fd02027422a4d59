import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameToText } from '../../src/wire/name-text.ts';
import { faultsOf, FILE, makeWorld, type World, zoneText } from './keeper-fixture.ts';
import { MemoryDisk } from '../base/memory-disk.ts';

const DAY = 86_400;

/** The life of a zone up to the crash: first start, changes, a sync, refreshed signatures, a restart. */
async function live(world: World): Promise<void> {
  const { disk, keeper } = world;
  const steps: (() => Promise<void>)[] = [
    () => keeper.start(),
    () => change(world, zoneText(2, 'one A 192.0.2.1')),
    () => change(world, zoneText(3, 'one A 192.0.2.2', 'two A 192.0.2.3', 'three TXT "x"')),
    () => keeper.sync(false),
    () => change(world, zoneText(4, 'two A 192.0.2.4')),
    () => world.advance(10 * DAY),
    () => keeper.sync(true),
    () => change(world, zoneText(5, 'last A 192.0.2.5')),
    () => keeper.stop(),
  ];
  for (const step of steps) {
    if (disk.crashed) return;
    try {
      await step();
    } catch (error) {
      if (!disk.crashed) throw error;
    }
  }
}

async function change(world: World, text: string): Promise<void> {
  world.disk.put(FILE, text);
  world.keeper.requestReload();
  await world.keeper.idle();
}

async function changesOfOneLife(): Promise<number> {
  const world = makeWorld();
  await live(world);
  assert.ok(!world.disk.crashed);
  return world.disk.changes;
}

/** Owners of the version that is served, as a check that nothing is lost or half there. */
function owners(world: World): string[] {
  const reader = world.keeper.read();
  const found: string[] = [];
  reader.first();
  for (let node = reader.next(); node !== 0; node = reader.next()) found.push(nameToText(reader.owner(node)));
  return found;
}

const total = await changesOfOneLife();

for (const survival of [0, 0.4, 1]) {
  test(`a crash at each of ${total} instants, ${survival * 100} % of unsynced octets survive: always a good version, no serial back`, async () => {
    for (let instant = 0; instant < total; instant++) {
      const disk = new MemoryDisk();
      disk.put(FILE, zoneText(1));
      disk.changesUntilCrash = instant;
      disk.survival = survival;
      const before = makeWorld({ disk });
      await live(before);
      assert.ok(disk.crashed, `instant ${instant}`);
      const after = makeWorld({ disk: disk.afterCrash(), clock: before.clock });
      await after.keeper.start();
      const where = `instant ${instant} of ${total}: ${after.news().join('\n')}`;
      assert.deepEqual(await faultsOf(after), [], where);
      const seen = before.published.at(-1) ?? 0;
      assert.ok(
        after.published.length > 0 && after.published[0] >= seen,
        `${where}: ${seen} then ${after.published[0]}`,
      );
      // The new start reads the file as it was at the crash: the zone is what the operator wrote, signed.
      const fresh = makeWorld({ clock: before.clock });
      fresh.disk.put(FILE, Buffer.from(after.disk.read(FILE)!).toString('latin1'));
      await fresh.keeper.start();
      assert.deepEqual(owners(after), owners(fresh), where);
    }
  });
}

test('a start that crashes again and again still comes to a good version', async () => {
  const clean = makeWorld();
  await clean.keeper.start();
  let disk = new MemoryDisk();
  disk.put(FILE, zoneText(1));
  for (let instant = 0; instant < clean.disk.changes; instant++) {
    disk.changesUntilCrash = instant;
    const world = makeWorld({ disk });
    await world.keeper.start();
    disk = disk.afterCrash();
  }
  const last = makeWorld({ disk });
  await last.keeper.start();
  assert.deepEqual(await faultsOf(last), []);
});
