import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom, randomBelow } from '../../src/base/random.ts';
import { makeQuery, type Message, type ResourceRecord, writeMessage } from '../../src/wire/message.ts';
import { compareCanonicalNames, type Name, nameKey, parentName, prependLabel } from '../../src/wire/name.ts';
import { mustName, nameToText } from '../../src/wire/name-text.ts';
import { rdataToText } from '../../src/wire/rdata-text.ts';
import { FLAG } from '../../src/wire/header.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';
import { typeText } from '../../src/wire/type-text.ts';
import { labelCount, lowerName } from '../../src/wire/name.ts';
import { freePort, serve, signZone, SIGNED, startNamed, temporaryDirectory, UdpClient } from './serve-peers.ts';
import { ANSWER_LIMITS } from '../../src/server/server-tables.ts';
import { scanZone } from '../server/zone-fixture.ts';
import { ZONES } from './serve-zones.ts';

/* The same questions to Debian's named and to us, over the same signed zones: answers have the same sections. */

const QUESTIONS = 2000;
const APEXES = Object.keys(ZONES) as (keyof typeof ZONES)[];

for (const kind of ['nsec', 'nsec3', 'optOut'] as const)
  test(`S-026 S-027 answers equal named's, section by section (${kind})`, { timeout: 500_000 }, async () => {
    using directory = temporaryDirectory();
    const signed = new Map<string, string>();
    let statements = '';
    for (const apex of APEXES) {
      const { text, file } = await signZone(directory.path, apex, ZONES[apex], SIGNED[kind]);
      signed.set(apex, text);
      statements += `zone "${apex}" { type primary; file "${file}"; };\n`;
    }
    const theirs = await freePort();
    await using _named = await startNamed(directory.path, theirs, statements);
    await using ours = await serve(signed, { limits: { ...ANSWER_LIMITS, minimalAny: false } });
    using client = new UdpClient();
    const differences: string[] = [];
    let tight = 0;
    const questions = generate(signed);
    for (let i = 0; i < questions.length; i += 50)
      await Promise.all(
        questions.slice(i, i + 50).map(async ({ query, text }) => {
          const [mine, reference] = await Promise.all([client.ask(ours.port, query), client.ask(theirs, query)]);
          const difference = compare(mine, reference);
          if (((mine.flags ^ reference.flags) & FLAG.TC) !== 0) tight++;
          if (difference !== undefined) differences.push(`${text}\n${difference}`);
        }),
      );
    assert.deepEqual(differences.slice(0, 10), [], `${differences.length} of ${questions.length} answers differ`);
    // Our compression and theirs differ by a few octets: hardly ever do they decide differently whether an answer fits.
    assert.ok(tight <= questions.length / 100, `${tight} of ${questions.length} are truncated by one of us only`);
  });

interface Generated {
  readonly query: Uint8Array;
  readonly text: string;
}

const TYPES = [
  TYPE.A, TYPE.AAAA, TYPE.NS, TYPE.MX, TYPE.TXT, TYPE.CNAME, TYPE.DNAME, TYPE.SOA, TYPE.DS, TYPE.DNSKEY, TYPE.NSEC,
  TYPE.SRV, TYPE.NSEC3PARAM, TYPE.ANY, TYPE.RRSIG, 65_280,
]; // prettier-ignore

/** Every name with a few types, and names near those that exist. */
function generate(signed: ReadonlyMap<string, string>): Generated[] {
  const random = new SeededRandom(4035);
  const below = (limit: number): number => randomBelow(random, limit);
  const owners = [...signed].flatMap(([apex, text]) => scanZone(apex, text).map(({ owner }) => owner));
  // dnssec-signzone writes names in the order its threads finish them: sorted, the questions are the same in every run.
  const names = [...new Map(owners.map((owner) => [nameKey(owner), owner])).values()].sort(compareCanonicalNames);
  return Array.from({ length: QUESTIONS }, (_, id) => {
    let name = names[id % names.length];
    for (let steps = below(4); steps > 0; steps--) name = vary(name, below);
    const type = TYPES[below(TYPES.length)];
    const flags = below(2) === 0 ? FLAG.RD : 0;
    const udpSize = [512, 1232, 4096][below(3)];
    const edns = below(5) === 0 ? undefined : { udpSize, version: 0, dnssecOk: below(3) > 0, options: [] };
    const question = { name, type, class: CLASS.IN };
    const dnssec = edns === undefined ? 'no edns' : `${edns.dnssecOk ? 'do' : 'no do'} size ${udpSize}`;
    const text = `${nameToText(name)} ${typeText(type)} ${flags === 0 ? '' : 'rd'} ${dnssec}`;
    return { query: writeMessage(makeQuery(id, question, flags, edns)), text };
  });
}

const LABELS = ['a', '*', 'zz', 'ns1', 'www', 'A\u0000', 'wild', '0', '~'];

function vary(name: Name, below: (limit: number) => number): Name {
  const label = Buffer.from(LABELS[below(LABELS.length)], 'latin1');
  switch (below(4)) {
    case 0:
      return prependLabel(label, name) ?? name;
    case 1:
      return labelCount(name) > 2 ? parentName(name) : name;
    case 2:
      return (labelCount(name) > 2 && prependLabel(label, parentName(name))) || name;
    default: {
      const upper = Uint8Array.from(name) as Name;
      for (let i = 1; i < upper.length; i++) if (upper[i] >= 0x61 && below(2) === 0) upper[i] -= 0x20;
      return mustName(nameToText(upper));
    }
  }
}

function compare(mine: Message, theirs: Message): string | undefined {
  const flags = FLAG.AA | FLAG.RD | FLAG.RA | FLAG.AD | FLAG.CD;
  if (mine.rcode !== theirs.rcode) return `rcode ${mine.rcode}, named ${theirs.rcode}`;
  if ((mine.flags & flags) !== (theirs.flags & flags))
    return `flags ${mine.flags.toString(16)}, named ${theirs.flags.toString(16)}`;
  // Which RRsets fit depends on the order they are written in; what is truncated is asked for again over TCP.
  if (((mine.flags | theirs.flags) & FLAG.TC) !== 0) return undefined;
  return (
    sameSets('answer', mine.answers, theirs.answers) ??
    sameSets('authority', mine.authorities, theirs.authorities) ??
    sameSets('additional', mine.additionals, theirs.additionals)
  );
}

function sameSets(
  section: string,
  mine: readonly ResourceRecord[],
  theirs: readonly ResourceRecord[],
): string | undefined {
  const ours = recordLines(mine);
  const reference = recordLines(theirs);
  const extra = ours.filter((line) => !reference.includes(line));
  const missing = reference.filter((line) => !ours.includes(line));
  if (extra.length + missing.length === 0 && ours.length === reference.length) return undefined;
  return `${section}: too much: ${extra.join(' | ')}\n  missing: ${missing.join(' | ')}`;
}

/** Owners without their case: what a wildcard is expanded to has the question's with us and a mixture with named. */
function recordLines(records: readonly ResourceRecord[]): string[] {
  return records.map(
    ({ owner, type, ttl, rdata }) =>
      `${nameToText(lowerName(owner))} ${ttl} ${typeText(type)} ${rdataToText(type, rdata)}`,
  );
}
