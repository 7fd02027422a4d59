import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SystemClock } from '../../src/base/clock.ts';
import { SystemRandom } from '../../src/base/random.ts';
import type { Agent } from '../../src/parent/agent.ts';
import { type Answered, DnsClient, type DnsClientOptions } from '../../src/parent/dns-client.ts';
import { FLAG } from '../../src/wire/header.ts';
import { parseMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { appendTsigError, signTsig, type TsigKey, verifyTsig } from '../../src/wire/tsig.ts';
import { CLASS, RCODE, TYPE } from '../../src/wire/type-codes.ts';
import { answerTo, type Asked, type Behaviour, record, TestAgent } from './test-agent.ts';

const ZONE = mustName('child.example.');
const QUESTION = { name: ZONE, type: TYPE.DS, class: CLASS.IN };
const DS = record(ZONE, TYPE.DS, Uint8Array.of(0, 1, 13, 2, ...new Uint8Array(32)));
const KEY: TsigKey = { name: mustName('k.'), algorithm: 'hmac-sha256', secret: new Uint8Array(32).fill(7) };

/** Where nothing is to come. */
const QUICK: DnsClientOptions = { udpWait: 40, udpAttempts: 3, streamLimit: 300 };
/** Where an answer is to come, however busy the host is. */
const PATIENT: DnsClientOptions = { udpWait: 60_000, udpAttempts: 3, streamLimit: 60_000 };
/** Where something comes that is not to end the wait. */
const IN_VAIN: DnsClientOptions = { udpWait: 1500, udpAttempts: 3, streamLimit: 60_000 };

function ask(
  agent: Agent,
  options: DnsClientOptions = PATIENT,
  signal = new AbortController().signal,
): Promise<Answered> {
  const client = new DnsClient(options, { clock: new SystemClock(), random: new SystemRandom() });
  return client.ask(QUESTION, agent, FLAG.RD, signal);
}

const withDs: Behaviour = (asked) => [answerTo(asked, { answers: [DS] })];
const silent: Behaviour = () => [];

function faultOf(answered: Answered): string {
  assert.ok('fault' in answered, 'an answer came');
  return answered.fault;
}

function countOf(answered: Answered): number {
  assert.ok('message' in answered, 'fault' in answered ? answered.fault : '');
  return answered.message.answers.length;
}

test('S-075 a DS query over UDP: EDNS with DO, RD, a random id and port each time', async () => {
  await using server = await TestAgent.start(withDs);
  for (let i = 0; i < 8; i++) assert.equal(countOf(await ask(server.agent)), 1);
  const [{ message, via }] = server.asked;
  assert.equal(via, 'UDP');
  assert.equal(message.flags, FLAG.RD);
  assert.deepEqual(message.questions, [QUESTION]);
  assert.deepEqual([message.edns?.udpSize, message.edns?.dnssecOk], [1232, true]);
  assert.ok(new Set(server.asked.map(({ message: { id } }) => id)).size > 4, 'ids repeat');
  assert.ok(new Set(server.asked.map(({ port }) => port)).size > 4, 'ports repeat');
});

test('S-075 the DS query is repeated when no answer comes, and given up after three', async () => {
  let dropped = 0;
  await using slow = await TestAgent.start((asked) => (++dropped < 3 ? [] : withDs(asked)));
  assert.equal(countOf(await ask(slow.agent, { ...PATIENT, udpWait: 5000 })), 1);
  assert.equal(slow.asked.length, 3);
  await using dead = await TestAgent.start(silent);
  assert.equal(faultOf(await ask(dead.agent, QUICK)), 'it does not answer');
  await dead.wasAsked(3);
  assert.equal(dead.asked.length, 3);
});

test('S-075 a cut answer is fetched over TCP, in however many segments', async () => {
  const cut: Behaviour = (asked) =>
    asked.via === 'UDP' ? [answerTo(asked, { flags: FLAG.QR | FLAG.AA | FLAG.TC })] : withDs(asked);
  await using server = await TestAgent.start(cut);
  assert.equal(countOf(await ask(server.agent)), 1);
  assert.deepEqual(server.asked.map(({ via }) => via), ['UDP', 'TCP']); // prettier-ignore
});

test('TCP: closed without an answer, silent, refused, or with the answer to something else', async () => {
  const overTcp =
    (then: Behaviour): Behaviour =>
    (asked) =>
      asked.via === 'UDP' ? [answerTo(asked, { flags: FLAG.QR | FLAG.TC })] : then(asked);
  await using closing = await TestAgent.start(overTcp(silent));
  assert.equal(faultOf(await ask(closing.agent)), 'it closed the connection without an answer');
  // An answer that promises more octets than it has.
  await using stalling = await TestAgent.start(overTcp(() => [new Uint8Array(0)]));
  assert.match(faultOf(await ask(stalling.agent)), /another question over TCP/);
  const other = (asked: Asked): Uint8Array => answerTo({ message: { ...asked.message, id: asked.message.id ^ 1 } });
  await using lying = await TestAgent.start(overTcp((asked) => [other(asked)]));
  assert.match(faultOf(await ask(lying.agent)), /another question over TCP/);
  await using gone = await TestAgent.start(overTcp(silent));
  await gone[Symbol.asyncDispose]();
  assert.equal(faultOf(await ask({ ...gone.agent, tls: {} })), 'it takes no connections over TCP');
});

test('RFC 5452 answers with another id, question, opcode, sender or without QR are not the answer', async () => {
  await using stranger = await TestAgent.start(silent);
  const wrong = (asked: Asked): Uint8Array[] => {
    const { message } = asked;
    return [
      answerTo({ message: { ...message, id: message.id ^ 1 } }, { answers: [DS] }),
      answerTo({ message: { ...message, questions: [{ ...QUESTION, type: TYPE.A }] } }, { answers: [DS] }),
      answerTo({ message: { ...message, questions: [{ ...QUESTION, name: mustName('x.') }] } }, { answers: [DS] }),
      answerTo({ message: { ...message, questions: [QUESTION, QUESTION] } }, { answers: [DS] }),
      answerTo({ message: { ...message, questions: [] } }, { answers: [DS] }),
      answerTo(asked, { flags: FLAG.AA, answers: [DS] }),
      answerTo(asked, { opcode: 4, answers: [DS] }),
      asked.octets,
      new Uint8Array(3),
    ];
  };
  await using server = await TestAgent.start((asked) => wrong(asked));
  assert.equal(faultOf(await ask(server.agent, { ...QUICK, udpAttempts: 1 })), 'it does not answer');
  server.behave = (asked) => [...wrong(asked), ...withDs(asked)];
  assert.equal(countOf(await ask(server.agent, { ...PATIENT, udpAttempts: 1 })), 1);
  // Right in all but the port that it comes from.
  server.behave = (asked) => {
    stranger.send(withDs(asked)[0], asked.address, asked.port);
    return [];
  };
  assert.equal(faultOf(await ask(server.agent, QUICK)), 'it does not answer');
});

test('RFC 5452 somebody who guesses ids sends the question to TCP', async () => {
  const guess: Behaviour = (asked) =>
    asked.via === 'TCP'
      ? withDs(asked)
      : Array.from({ length: 12 }, (_, i) =>
          answerTo({ message: { ...asked.message, id: (asked.message.id + i + 1) & 0xffff } }),
        );
  await using server = await TestAgent.start(guess);
  assert.equal(countOf(await ask(server.agent)), 1);
  assert.equal(server.asked.at(-1)?.via, 'TCP');
});

test('an answer that cannot be read is named, and a good one after it still counts', async () => {
  const broken = (asked: Asked): Uint8Array => answerTo(asked, { answers: [DS] }).subarray(0, -5);
  await using server = await TestAgent.start((asked) => [broken(asked)]);
  assert.match(faultOf(await ask(server.agent, IN_VAIN)), /its answer is malformed/);
  server.behave = (asked) => [broken(asked), ...withDs(asked)];
  assert.equal(countOf(await ask(server.agent)), 1);
});

test('an error without its question is an answer', async () => {
  const servfail: Behaviour = (asked) => [answerTo(asked, { rcode: RCODE.SERVFAIL, questions: [] })];
  await using server = await TestAgent.start(servfail);
  const answered = await ask(server.agent);
  assert.equal('message' in answered && answered.message.rcode, RCODE.SERVFAIL);
});

/** As servers that know no EDNS answer: without an OPT record, with the question or without it. */
const noEdns =
  (rcode: number, questions?: readonly []): Behaviour =>
  (asked) => {
    if (asked.message.edns === undefined) return withDs(asked);
    const { edns: _, ...message } = asked.message;
    return [answerTo({ message }, { rcode, ...(questions && { questions }) })];
  };

test('RFC 6891 section 7 FORMERR or NOTIMP without OPT: the question goes once more without EDNS, and that answer counts', async () => {
  for (const behave of [
    noEdns(RCODE.FORMERR),
    noEdns(RCODE.FORMERR, []),
    noEdns(RCODE.NOTIMP),
    noEdns(RCODE.NOTIMP, []),
  ]) {
    await using server = await TestAgent.start(behave);
    const answered = await ask(server.agent, PATIENT);
    assert.equal(countOf(answered), 1);
    assert.ok('message' in answered && answered.isPlain === true);
    const [first, second, ...more] = server.asked;
    assert.deepEqual([first.message.edns?.dnssecOk, second.message.edns, more.length], [true, undefined, 0]);
    assert.deepEqual(second.message.questions, [QUESTION]);
    assert.equal(second.message.flags, FLAG.RD);
  }
});

test('RFC 6891 section 7 over TCP too, and after a cut answer', async () => {
  const plain = noEdns(RCODE.FORMERR);
  const cut: Behaviour = (asked) =>
    asked.via === 'UDP' ? [answerTo(asked, { flags: FLAG.QR | FLAG.AA | FLAG.TC })] : plain(asked);
  await using server = await TestAgent.start(cut);
  assert.equal(countOf(await ask(server.agent)), 1);
  const ways = server.asked.map(({ via, message }) => `${via} ${message.edns === undefined ? 'plain' : 'EDNS'}`);
  assert.deepEqual(ways, ['UDP EDNS', 'TCP EDNS', 'UDP plain', 'TCP plain']);
});

test('RFC 6891 section 7 with TSIG: an error that is not signed is believed only when nothing better comes', async () => {
  const isPlain = ({ message }: Asked): boolean => message.edns === undefined;
  const unsigned = noEdns(RCODE.FORMERR);
  await using server = await TestAgent.start((asked) => (isPlain(asked) ? [signed(asked)] : unsigned(asked)));
  const agent = { ...server.agent, key: KEY };
  const answered = await ask(agent, IN_VAIN);
  assert.equal(countOf(answered), 1);
  assert.ok('message' in answered && answered.isPlain === true);
  // A forger's error costs nothing: the true answer is waited for.
  server.asked.length = 0;
  server.behave = (asked) => [...unsigned(asked), signed(asked)];
  const withEdns = await ask(agent, PATIENT);
  assert.ok('message' in withEdns && withEdns.isPlain !== true);
  assert.equal(server.asked.length, 1);
});

test('no more than one question more, and none after other errors or an error of a server that knows EDNS', async () => {
  const withOpt =
    (rcode: number): Behaviour =>
    (asked) => [answerTo(asked, { rcode })];
  const always: Behaviour = ({ message }) => {
    const { edns: _, ...plain } = message;
    return [answerTo({ message: plain }, { rcode: RCODE.FORMERR })];
  };
  for (const [behave, questions, rcode] of [
    [always, 2, RCODE.FORMERR],
    [withOpt(RCODE.FORMERR), 1, RCODE.FORMERR],
    [withOpt(RCODE.NOTIMP), 1, RCODE.NOTIMP],
    [noEdns(RCODE.SERVFAIL), 1, RCODE.SERVFAIL],
    [noEdns(RCODE.REFUSED), 1, RCODE.REFUSED],
  ] as const) {
    await using server = await TestAgent.start(behave);
    const answered = await ask(server.agent, PATIENT);
    assert.equal('message' in answered && answered.message.rcode, rcode);
    assert.equal(server.asked.length, questions);
  }
  // Silence is no word about EDNS.
  await using silentServer = await TestAgent.start(silent);
  assert.equal(faultOf(await ask(silentServer.agent, QUICK)), 'it does not answer');
  await silentServer.wasAsked(3);
  assert.equal(silentServer.asked.length, 3);
});

/** Signs the answer as an honest server does. */
function signed(asked: Asked, key: TsigKey = KEY): Uint8Array {
  const requestMac = macOf(asked);
  return signTsig(answerTo(asked, { answers: [DS] }), key, { now: now(), requestMac }).message;
}

function macOf(asked: Asked): Uint8Array {
  const verdict = verifyTsig(asked.octets, { now: now(), keyByName: () => KEY });
  assert.equal(verdict.kind, 'valid', 'the query is not signed as it should be');
  return verdict.kind === 'valid' ? verdict.facts.rdata.mac : new Uint8Array(0);
}

const now = (): number => Math.floor(Date.now() / 1000);

test('S-074 TSIG: signed by both, over UDP and TCP', async () => {
  await using server = await TestAgent.start((asked) => [signed(asked)]);
  const agent = { ...server.agent, key: KEY };
  assert.equal(countOf(await ask(agent)), 1);
  const cut = (asked: Asked): Uint8Array =>
    signTsig(answerTo(asked, { flags: FLAG.QR | FLAG.TC }), KEY, { now: now(), requestMac: macOf(asked) }).message;
  server.behave = (asked) => [asked.via === 'UDP' ? cut(asked) : signed(asked)];
  assert.equal(countOf(await ask(agent)), 1);
  assert.equal(server.asked.at(-1)?.via, 'TCP');
});

test('S-074 TSIG: answers without it, with another key or secret, or with an error do not count', async () => {
  await using server = await TestAgent.start(withDs);
  const agent = { ...server.agent, key: KEY };
  assert.match(faultOf(await ask(agent, IN_VAIN)), /its answer has no TSIG/);
  const otherSecret = { ...KEY, secret: new Uint8Array(32).fill(8) };
  server.behave = (asked) => [signed(asked, otherSecret)];
  assert.match(faultOf(await ask(agent, IN_VAIN)), /TSIG of its answer is not right \(BADSIG\)/);
  server.behave = (asked) => [signed(asked, { ...KEY, name: mustName('other.') })];
  assert.match(faultOf(await ask(agent, IN_VAIN)), /TSIG of its answer is not right/);
  server.behave = (asked) => {
    const verdict = verifyTsig(asked.octets, { now: now(), keyByName: () => KEY });
    assert.equal(verdict.kind, 'valid');
    return verdict.kind === 'valid'
      ? [appendTsigError(answerTo(asked, { rcode: RCODE.NOTAUTH }), verdict.facts, RCODE.BADKEY)]
      : [];
  };
  assert.match(faultOf(await ask(agent, IN_VAIN)), /refuses the TSIG of the query \(BADKEY\)/);
  // A forger cannot end the wait for the right answer.
  server.behave = (asked) => [...withDs(asked), signed(asked, otherSecret), signed(asked)];
  assert.equal(countOf(await ask(agent)), 1);
  // The key was not asked for.
  server.behave = (asked) => [signTsig(answerTo(asked, { answers: [DS] }), KEY, { now: now() }).message];
  assert.match(faultOf(await ask(server.agent, IN_VAIN)), /a TSIG although the query had none/);
});

test('S-078 queries leave from the source address, over UDP and TCP, and from a port that many share', async () => {
  const cut: Behaviour = (asked) =>
    asked.via === 'UDP' ? [answerTo(asked, { flags: FLAG.QR | FLAG.TC })] : withDs(asked);
  await using server = await TestAgent.start(cut);
  assert.equal(countOf(await ask({ ...server.agent, source: { address: '127.0.0.9', port: 0 } })), 1);
  assert.deepEqual(server.asked.map(({ address }) => address), ['127.0.0.9', '127.0.0.9']); // prettier-ignore
  await using free = await TestAgent.start(silent, '127.0.0.9');
  const { port } = free.agent;
  await free[Symbol.asyncDispose]();
  server.behave = withDs;
  const client = new DnsClient(PATIENT, { clock: new SystemClock(), random: new SystemRandom() });
  const agent = { ...server.agent, source: { address: '127.0.0.9', port } };
  const { signal } = new AbortController();
  const all = await Promise.all(Array.from({ length: 20 }, () => client.ask(QUESTION, agent, 0, signal)));
  assert.deepEqual(
    all.map(countOf),
    Array.from({ length: 20 }, () => 1),
  );
  assert.deepEqual([...new Set(server.asked.slice(2).map((asked) => asked.port))], [port]);
});

test('S-078 a source address that this host does not have is named', async () => {
  await using server = await TestAgent.start(withDs);
  const fault = faultOf(await ask({ ...server.agent, source: { address: '192.0.2.77', port: 0 } }));
  assert.match(fault, /192\.0\.2\.77#0 over UDP \(EADDRNOTAVAIL\)/);
});

test('a question is given up when nobody wants the answer any more', async () => {
  await using server = await TestAgent.start(silent);
  const controller = new AbortController();
  const asked = ask(server.agent, PATIENT, controller.signal);
  controller.abort();
  assert.equal(faultOf(await asked), 'the question was given up');
  assert.equal(
    faultOf(await ask({ ...server.agent, tls: {} }, PATIENT, AbortSignal.abort())),
    'the question was given up',
  );
  assert.equal(parseMessage(answerTo({ message: parseMessage(new Uint8Array(12)) })).answers.length, 0);
});
