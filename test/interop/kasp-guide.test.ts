import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { DAY, HOUR, Operator, ZONE } from './kasp-operator.ts';
import type { Maker } from './kasp-server.ts';

/*
 * What BIND's DNSSEC Guide describes (key and signing policy, "Advanced Discussions", "Recipes"), done as it says, by rndc, dig and delv.
 * Each recipe is tried with Debian's named first: a test that BIND does not pass would prove nothing.
 */

const KEYS = `keys { ksk lifetime unlimited algorithm 13; zsk lifetime unlimited algorithm 13; };`;
const NSEC3 = 'nsec3param iterations 0 optout no salt-length 0;';
const STANDARD = `dnssec-policy standard { keys { ksk lifetime unlimited algorithm 13; zsk lifetime 60d algorithm 13; }; };`;
const standard = 'dnssec-policy standard;';

/** A new zone until the parent has the DS and everybody knows it: two hours and five minutes, a day, a day and two hours. */
async function makeSecure(operator: Operator): Promise<void> {
  await operator.pass(7500);
  await operator.pass(DAY);
  await operator.until(async () => (await operator.rdata('CDS')).length > 0, 'CDS is shown');
  await operator.letParentFollow();
  await operator.rndc('dnssec', '-checkds', 'published', ZONE);
  await operator.pass(26 * HOUR);
  assert.equal(await operator.validate(`www.${ZONE}`, 'A'), 'fully validated');
}

/** The first CDS begins so. */
async function shows(operator: Operator, start: string): Promise<boolean> {
  return (await operator.rdata('CDS')).at(0)?.startsWith(start) ?? false;
}

async function tagOf(operator: Operator, role: string): Promise<string> {
  const found = (await operator.status()).filter((key) => key.role === role);
  assert.equal(found.length, 1, role);
  return found[0].tag;
}

/** Waits until it is so: BIND signs, and takes signatures away, piece by piece, and shows what it has. */
async function comesTo<Value>(
  operator: Operator,
  what: string,
  look: () => Promise<Value>,
  wanted: Value,
): Promise<void> {
  await operator.until(async () => isDeepStrictEqual(await look(), wanted), `${what}: ${String(wanted)}`);
}

const RECIPES: Readonly<Record<string, (maker: Maker) => Promise<void>>> = {
  async 'S-069 S-070 (part) S-085 (part) ZSK rollover: pre-publication, at its own time'(maker) {
    await using operator = await Operator.begin(maker, STANDARD, standard);
    await makeSecure(operator);
    const [ksk, old] = [await tagOf(operator, 'KSK'), await tagOf(operator, 'ZSK')];
    const [status] = (await operator.status()).filter((key) => key.tag === old);
    assert.ok(status.lines.some((line) => /^Next rollover scheduled on Thu May 16 15:41:40 2030$/.test(line)));
    // Two hours and five minutes before the day: the successor is published and signs nothing.
    await operator.pass(60 * DAY - 7500 - (7500 + DAY + 26 * HOUR));
    await operator.until(async () => (await operator.dnskeyTags()).length === 3, 'the successor is published');
    const [successor] = (await operator.dnskeyTags()).filter((tag) => tag !== ksk && tag !== old);
    assert.deepEqual(await operator.signersOf('SOA'), [old]);
    assert.equal(await operator.statesOf(successor), 'goal: omnipresent, dnskey: rumoured, zone rrsig: hidden');
    assert.equal(await operator.statesOf(old), 'goal: hidden, dnskey: omnipresent, zone rrsig: omnipresent');
    // The day itself: the SOA has the successor's signature and not the old key's any more.
    await operator.pass(7500);
    await operator.until(async () => (await operator.signersOf('SOA'))[0] === successor, 'the successor signs');
    assert.deepEqual(await operator.signersOf('SOA'), [successor]);
    assert.deepEqual(await operator.dnskeyTags(), [ksk, old, successor].toSorted());
    assert.equal(await operator.validate(ZONE, 'SOA'), 'fully validated');
    // Signatures of the old key are replaced within nine days, and gone from caches a day, an hour and five minutes later.
    await operator.pass(9 * DAY);
    await operator.pass(DAY + 3900);
    await operator.until(async () => (await operator.dnskeyTags()).length === 2, 'the old key is gone');
    assert.deepEqual(await operator.dnskeyTags(), [ksk, successor].toSorted());
    assert.equal(await operator.validate(`www.${ZONE}`, 'A'), 'fully validated');
    await operator.pass(7500);
    assert.equal(await operator.statesOf(old), 'goal: hidden, dnskey: hidden, zone rrsig: hidden');
  },

  async 'S-071 (part) S-073 (part) S-079 (part) S-080 (part) S-083 (part) KSK rollover: it waits for the DS, and for the end of the old one'(
    maker,
  ) {
    await using operator = await Operator.begin(maker, `dnssec-policy standard { ${KEYS} };`, standard);
    await makeSecure(operator);
    const old = await tagOf(operator, 'KSK');
    await operator.rndc('dnssec', '-rollover', '-key', old, ZONE);
    await operator.look();
    await operator.until(async () => (await operator.dnskeyTags()).length === 3, 'the successor is published');
    const [successor] = (await operator.status()).filter(({ role, tag }) => role === 'KSK' && tag !== old);
    assert.deepEqual(await operator.signersOf('DNSKEY'), [old, successor.tag].toSorted());
    await operator.pass(7500);
    await operator.until(async () => shows(operator, `${successor.tag} `), 'CDS changes');
    // The parent does nothing for a year: nothing is given up.
    for (const wait of [DAY, 30 * DAY, 365 * DAY]) {
      await operator.pass(wait);
      assert.match(await operator.statesOf(old), /dnskey: omnipresent, ds: unretentive, key rrsig: omnipresent/);
      assert.deepEqual(await operator.signersOf('DNSKEY'), [old, successor.tag].toSorted());
      assert.equal(await operator.validate(ZONE, 'SOA'), 'fully validated');
    }
    await operator.letParentFollow();
    await operator.rndc('dnssec', '-checkds', '-key', successor.tag, 'published', ZONE);
    await operator.pass(30 * DAY);
    // The chain of trust goes through the successor; that the old DS is gone has to be said still.
    assert.match(await operator.statesOf(old), /goal: hidden, .*ds: unretentive/);
    assert.equal(await operator.validate(ZONE, 'SOA'), 'fully validated');
    await operator.rndc('dnssec', '-checkds', '-key', old, 'withdrawn', ZONE);
    await operator.pass(26 * HOUR);
    await operator.pass(7500);
    assert.match(await operator.statesOf(old), /goal: hidden, dnskey: hidden, ds: hidden, key rrsig: hidden/);
    await operator.until(async () => (await operator.dnskeyTags()).length === 2, 'the old key is gone');
    assert.deepEqual(await operator.signersOf('DNSKEY'), [successor.tag]);
    assert.equal(await operator.validate(ZONE, 'SOA'), 'fully validated');
  },

  async 'S-072 (part) S-084 CSK rollover of a key with unlimited lifetime'(maker) {
    await using operator = await Operator.begin(maker, '', 'dnssec-policy default;');
    await makeSecure(operator);
    const old = await tagOf(operator, 'CSK');
    await operator.rndc('dnssec', '-rollover', '-key', old, ZONE);
    await operator.look();
    await operator.until(async () => (await operator.dnskeyTags()).length === 2, 'the successor is published');
    const [successor] = (await operator.dnskeyTags()).filter((tag) => tag !== old);
    assert.deepEqual(await operator.signersOf('SOA'), [old]);
    await operator.pass(7500);
    await operator.until(async () => (await operator.signersOf('SOA')).includes(successor), 'the successor signs');
    await operator.until(async () => shows(operator, `${successor} `), 'CDS changes');
    await operator.letParentFollow();
    await operator.rndc('dnssec', '-checkds', '-key', successor, 'published', ZONE);
    await operator.rndc('dnssec', '-checkds', '-key', old, 'withdrawn', ZONE);
    await operator.pass(26 * HOUR);
    assert.equal(await operator.validate(`www.${ZONE}`, 'A'), 'fully validated');
    // Nine days until the last signature is replaced; the replacing itself takes a moment, and a day, an hour and five minutes count from it.
    for (const wait of [9 * DAY, DAY + 3900, 7500]) await operator.pass(wait);
    await operator.until(async () => (await operator.dnskeyTags()).length === 1, 'the old key is gone');
    assert.deepEqual(await operator.dnskeyTags(), [successor]);
    assert.equal(await operator.validate(`www.${ZONE}`, 'A'), 'fully validated');
  },

  async 'S-089 (part) algorithm rollover: all is signed twice until the DS has changed'(maker) {
    await using operator = await Operator.begin(maker, `dnssec-policy standard { ${KEYS} };`, standard);
    await makeSecure(operator);
    await operator.reconfigure(`dnssec-policy standard { ${KEYS.replaceAll('13', '14')} };`, standard);
    await operator.look();
    await operator.until(async () => (await operator.signersOf('SOA')).length === 2, 'both algorithms sign');
    // BIND shows the keys at once, ours when the signatures are known everywhere (RFC 6781 section 4.1.4).
    await operator.pass(DAY + 3900);
    await operator.until(async () => (await operator.dnskeyTags()).length === 4, 'keys of both algorithms are shown');
    await operator.until(async () => (await operator.signersOf('DNSKEY')).length === 2, 'both sign the DNSKEY RRset');
    assert.equal(await operator.validate(`www.${ZONE}`, 'A'), 'fully validated');
    await operator.pass(7500);
    await operator.pass(DAY);
    await operator.until(
      async () => (await operator.rdata('CDS')).every((one) => one.includes(' 14 2 ')),
      'CDS changes',
    );
    const keys = (await operator.status()).filter(({ role }) => role === 'KSK');
    const [old, successor] = [13, 14].map((n) =>
      keys.find(({ algorithm }) => algorithm.includes(n === 13 ? '256' : '384'))!,
    );
    await operator.letParentFollow();
    assert.equal(await operator.validate(`www.${ZONE}`, 'A'), 'fully validated');
    await operator.rndc('dnssec', '-checkds', '-key', successor.tag, 'published', ZONE);
    await operator.rndc('dnssec', '-checkds', '-key', old.tag, 'withdrawn', ZONE);
    for (const wait of [26 * HOUR, 26 * HOUR, 9 * DAY, DAY + 3900, 7500, 26 * HOUR]) await operator.pass(wait);
    await operator.until(async () => (await operator.dnskeyTags()).length === 2, 'the old algorithm is gone');
    assert.deepEqual(
      (await operator.rdata('DNSKEY')).map((one) => one.slice(0, 8)),
      ['256 3 14', '257 3 14'],
    );
    await comesTo(operator, 'signers of the SOA', async () => (await operator.signersOf('SOA')).length, 1);
    assert.equal(await operator.validate(`www.${ZONE}`, 'A'), 'fully validated');
  },

  async 'S-089 (part) NSEC to NSEC3 and back'(maker) {
    await using operator = await Operator.begin(maker, `dnssec-policy standard { ${KEYS} };`, standard);
    await makeSecure(operator);
    const absent = async (): Promise<string> =>
      operator.dig('+dnssec', '+noall', '+authority', `thereisnowaythisexists.${ZONE}`, 'A');
    assert.match(await absent(), /\sNSEC\s/);
    await operator.reconfigure(`dnssec-policy standard { ${KEYS} ${NSEC3} };`, standard);
    await operator.until(async () => /\sNSEC3\s+1 0 0 - /.test(await absent()), 'NSEC3 is used');
    await comesTo(operator, 'NSEC3PARAM', () => operator.rdata('NSEC3PARAM'), ['1 0 0 -']);
    await comesTo(
      operator,
      'delv',
      () => operator.validate(`absent.${ZONE}`, 'A'),
      'negative response, fully validated',
    );
    await operator.reconfigure(`dnssec-policy standard { ${KEYS} };`, standard);
    await operator.until(async () => /\sNSEC\s/.test(await absent()), 'NSEC is used');
    await comesTo(operator, 'NSEC3PARAM', () => operator.rdata('NSEC3PARAM'), []);
    await comesTo(
      operator,
      'delv',
      () => operator.validate(`absent.${ZONE}`, 'A'),
      'negative response, fully validated',
    );
  },

  async 'S-065 (part) S-087 (part) S-088 reverting to unsigned'(maker) {
    await using operator = await Operator.begin(maker, `dnssec-policy standard { ${KEYS} };`, standard);
    await makeSecure(operator);
    const ksk = await tagOf(operator, 'KSK');
    await operator.reconfigure('', 'dnssec-policy insecure;');
    await operator.look();
    await operator.until(async () => shows(operator, '0 0 0 '), 'CDS asks for deletion');
    assert.deepEqual(await operator.rdata('CDS'), ['0 0 0 00']);
    assert.deepEqual(await operator.rdata('CDNSKEY'), ['0 3 0 AA==']);
    assert.match(await operator.statesOf(ksk), /goal: hidden, dnskey: omnipresent, ds: unretentive/);
    await operator.pass(30 * DAY);
    assert.equal(await operator.validate(`www.${ZONE}`, 'A'), 'fully validated');
    await operator.letParentFollow();
    assert.deepEqual(operator.ds, []);
    await operator.rndc('dnssec', '-checkds', '-key', ksk, 'withdrawn', ZONE);
    // The DS is known to be gone a day and two hours later; until then the zone stays as it is.
    await operator.pass(26 * HOUR - 1);
    assert.equal((await operator.dnskeyTags()).length, 2);
    assert.equal((await operator.signersOf('SOA')).length, 1);
    await operator.pass(1);
    for (const wait of [26 * HOUR, 20 * DAY, 7500, 26 * HOUR]) await operator.pass(wait);
    await operator.until(async () => (await operator.dnskeyTags()).length === 0, 'no DNSKEY is left');
    await comesTo(operator, 'signers of the SOA', () => operator.signersOf('SOA'), []);
    await comesTo(operator, 'CDS', () => operator.rdata('CDS'), []);
    await comesTo(operator, 'NSEC', () => operator.rdata('NSEC'), []);
    // The last step of the recipe: no policy at all.
    await operator.reconfigure('', 'dnssec-policy none;');
    assert.deepEqual(await operator.rdata('A', `www.${ZONE}`), ['192.0.2.1']);
    assert.deepEqual(await operator.rdata('DNSKEY'), []);
  },
};

for (const maker of ['debian', 'ours'] satisfies Maker[])
  for (const [title, recipe] of Object.entries(RECIPES))
    test(`${title} (${maker === 'ours' ? 'our named' : "Debian's named"})`, () => recipe(maker));
