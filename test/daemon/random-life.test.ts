import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DEFAULT_POLICY } from '../../src/conf/defaults.ts';
import type { DnssecPolicy } from '../../src/conf/configuration.ts';
import { faultsOf, FILE, makeWorld, signatureSpan, type World, zoneText } from './keeper-fixture.ts';

const DAY = 86_400;

const NSEC3: DnssecPolicy = { ...DEFAULT_POLICY, name: 'nsec3', nsec3: { iterations: 0, optOut: true, saltLength: 0 } };

/** What may happen to a server and its zone. */
type Incident =
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'edit'; readonly hosts: readonly number[]; readonly raise: boolean }
  | { readonly kind: 'break' | 'restart' | 'crash' | 'policy' | 'sync' }
  | { readonly kind: 'full disk'; readonly seconds: number };

const incident: fc.Arbitrary<Incident> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait'), seconds: fc.integer({ min: 1, max: 6 * DAY }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('edit'),
      hosts: fc.uniqueArray(fc.nat(9), { maxLength: 6 }),
      raise: fc.boolean(),
    }),
  },
  fc.record({ kind: fc.constantFrom('break', 'restart', 'crash', 'policy', 'sync') }),
  fc.record({ kind: fc.constant('full disk'), seconds: fc.integer({ min: 1, max: DAY / 8 }) }),
);

test('whatever happens: never bogus, never near expiry, never a serial back, and in the end what the operator wrote', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(incident, { minLength: 3, maxLength: 14 }), async (incidents) => {
      let policy = DEFAULT_POLICY;
      let world = makeWorld({ policy });
      let serial = 1;
      let text = zoneText(1);
      let highest = 0;
      const look = async (what: string): Promise<void> => {
        assert.deepEqual(await faultsOf(world), [], what);
        const left = signatureSpan(world.keeper.read()).expiration - world.clock.now();
        assert.ok(left > policy.signaturesRefresh, `${what}: ${left} s left`);
        for (const one of world.published.splice(0)) {
          assert.ok(one >= highest, `${what}: serial ${one} after ${highest}`);
          highest = one;
        }
      };
      const again = async (disk = world.disk): Promise<World> => {
        const next = makeWorld({ disk: disk.afterCrash(), clock: world.clock, policy });
        await next.keeper.start();
        return next;
      };
      await world.keeper.start();
      await look('start');
      for (const one of incidents) {
        if (one.kind === 'wait') await world.advance(one.seconds);
        else if (one.kind === 'edit') {
          if (one.raise) serial++;
          text = zoneText(serial, ...one.hosts.map((host) => `h${host} A 192.0.2.${(serial + host) % 250}`));
          await reload(world, text);
        } else if (one.kind === 'break') await reload(world, 'nonsense\n').then(() => reload(world, text));
        else if (one.kind === 'sync') await world.keeper.sync(serial % 2 === 0);
        else if (one.kind === 'full disk') {
          world.disk.refusal = 'ENOSPC';
          await world.advance(one.seconds);
          world.disk.refusal = undefined;
          // Tried again within half a minute.
          await world.advance(31);
        } else {
          if (one.kind === 'policy') policy = policy === NSEC3 ? DEFAULT_POLICY : NSEC3;
          if (one.kind === 'restart') await world.keeper.stop();
          world = await again();
        }
        await look(one.kind);
      }
      await reload(world, text);
      await look('end');
      const fresh = makeWorld({ policy, clock: world.clock });
      await reload(fresh, text);
      assert.equal(world.keeper.read().nodeCount, fresh.keeper.read().nodeCount);
    }),
    { numRuns: 30 },
  );
});

async function reload(world: World, text: string): Promise<void> {
  world.disk.put(FILE, text);
  world.keeper.requestReload();
  await world.keeper.idle();
}
