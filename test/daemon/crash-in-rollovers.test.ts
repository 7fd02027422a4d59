import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import type { DnssecPolicy, PolicyKey } from '../../src/conf/configuration.ts';
import { DEFAULT_POLICY, INSECURE_POLICY } from '../../src/conf/defaults.ts';
import type { KeyPair } from '../../src/keys/key-pair.ts';
import { TYPE } from '../../src/wire/type-codes.ts';
import { MemoryDisk } from '../base/memory-disk.ts';
import { faultsOf, FILE, makeWorld, START, zoneConfiguration, zoneText, type World } from './keeper-fixture.ts';

/*
 * A process that dies at any instant of a ZSK rollover, a KSK rollover and of going insecure, and starts again: the keys come to
 * the state that they would have had, and no version in between is bogus.
 */

const DAY = 86_400;
/** Octets of the arena of one of many worlds. */
const MEMORY = 4 * 2 ** 20;

const key = (role: PolicyKey['role'], lifetime: number): PolicyKey => ({ role, lifetime, algorithm: 13, bits: 256 });

/** Rollovers within days, so that little else happens in between. */
const POLICY: DnssecPolicy = {
  ...DEFAULT_POLICY,
  name: 'fast',
  keys: [key('ksk', 12 * DAY), key('zsk', 8 * DAY)],
  signaturesValidity: 4 * DAY,
  signaturesValidityDnskey: 4 * DAY,
  signaturesRefresh: DAY,
  signaturesJitter: 3600,
  purgeKeys: DAY,
};

/** What happens in the life of the zone, one after the other. */
type Step =
  | { readonly kind: 'until'; readonly time: number }
  | { readonly kind: 'parent'; readonly has: 'published' | 'withdrawn'; readonly which: 'old' | 'new' }
  | { readonly kind: 'policy' };

/** Where a step begins. */
interface Moment {
  readonly step: Step;
  readonly disk: MemoryDisk;
  readonly now: number;
  readonly policy: DnssecPolicy;
  /** Keys and records once the step is done. */
  readonly outcome: string;
}

/** States of all keys without their tags, and what the apex shows. */
function outcomeOf(world: World): string {
  const keys = world.keeper.keys.map(({ flags, state, predecessor, successor, times }) => {
    const { goal, dnskey, zrrsig, krrsig, ds } = state ?? {};
    const related = `${predecessor === undefined ? '-' : 'follows'} ${successor === undefined ? '-' : 'is followed'}`;
    const changes = [state?.dnskeyChange, state?.zrrsigChange, state?.krrsigChange, state?.dsChange];
    return [flags, goal, dnskey, zrrsig, krrsig, ds, related, ...changes, times.dsPublish, times.dsRemoved].join(' ');
  });
  const reader = world.keeper.read();
  const shown = [TYPE.DNSKEY, TYPE.CDS, TYPE.CDNSKEY, TYPE.NSEC].map((type) => {
    const rrset = reader.rrset(reader.apexNode, type);
    return rrset === 0 ? 0 : reader.rdataCount(rrset);
  });
  // A key that was not finished may leave a private half behind, which is told of and never taken away.
  const whole = world.keeper.keys.filter(({ fileBase }) =>
    ['key', 'private', 'state'].every((kind) => world.disk.facts(`/zones/${fileBase}.${kind}`)),
  );
  const publicFiles = [...world.disk.files.keys()].filter((file) => /\/K.*\.key$/.test(file));
  return [...keys.toSorted(), shown.join(' '), `${whole.length} whole of ${publicFiles.length} keys`].join('\n');
}

/** KSKs in the order in which they were made. */
const ksks = ({ keeper }: World): KeyPair[] =>
  keeper.keys.filter(({ flags }) => flags === 257).toSorted((a, b) => (a.times.created ?? 0) - (b.times.created ?? 0));

async function take(step: Step, world: World): Promise<void> {
  if (step.kind === 'until') await world.advance(step.time - world.clock.now());
  else if (step.kind === 'parent') {
    const which = ksks(world).at(step.which === 'new' ? -1 : 0)!;
    const { tag } = which;
    const request = { kind: 'checkds', seen: step.has, tag, algorithm: undefined, when: world.clock.now() } as const;
    assert.equal((await world.keeper.requestKeyChange(request)).kind, 'done');
    await world.keeper.idle();
  } else {
    world.keeper.reconfigure(zoneConfiguration({ policy: 'insecure' }), INSECURE_POLICY);
    await world.keeper.idle();
  }
}

/** Lives through it all once, and notes where each step begins and what it comes to. */
async function life(): Promise<Moment[]> {
  const disk = new MemoryDisk();
  disk.put(FILE, zoneText(1, 'one A 192.0.2.1'));
  const clock = new SimulatedClock(START);
  let policy = POLICY;
  const moments: Moment[] = [];
  const world = makeWorld({ disk, clock, policy, memory: MEMORY });
  const go = async (step: Step): Promise<void> => {
    const before = { step, disk: disk.afterCrash(), now: clock.now(), policy };
    await take(step, world);
    if (step.kind === 'policy') policy = INSECURE_POLICY;
    moments.push({ ...before, outcome: outcomeOf(world) });
  };
  const events = async (isEnough: () => boolean): Promise<void> => {
    for (let i = 0; i < 60 && !isEnough(); i++) {
      const next = world.keeper.nextKeyEvent;
      await go({ kind: 'until', time: Math.max(next ?? 0, clock.now() + 1) });
    }
    assert.ok(isEnough(), outcomeOf(world));
  };
  const count = (type: number): number => {
    const reader = world.keeper.read();
    const rrset = reader.rrset(reader.apexNode, type);
    return rrset === 0 ? 0 : reader.rdataCount(rrset);
  };
  await world.keeper.start();
  await events(() => count(TYPE.CDS) > 0);
  await go({ kind: 'parent', has: 'published', which: 'new' });
  await events(() => ksks(world).length === 2 && ksks(world)[1].state?.ds === 'rumoured');
  await go({ kind: 'parent', has: 'published', which: 'new' });
  await go({ kind: 'parent', has: 'withdrawn', which: 'old' });
  // The first ZSK and the first KSK have been replaced and purged by then.
  await events(
    () => ksks(world).length === 1 && world.keeper.keys.every(({ predecessor }) => predecessor !== undefined),
  );
  await go({ kind: 'policy' });
  await go({ kind: 'parent', has: 'withdrawn', which: 'new' });
  await events(() => count(TYPE.DNSKEY) === 0);
  await world.keeper.stop();
  return moments;
}

const moments = await life();

test(`a life of ${moments.length} steps: what a process that dies at any instant of a step leaves comes to the same`, async () => {
  let instants = 0;
  for (const [index, { step, disk: begin, now, policy, outcome }] of moments.entries()) {
    for (let instant = 0; ; instant++) {
      const disk = begin.afterCrash();
      const clock = new SimulatedClock(now);
      const before = makeWorld({ disk, clock, policy, memory: MEMORY });
      await before.keeper.start();
      disk.survival = [0, 0.4, 1][(index + instant) % 3];
      disk.changesUntilCrash = disk.changes + instant;
      try {
        await take(step, before);
      } catch (error) {
        if (!disk.crashed) throw error;
      }
      const where = `step ${index} (${JSON.stringify(step)}), instant ${instant}`;
      if (!disk.crashed) {
        assert.equal(outcomeOf(before), outcome, `${where}, which is the end`);
        await before.keeper.stop();
        break;
      }
      instants++;
      const policyAfter = step.kind === 'policy' ? INSECURE_POLICY : policy;
      // A clock of its own: what is dead shall not go on trying.
      const later = new SimulatedClock(clock.now());
      const after = makeWorld({ disk: disk.afterCrash(), clock: later, policy: policyAfter, memory: MEMORY });
      await after.keeper.start();
      // Who got no answer asks again.
      if (step.kind !== 'policy') await take(step, after);
      const told = after.news().join('\n');
      assert.equal(outcomeOf(after), outcome, `${where}:\n${told}`);
      const reader = after.keeper.read();
      const isSigned = reader.rrset(reader.apexNode, TYPE.DNSKEY) !== 0;
      if (isSigned) assert.deepEqual(await faultsOf(after), [], `${where}:\n${told}`);
      const seen = before.published.at(-1) ?? 0;
      assert.ok(
        after.published.every((serial) => serial >= seen),
        where,
      );
      await after.keeper.stop();
    }
  }
  assert.ok(instants > 100, `${instants} instants`);
});
