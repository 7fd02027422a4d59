import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { SeededRandom } from '../../src/base/random.ts';
import { EDNS_OPTION } from '../../src/wire/edns.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { askOddOverUdp, askOverUdp } from './questions/ask.ts';
import { askAll, askEach } from './questions/ask-all.ts';
import { ARGUED } from './questions/argued.ts';
import { type Difference, replyText, type Reply, reportText } from './questions/compare.ts';
import { QuestionMaker } from './questions/generate.ts';
import { oddQuestions } from './questions/odd.ts';
import { ARGUED_ODDITIES, judgeOdd } from './questions/odd-verdict.ts';
import { FourServers, SERVERS } from './questions/servers.ts';
import { type Asked, differencesOf, isTruncated, judge, lengthFault } from './questions/verdict.ts';
import { QUESTION_ZONES } from './questions/zones.ts';
import { writeZones, type ZoneFile } from './questions/servers.ts';
import { temporaryDirectory } from './serve-peers.ts';

/*
 * The same questions to us, BIND, NSD and Knot, which serve the same files. Answers are compared section by section;
 * what differs is argued in docs/decisions/0013-answers-of-four-servers.md, or a fault.
 */

const QUESTIONS = 12_000;
const DEFAULT_SEED = 4035;
const SEED = Number(process.env['SIGNET_SEED'] ?? DEFAULT_SEED);
const DECISION = path.resolve(import.meta.dirname, '../../docs/decisions/0013-answers-of-four-servers.md');
/** Differences that are printed whole. */
const MOST_PRINTED = 5;

describe(`answers of four servers (SIGNET_SEED=${SEED})`, { timeout: 500_000 }, () => {
  const directory = temporaryDirectory();
  let zones: ZoneFile[];
  let servers: FourServers;
  let asked: { readonly asked: Asked; readonly differences: readonly Difference[] }[];

  before(async () => {
    zones = await writeZones(directory.path, QUESTION_ZONES);
    servers = await FourServers.start(directory.path, zones);
    const questions = new QuestionMaker(zones, new SeededRandom(SEED)).make(QUESTIONS);
    asked = (await askAll(servers.ports, questions)).map((one) => ({ asked: one, differences: differencesOf(one) }));
  });

  after(async () => {
    await servers?.[Symbol.asyncDispose]();
    directory[Symbol.dispose]();
  });

  test('every difference is argued, and none in which we stand alone without an RFC', () => {
    const faults: string[] = [];
    const alone: string[] = [];
    for (const { asked: one, differences } of asked) {
      const verdict = judge(one, differences);
      if (verdict.unexplained.length > 0) faults.push(reportText(one.question, verdict.unexplained, one.replies));
      if (verdict.alone.length > 0)
        alone.push(`${verdict.alone[0]}\n${reportText(one.question, differences, one.replies)}`);
    }
    none(faults, 'answers differ and nothing argues for it');
    none(alone, 'answers differ from all three servers and no RFC demands it');
  });

  test('each argument explains something', { skip: SEED !== DEFAULT_SEED && 'random questions may miss some' }, () => {
    const used = new Set(asked.flatMap(({ asked: one, differences }) => [...judge(one, differences).used]));
    const unused = ARGUED.map(({ id }) => id).filter((id) => !used.has(id));
    assert.deepEqual(unused, [], 'arguments for nothing');
  });

  test('RFC 2181 section 9: ours are truncated where they do not fit, and only there', () => {
    const faults = asked.flatMap(({ asked: one }) => {
      const fault = lengthFault(one);
      return fault === undefined ? [] : [`${fault}\n${reportText(one.question, [], one.replies)}`];
    });
    none(faults, 'answers of ours have a wrong length');
    const cut = asked.filter(({ asked: one }) => isTruncated(one.replies.ours)).length;
    assert.ok(cut > QUESTIONS / 100, `${cut} answers of ours are truncated: the questions do not try that`);
  });

  test('RFC 1035 section 4.1.4: ours are not larger than those of BIND with the same content', (t) => {
    let ours = 0;
    let theirs = 0;
    const larger: { readonly more: number; readonly text: string }[] = [];
    for (const { asked: one, differences } of asked) {
      const { replies, question } = one;
      if (isTruncated(replies.ours) || isTruncated(replies.bind)) continue;
      if (differences.some(({ peer, aspect }) => peer === 'bind' && aspect !== 'case')) continue;
      const more = octetsOf(replies.ours) - octetsOf(replies.bind);
      ours += octetsOf(replies.ours);
      theirs += octetsOf(replies.bind);
      if (more > 0) larger.push({ more, text: `${more} octets more: ${question.text}` });
    }
    larger.sort((a, b) => b.more - a.more);
    t.diagnostic(`${ours} octets, BIND's ${theirs}; ${larger.length} answers are larger than BIND's`);
    for (const { text } of larger.slice(0, MOST_PRINTED)) t.diagnostic(text);
    assert.ok(ours <= theirs, `our answers have ${ours} octets, BIND's ${theirs}`);
  });

  test('an answer that is kept for the next who asks is the same, octet for octet', async () => {
    const overUdp = asked.filter(({ asked: one }) => one.question.query?.tcp !== true);
    const questions = overUdp.map(({ asked: one }) => one.question.octets);
    for (let times = 0; times < 2; times++) {
      const again = await askOverUdp(servers.ports.ours, questions);
      const faults = overUdp.flatMap(({ asked: { question, replies } }, i) => {
        const first = replies.ours.kind === 'message' ? replies.ours.octets : new Uint8Array(0);
        return Buffer.compare(first, again[i] ?? new Uint8Array(0)) === 0 ? [] : [question.text];
      });
      none(faults, 'answers differ when they are asked for again');
    }
  });

  test('odd messages are answered, or not, as BIND does it', async () => {
    const questions = oddQuestions(new SeededRandom(SEED));
    const apex = mustName(zones[0].apex);
    const replies = await askEach(servers.ports, questions, (port, octets) => askOddOverUdp(port, octets, apex));
    const faults = questions.flatMap((question, i) => {
      if (judgeOdd(question, replies[i]) !== undefined) return [];
      const texts = SERVERS.map((server) => replyText(server, replies[i][server]));
      return [`${question.text}: ${Buffer.from(question.octets).toString('hex')}\n${texts.join('\n')}`];
    });
    none(faults, 'odd messages get another answer than from BIND');
  });

  test('each argument stands in the decision, under its own heading', () => {
    const headings = new Set(
      [...fs.readFileSync(DECISION, 'utf8').matchAll(/^- \*\*([a-z0-9-]+)\*\*/gm)].map(([, id]) => id),
    );
    const ids = new Set([...ARGUED, ...ARGUED_ODDITIES].map(({ id }) => id));
    assert.deepEqual(
      [...ids].filter((id) => !headings.has(id)),
      [],
      'not in the decision',
    );
    assert.deepEqual([...headings].filter((id) => !ids.has(id)), [], 'in the decision only'); // prettier-ignore
  });
});

function none(faults: readonly string[], what: string): void {
  const text = faults.slice(0, MOST_PRINTED).join('\n\n');
  assert.equal(faults.length, 0, `${faults.length} ${what} (SIGNET_SEED=${SEED}):\n${text}`);
}

/** Octets of an answer without extended errors, which each server has of its own. */
function octetsOf(reply: Reply): number {
  if (reply.kind !== 'message') return 0;
  const own = reply.message.edns?.options.filter(({ code }) => code === EDNS_OPTION.EDE || code === EDNS_OPTION.COOKIE);
  return (own ?? []).reduce((sum, { data }) => sum - 4 - data.length, reply.octets.length);
}
