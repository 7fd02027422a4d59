import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { DAY, HOUR, type KeyStatus, Operator, ZONE } from './kasp-operator.ts';
import type { Maker } from './kasp-server.ts';

/* What `rndc dnssec -status` says of keys in a zone's life, and that `signet explain --json` says the same to programs. */

const POLICY = 'keys { ksk lifetime unlimited algorithm 13; zsk lifetime 60d algorithm 13; };';
const policy = (more = ''): string => `dnssec-policy standard { ${POLICY} ${more} };`;
const STATEMENT = 'dnssec-policy standard;';
const RECORDS = { dnskey: 'dnskey', ds: 'ds', zrrsig: 'zone rrsig', krrsig: 'key rrsig' } as const;

interface Moment {
  readonly unix: number;
}

interface ExplainedKey {
  readonly tag: number;
  readonly algorithmName: string;
  readonly role: string;
  readonly goal: string;
  readonly times: Readonly<Record<string, Moment | undefined>>;
  readonly records: readonly { readonly record: keyof typeof RECORDS; readonly condition: string }[];
}

async function explained(operator: Operator): Promise<ExplainedKey[]> {
  const text = await operator.run('signet', 'explain', ZONE, '--json', '-c', path.join(operator.home, 'named.conf'));
  return (JSON.parse(text) as { zones: { keys: ExplainedKey[] }[] }).zones[0].keys;
}

/** "Thu May 16 15:41:40 2030", as BIND prints times: in the time zone of the host. */
const calendar = (at: number): string => {
  const [day, month, date, year, time] = new Date(at * 1000).toString().split(' ');
  return `${day} ${month} ${date.replace(/^0/, ' ')} ${time} ${year}`;
};

/** Lines of the status as they follow from the explanation. */
function linesOf({ role, goal, times, records }: ExplainedKey): string[] {
  const since = (what: string, at: Moment | undefined): string =>
    at === undefined ? `${what} no` : `${what} yes - since ${calendar(at.unix)}`;
  const states = records.map(({ record, condition }) => `- ${RECORDS[record]}: ${condition}`);
  return [
    since('published:', times['publishedSince']),
    ...(role === 'ZSK' ? [] : [since('key signing:', times['keySigningSince'])]),
    ...(role === 'KSK' ? [] : [since('zone signing:', times['zoneSigningSince'])]),
    ...(times['nextRollover'] ? [`Next rollover scheduled on ${calendar(times['nextRollover'].unix)}`] : []),
    `- goal: ${goal}`,
    ...states,
  ];
}

async function compareForms(operator: Operator): Promise<void> {
  const told = await operator.status();
  const forPrograms = await explained(operator);
  assert.deepEqual(forPrograms.map(({ tag }) => String(tag)).toSorted(), told.map(({ tag }) => tag).toSorted());
  for (const key of forPrograms) {
    const { algorithm, role, lines } = told.find(({ tag }) => tag === String(key.tag))!;
    assert.deepEqual([key.algorithmName, key.role], [algorithm, role]);
    // What a rollover does with a key that goes is told in other words there; a time that is still to come belongs to a "no".
    const said = lines.map((line) => line.replaceAll(/(?<=:)\s+/g, ' ').replace(/(?<=: no) {2}- scheduled .*/, ''));
    const wanted = linesOf(key);
    const rest = said.filter((line) => !wanted.includes(line));
    assert.deepEqual(wanted.filter((line) => !said.includes(line)), [], lines.join('\n')); // prettier-ignore
    assert.ok(
      rest.every((line) => /^(?:No rollover|Key |Rollover is due|$)/.test(line)),
      rest.join('\n'),
    );
  }
}

test('S-085 status and its form for programs say the same: since when a key is shown and signs, its next rollover, goal and states', async () => {
  await using operator = await Operator.begin('ours', policy(), STATEMENT);
  await compareForms(operator);
  const moments: readonly (readonly [what: string, seconds: number])[] = [
    ['DNSKEY is known', 7500],
    ['signatures are known', DAY],
    ['the successor is published', 60 * DAY - 7500 - (7500 + DAY)],
    ['it signs', 7500],
    ['the old signatures are gone', 9 * DAY],
    ['the old key is forgotten', DAY + 3900],
  ];
  for (const [what, seconds] of moments) {
    await operator.pass(seconds);
    await compareForms(operator).catch((error: Error) => {
      throw new Error(`${what}: ${error.message}`, { cause: error });
    });
  }
  const zsks = (await explained(operator)).filter(({ role }) => role === 'ZSK');
  assert.equal(zsks.length, 2);
});

/** When the status of a KSK that is being replaced says that it retires; Unix seconds. */
async function removalPlanned(maker: Maker, more: string): Promise<number> {
  await using operator = await Operator.begin(maker, policy(more), STATEMENT);
  await operator.pass(7500);
  await operator.pass(DAY);
  const ksk = (await operator.status()).find(({ role }) => role === 'KSK')!;
  await operator.rndc('dnssec', '-checkds', 'published', ZONE);
  await operator.pass(3 * DAY);
  await operator.rndc('dnssec', '-rollover', '-key', ksk.tag, ZONE);
  await operator.look();
  const { lines } = (await operator.status()).find(({ tag }: KeyStatus) => tag === ksk.tag)!;
  const [, text] = lines.map((line) => /^Key will retire on (.*)$/.exec(line) ?? []).find(([found]) => found)!;
  return Date.parse(text) / 1000;
}

for (const maker of ['debian', 'ours'] satisfies Maker[])
  test(`S-057 parent-ds-ttl and parent-propagation-delay move the removal that is planned for a KSK by exactly the change (${maker === 'ours' ? 'our named' : "Debian's named"})`, async () => {
    const base = { ttl: DAY, delay: HOUR };
    const at = ({ ttl, delay }: typeof base): Promise<number> =>
      removalPlanned(maker, `parent-ds-ttl ${ttl}; parent-propagation-delay ${delay};`);
    const before = await at(base);
    assert.equal((await at({ ...base, ttl: base.ttl + 1234 })) - before, 1234);
    assert.equal((await at({ ...base, delay: base.delay + 77 })) - before, 77);
    assert.equal((await at({ ttl: base.ttl - 600, delay: base.delay + 50 })) - before, -550);
  });
