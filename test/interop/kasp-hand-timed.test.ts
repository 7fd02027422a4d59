import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DAY, Operator, ZONE } from './kasp-operator.ts';
import type { Maker } from './kasp-server.ts';

/*
 * Rollovers of BIND's DNSSEC Guide with keys that a person makes and times (dnssec-keygen -S, dnssec-settime), by commands of one maker and
 * that maker's named: Debian's first, then ours.
 */

interface HandTimed {
  readonly operator: Operator;
  /** Bases of key file names. */
  readonly ksk: string;
  readonly zsk: string;
}

const tagOf = (file: string): string => String(Number(file.slice(-5)));

/** A zone that is signed with keys made by hand, and trusted. */
async function begin(maker: Maker): Promise<HandTimed> {
  let [ksk, zsk] = ['', ''];
  const operator = await Operator.begin(maker, '', 'auto-dnssec maintain;', async (one) => {
    ksk = await one.run('dnssec-keygen', '-q', '-a', '13', '-f', 'KSK', ZONE);
    zsk = await one.run('dnssec-keygen', '-q', '-a', '13', ZONE);
  });
  try {
    await operator.until(async () => (await operator.signersOf('SOA'))[0] === tagOf(zsk), 'the zone is signed');
    await operator.giveDs(ksk);
    await operator.until(() => isValid(operator), 'the zone validates');
  } catch (error) {
    await operator[Symbol.asyncDispose]();
    throw error;
  }
  return { operator, ksk, zsk };
}

const isValid = async (operator: Operator): Promise<boolean> =>
  (await operator.validate(`www.${ZONE}`, 'A')) === 'fully validated' &&
  (await operator.validate(`absent.${ZONE}`, 'A')) === 'negative response, fully validated';

/** Days pass, and signatures are replaced in time: a validator is content on each. */
async function passDays(operator: Operator, days: number): Promise<void> {
  for (let left = days; left > 0; left -= 5) {
    await operator.pass(Math.min(5, left) * DAY);
    await operator.until(() => isValid(operator), `the zone validates, ${left} days before the next step`);
  }
}

/** Key tags in the DNSKEY RRset come to be these. */
async function shows(operator: Operator, ...files: string[]): Promise<void> {
  const wanted = files.map(tagOf).toSorted().join();
  await operator.until(async () => (await operator.dnskeyTags()).join() === wanted, `DNSKEY is ${files.join(', ')}`);
}

async function isSignedBy(operator: Operator, type: string, ...files: string[]): Promise<void> {
  const wanted = files.map(tagOf).toSorted().join();
  await operator.until(async () => (await operator.signersOf(type)).join() === wanted, `${type} has RRSIGs of ${files.join(', ')}`); // prettier-ignore
}

const RECIPES: Readonly<Record<string, (maker: Maker) => Promise<void>>> = {
  async 'ZSK rollover by hand: the successor is published a fortnight before it signs'(maker) {
    const { operator, ksk, zsk } = await begin(maker);
    await using _ = operator;
    // A month before: the old key gets its end, and its successor begins where it ends.
    await operator.run('dnssec-settime', '-I', '+30d', '-D', '+60d', `${zsk}.key`);
    const successor = await operator.run('dnssec-keygen', '-q', '-S', `${zsk}.key`, '-i', '15d');
    await operator.look();
    await shows(operator, ksk, zsk);
    await passDays(operator, 15);
    await shows(operator, ksk, zsk, successor);
    await isSignedBy(operator, 'SOA', zsk);
    // The day itself.
    await passDays(operator, 15);
    await isSignedBy(operator, 'SOA', successor);
    await isSignedBy(operator, 'DNSKEY', ksk);
    await shows(operator, ksk, zsk, successor);
    // A month after.
    await passDays(operator, 30);
    await shows(operator, ksk, successor);
    await isSignedBy(operator, 'SOA', successor);
    await isSignedBy(operator, 'NS', successor);
  },

  async 'KSK rollover by hand: the parent has both DS while the keys change (Double-DS)'(maker) {
    const { operator, ksk, zsk } = await begin(maker);
    await using _ = operator;
    // A month before: times, a successor that is shown when the old key ceases to sign, and its DS beside the old one.
    await operator.run('dnssec-settime', '-I', '+30d', '-D', '+60d', `${ksk}.key`);
    const successor = await operator.run('dnssec-keygen', '-q', '-S', `${ksk}.key`, '-i', '1h');
    await operator.giveDs(ksk, successor);
    await operator.look();
    await passDays(operator, 25);
    await shows(operator, ksk, zsk);
    await passDays(operator, 5);
    await shows(operator, ksk, zsk, successor);
    await isSignedBy(operator, 'DNSKEY', successor);
    // A month after: the old key leaves the zone, and its DS the parent.
    await passDays(operator, 30);
    await shows(operator, zsk, successor);
    await operator.giveDs(successor);
    assert.ok(await isValid(operator));
    await isSignedBy(operator, 'SOA', zsk);
  },

  async 'an emergency: a key that was stolen is replaced in a day, and the times of the plan are taken back'(maker) {
    const { operator, ksk, zsk } = await begin(maker);
    await using _ = operator;
    await operator.run('dnssec-settime', '-I', '+300d', '-D', '+330d', `${zsk}.key`);
    await operator.look();
    await passDays(operator, 5);
    const other = await operator.run('dnssec-keygen', '-q', '-a', '13', ZONE);
    await operator.run('dnssec-settime', '-A', '+2h', `${other}.key`);
    await operator.run('dnssec-settime', '-I', '+2h', '-D', '+2d', `${zsk}.key`);
    await operator.look();
    await shows(operator, ksk, zsk, other);
    await isSignedBy(operator, 'SOA', zsk);
    await operator.pass(2 * 3600);
    await isSignedBy(operator, 'SOA', other);
    // Taken back: the old key stays until somebody says when it goes.
    await operator.run('dnssec-settime', '-D', 'none', `${zsk}.key`);
    await passDays(operator, 5);
    await shows(operator, ksk, zsk, other);
    await operator.run('dnssec-settime', '-D', 'now', `${zsk}.key`);
    await operator.look();
    await shows(operator, ksk, other);
    await operator.until(() => isValid(operator), 'the zone validates without the old key');
  },
};

for (const maker of ['debian', 'ours'] satisfies Maker[])
  for (const [title, recipe] of Object.entries(RECIPES))
    test(`${title} (${maker === 'ours' ? 'our named' : "Debian's named"})`, () => recipe(maker));
