import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ANSWER_LIMITS, type AnswerLimits } from '../../src/server/server-tables.ts';
import { makeQuery, type Message, parseMessage, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { signTsig, type TsigKey, verifyTsig } from '../../src/wire/tsig.ts';
import { CLASS, RCODE, TYPE } from '../../src/wire/type-codes.ts';
import { asker, type Circumstances, fate, rateLimit, START } from './context-asker.ts';

/* What options of a query do to its answer: cookies, keepalive, padding, NSID; and what sizes do. */

const [NSID, COOKIE, KEEPALIVE, PAD] = [3, 10, 11, 12];
const option = (code: number, ...octets: readonly number[]) => ({ code, data: Uint8Array.from(octets) });
const ASK_COOKIE = option(COOKIE, 1, 2, 3, 4, 5, 6, 7, 8);
const COOKIES = { cookies: { secrets: [Uint8Array.from({ length: 16 }, (_, i) => i)] } };
const ANYBODY = [{ kind: 'any', negated: false }] as const;

const dataOf = (message: Message | undefined, code: number): Uint8Array | undefined =>
  message?.edns?.options.find((one) => one.code === code)?.data;

const limits = (changes: Partial<AnswerLimits>) => ({ limits: { ...ANSWER_LIMITS, ...changes } });

/** A cookie that this server has made for the client of tests. */
function learn(one: ReturnType<typeof asker>) {
  const data = dataOf(one.ask('www.example.', 'A', { options: [ASK_COOKIE] }), COOKIE);
  assert.equal(data?.length, 24);
  return { code: COOKIE, data: data ?? new Uint8Array() };
}

test('RFC 7873 section 5.2: a cookie is answered with one that has a server half; without a secret it is not', () => {
  const one = asker({}, COOKIES);
  const good = learn(one);
  assert.deepEqual(dataOf(one.ask('www.example.', 'A', { options: [good] }), COOKIE), good.data);
  assert.equal(dataOf(one.ask('www.example.', 'A'), COOKIE), undefined);
  assert.equal(dataOf(asker().ask('www.example.', 'A', { options: [ASK_COOKIE] }), COOKIE), undefined);
  const counts = ['CookieIn', 'CookieNew', 'CookieMatch', 'CookieNoMatch', 'CookieBadTime', 'CookieBadSize'] as const;
  one.ask('www.example.', 'A', { options: [{ code: COOKIE, data: good.data.slice(0, 20) }] });
  one.ask('www.example.', 'A', { options: [good], now: START + 4000 });
  one.ask('www.example.', 'A', { options: [good], address: Uint8Array.of(10, 1, 1, 1) });
  assert.deepEqual(
    counts.map((name) => one.counters.get(name)),
    [5, 1, 1, 1, 1, 1],
  );
});

test('RFC 7873 section 5.2.2: lengths that no cookie has are a format error, which has no cookie', () => {
  const one = asker({}, COOKIES);
  for (const length of [0, 1, 7, 9, 15, 41, 60]) {
    const message = one.ask('www.example.', 'A', { options: [{ code: COOKIE, data: new Uint8Array(length) }] });
    assert.equal(message?.rcode, RCODE.FORMERR, String(length));
    assert.deepEqual(message.edns?.options, []);
  }
});

test('RFC 7873 section 5.4: a query without question asks for a cookie; without cookie it is a format error', () => {
  const one = asker({}, COOKIES);
  const query = (options: Circumstances['options'] = []): Uint8Array =>
    writeMessage({
      ...makeQuery(7, { name: mustName('.'), type: TYPE.A, class: CLASS.IN }, 0, {
        udpSize: 1232,
        version: 0,
        dnssecOk: false,
        options,
      }),
      questions: [],
    });
  const answer = parseMessage(one.raw(query([ASK_COOKIE])) as Uint8Array);
  assert.equal(answer.rcode, RCODE.NOERROR);
  assert.equal(answer.questions.length, 0);
  assert.equal(dataOf(answer, COOKIE)?.length, 24);
  assert.equal(parseMessage(one.raw(query()) as Uint8Array).rcode, RCODE.FORMERR);
  assert.equal(parseMessage(asker().raw(query([ASK_COOKIE])) as Uint8Array).rcode, RCODE.FORMERR);
});

test('require-server-cookie: BADCOOKIE over UDP for who knows cookies and has none of ours', () => {
  const one = asker(limits({ requireServerCookie: true }), COOKIES);
  const refused = one.ask('www.example.', 'A', { options: [ASK_COOKIE] });
  assert.equal(refused?.rcode, RCODE.BADCOOKIE);
  assert.equal((refused?.flags ?? 0) & 0x0400, 0);
  assert.equal(refused?.answers.length, 0);
  const good = { code: COOKIE, data: dataOf(refused, COOKIE) ?? new Uint8Array() };
  assert.equal(one.ask('www.example.', 'A', { options: [good] })?.answers.length, 1);
  assert.equal(one.ask('www.example.', 'A')?.answers.length, 1);
  assert.equal(one.ask('www.example.', 'A', { options: [ASK_COOKIE], overTcp: true })?.answers.length, 1);
  assert.equal(one.counters.get('QryBADCOOKIE'), 1);
});

test('nocookie-udp-size is for who has no good cookie; max-udp-size for all; a view may have its own', () => {
  const one = asker(limits({ nocookieUdpSize: 600 }), COOKIES);
  const good = learn(one);
  assert.notEqual((one.ask('many.example.', 'A')?.flags ?? 0) & 0x0200, 0);
  assert.notEqual((one.ask('many.example.', 'A', { options: [ASK_COOKIE] })?.flags ?? 0) & 0x0200, 0);
  assert.equal(one.ask('many.example.', 'A', { options: [good] })?.answers.length, 60);
  assert.equal(one.ask('many.example.', 'A', { overTcp: true })?.answers.length, 60);
  assert.notEqual(
    (asker(limits({ maxUdpSize: 600 }), COOKIES).ask('many.example.', 'A', { options: [good] })?.flags ?? 0) & 0x0200,
    0,
  );
  assert.equal(asker(limits({ ednsUdpSize: 1400 })).ask('www.example.', 'A')?.edns?.udpSize, 1400);
});

test('RFC 7828 section 3: keepalive over streams alone, and only for who asks', () => {
  const one = asker();
  const asked = { options: [option(KEEPALIVE)], overTcp: true, keepaliveTimeout: 300 };
  assert.deepEqual(dataOf(one.ask('www.example.', 'A', asked), KEEPALIVE), Uint8Array.of(1, 44));
  assert.equal(dataOf(one.ask('www.example.', 'A', { ...asked, options: [] }), KEEPALIVE), undefined);
  assert.equal(dataOf(one.ask('www.example.', 'A', { ...asked, keepaliveTimeout: 0 }), KEEPALIVE), undefined);
  assert.equal(dataOf(one.ask('www.example.', 'A', { ...asked, overTcp: false }), KEEPALIVE), undefined);
});

test('RFC 7830, RFC 8467: padding to whole blocks, of encrypted answers, for who pads and whom the list has', () => {
  const one = asker({ padding: { clients: ANYBODY, blockSize: 128 } }, COOKIES);
  const asked = { options: [option(PAD, 0, 0), ASK_COOKIE, option(NSID)], overTcp: true, encrypted: true };
  for (const name of ['www.example.', 'ns.example.', 'many.example.', 'gone.example.', 'a.test.']) {
    const message = one.ask(name, 'A', asked);
    assert.equal((message?.octets ?? 1) % 128, 0, name);
    assert.equal(message?.edns?.options.at(-1)?.code, PAD, 'the last option');
    assert.ok(dataOf(message, PAD)?.every((octet) => octet === 0));
  }
  assert.equal(dataOf(one.ask('www.example.', 'A', { ...asked, encrypted: false }), PAD), undefined);
  assert.equal(dataOf(one.ask('www.example.', 'A', { ...asked, options: [] }), PAD), undefined);
  assert.equal(dataOf(asker().ask('www.example.', 'A', asked), PAD), undefined);
  assert.equal(
    dataOf(asker({ padding: { clients: [], blockSize: 128 } }).ask('www.example.', 'A', asked), PAD),
    undefined,
  );
  assert.equal(
    dataOf(asker({ padding: { clients: ANYBODY, blockSize: 0 } }).ask('www.example.', 'A', asked), PAD),
    undefined,
  );
});

test('RFC 6891 section 6.1.3: options of an unknown version are not obeyed', () => {
  const one = asker({}, COOKIES);
  const question = { name: mustName('www.example.'), type: TYPE.A, class: CLASS.IN };
  const edns = { udpSize: 1232, version: 1, dnssecOk: false, options: [ASK_COOKIE, option(NSID)] };
  const answer = parseMessage(one.raw(writeMessage(makeQuery(1, question, 0, edns))) as Uint8Array);
  assert.equal(answer.rcode, RCODE.BADVERS);
  assert.deepEqual(answer.edns?.options, []);
});

test('minimal-responses: what is left out', () => {
  const shape = (value: AnswerLimits['minimalResponses'], recursive: boolean): number[] => {
    const message = asker(limits({ minimalResponses: value })).ask('www.example.', 'A', { recursive });
    return [message?.authorities.length ?? -1, message?.additionals.length ?? -1];
  };
  assert.deepEqual(shape('no', true), [1, 1]);
  assert.deepEqual(shape('no-auth', false), [0, 0]);
  assert.deepEqual(shape('no-auth-recursive', true), [0, 0]);
  assert.deepEqual(shape('no-auth-recursive', false), [1, 1]);
  assert.deepEqual(shape('yes', false), [0, 0]);
});

test('allow-query-on: the address asked decides, zone by zone', () => {
  const one = asker();
  const { tables } = one.answerer;
  const only = [{ kind: 'prefix', address: Uint8Array.of(127, 0, 0, 2), length: 32, negated: false }] as const;
  const views = tables.views.map((view) => ({
    ...view,
    zones: view.zones.map((zone) => ({ ...zone, allowQueryOn: only })),
  }));
  one.answerer.setTables({ ...tables, views });
  assert.equal(one.ask('www.example.', 'A')?.rcode, RCODE.REFUSED);
  assert.equal(one.ask('www.example.', 'A', { destination: Uint8Array.of(127, 0, 0, 2) })?.answers.length, 1);
  const refused = one.ask('www.example.', 'A');
  assert.equal(refused?.rcode, RCODE.REFUSED);
  assert.equal(refused.flags & 0x0400, 0, 'nothing is left of the answer before');
  assert.equal(one.ask('a.test.', 'A')?.rcode, RCODE.REFUSED);
});

test('RFC 8945 section 5.3: with TSIG, cookie, NSID and keepalive an answer is as large as it may be, and can be verified', () => {
  const key: TsigKey = { name: mustName('k.'), algorithm: 'hmac-sha512', secret: new Uint8Array(32).fill(7) };
  const one = asker({}, { ...COOKIES, keys: [{ ...key }] });
  const now = START;
  for (const udpSize of [512, 700, 1232, 4096])
    for (const [name, isLong] of [
      ['many.example.', true],
      ['www.example.', false],
    ] as const) {
      const question = { name: mustName(name), type: TYPE.A, class: CLASS.IN };
      const edns = { udpSize, version: 0, dnssecOk: false, options: [ASK_COOKIE, option(NSID), option(KEEPALIVE)] };
      const signed = signTsig(writeMessage(makeQuery(9, question, 0, edns)), key, { now });
      const answer = one.raw(signed.message) as Uint8Array;
      assert.ok(answer.length <= Math.min(udpSize, 1232));
      const verdict = verifyTsig(answer, { now, keyByName: () => key, requestMac: signed.mac });
      assert.equal(verdict.kind, 'valid');
      const message = parseMessage(answer);
      assert.equal((message.flags & 0x0200) !== 0, isLong && udpSize < 1232);
      assert.equal(dataOf(message, COOKIE)?.length, 24);
      assert.ok(dataOf(message, NSID));
    }
});

test('any options, sizes and transports: an answer that can be read, within its limits, whose data options never push out', () => {
  const codes = fc.oneof(fc.constantFrom(NSID, COOKIE, KEEPALIVE, PAD, 8, 15), fc.nat(0xffff));
  const lengths = fc.oneof(fc.constantFrom(0, 8, 24), fc.nat(60));
  const options = fc.array(fc.tuple(codes, lengths), { maxLength: 8 });
  const names = fc.constantFrom(
    'www.example.',
    'many.example.',
    'gone.example.',
    'x.sub.example.',
    'a.wild.example.',
    'a.test.',
  );
  const view = {
    ...limits({ nocookieUdpSize: 128 }),
    padding: { clients: ANYBODY, blockSize: 468 },
    rateLimit: rateLimit({ RESPONSE: 5, ERROR: 5 }),
  };
  const padded = asker(view, COOKIES);
  const plain = asker();
  fc.assert(
    fc.property(names, options, fc.nat(5000), fc.boolean(), fc.boolean(), (name, list, udpSize, overTcp, encrypted) => {
      const rest = {
        options: list.map(([code, length]) => ({ code, data: new Uint8Array(length) })),
        udpSize,
        overTcp,
        encrypted: overTcp && encrypted,
        keepaliveTimeout: 300,
      };
      for (const one of [padded, plain]) {
        const message = one.ask(name, 'A', rest);
        if (message === undefined) {
          assert.ok(one === padded && !overTcp);
          continue;
        }
        assert.ok(message.octets <= (overTcp ? 65_535 : Math.max(512, Math.min(udpSize, 1232))));
        assert.equal(message.edns?.version, 0);
        const isWhole = message.answers.length === plain.ask(name, 'A', { overTcp: true })?.answers.length;
        const isCut = ['slip', 'badcookie'].includes(fate(message)) || (message.flags & 0x0200) !== 0;
        assert.ok(isWhole || isCut || message.rcode === RCODE.FORMERR);
        if (overTcp && message.rcode !== RCODE.FORMERR) assert.ok(isWhole);
      }
    }),
    { numRuns: 1500 },
  );
});
