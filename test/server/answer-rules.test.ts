import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANSWER } from '../../src/server/answer.ts';
import { ANSWER_LIMITS, type AddressMatchList } from '../../src/server/server-tables.ts';
import { FLAG } from '../../src/wire/header.ts';
import { findOption } from '../../src/wire/edns.ts';
import { makeQuery, type Message, parseMessage, writeMessage } from '../../src/wire/message.ts';
import { mustName, nameToText } from '../../src/wire/name-text.ts';
import { signTsig, verifyTsig } from '../../src/wire/tsig.ts';
import { CLASS, RCODE, TYPE } from '../../src/wire/type-codes.ts';
import { ZoneStore } from '../../src/zone/store/zone-store.ts';
import { Asker, line, lines, scanZone, withDenial, ZoneFixture } from './zone-fixture.ts';

const TEXT = `$TTL 3600
@ SOA ns hostmaster 1 7200 900 1209600 300
@ NS ns
ns A 192.0.2.1
WwW A 192.0.2.2
loop1 CNAME loop2
loop2 CNAME loop1
out CNAME www.parent.test.
tree DNAME target
x.target A 192.0.2.3
toolong DNAME ${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}
under.*.star A 192.0.2.9
big TXT ${`"${'x'.repeat(200)}" `.repeat(8)}
cut NS ns1.cut
cut NS ns2.cut
${Array.from({ length: 40 }, (_, i) => `ns1.cut A 198.51.100.${i}`).join('\n')}
ns2.cut A 203.0.113.1
cut2 NS ns2.cut
svc HTTPS 0 www
`;
const PARENT =
  '$TTL 60\n@ SOA ns hostmaster 1 1 1 1 1\n@ NS ns\nns A 192.0.2.9\nwww A 192.0.2.10\nzone NS ns.zone\nzone DS 1 13 200 00\nns.zone A 192.0.2.1\n';

const fixture = new ZoneFixture();
fixture.add(
  'zone.parent.test.',
  withDenial('zone.parent.test.', scanZone('zone.parent.test.', TEXT), { kind: 'nsec' }),
);
fixture.add('parent.test.', scanZone('parent.test.', PARENT));
const asker = new Asker(fixture.tables(), fixture.arena);
const Z = 'zone.parent.test.';

function askRaw(message: Partial<Message>, overTcp = false): Message | number {
  const octets = writeMessage({ ...makeQuery(1, { name: mustName(Z), type: TYPE.SOA, class: CLASS.IN }), ...message });
  const answer = asker.raw(octets, overTcp);
  return typeof answer === 'number' ? answer : parseMessage(answer);
}

describe('header', () => {
  test('id, RD and CD come back, RA and AD do not, the question keeps its case', () => {
    const question = { name: mustName('wWw.ZONE.parent.test.'), type: TYPE.A, class: CLASS.IN };
    const flags = FLAG.RD | FLAG.CD | FLAG.AD;
    const answer = parseMessage(asker.raw(writeMessage(makeQuery(0xbeef, question, flags))) as Uint8Array);
    assert.equal(answer.id, 0xbeef);
    assert.equal(answer.flags, FLAG.QR | FLAG.AA | FLAG.RD | FLAG.CD);
    assert.equal(nameToText(answer.questions[0].name), 'wWw.ZONE.parent.test.');
    assert.equal(nameToText(answer.answers[0].owner), 'WwW.zone.parent.test.', 'owners keep the case of the zone');
  });

  test('responses and what is shorter than a header get no answer', () => {
    assert.deepEqual(asker.raw(new Uint8Array(11)), new Uint8Array(0));
    const response = writeMessage({
      ...makeQuery(1, { name: mustName(Z), type: TYPE.A, class: CLASS.IN }),
      flags: FLAG.QR,
    });
    assert.deepEqual(asker.raw(response), new Uint8Array(0));
  });

  test('opcodes: NOTIFY and UPDATE go to the control thread, others are not implemented', () => {
    assert.equal(askRaw({ opcode: 4 }), ANSWER.TO_CONTROL);
    assert.equal(askRaw({ opcode: 5 }), ANSWER.TO_CONTROL);
    for (const opcode of [1, 2, 3, 6, 15])
      assert.equal((askRaw({ opcode }) as Message).rcode, RCODE.NOTIMP, `${opcode}`);
  });

  test('no question or two are malformed', () => {
    const question = { name: mustName(Z), type: TYPE.A, class: CLASS.IN };
    for (const questions of [[], [question, question]])
      assert.equal((askRaw({ questions }) as Message).rcode, RCODE.FORMERR);
    const edns = { udpSize: 4096, version: 0, dnssecOk: true, options: [] };
    assert.ok((askRaw({ questions: [], edns }) as Message).edns, 'RFC 6891 section 6.1.1: OPT for OPT');
  });
});

describe('EDNS (RFC 6891)', () => {
  const edns = { udpSize: 1232, version: 0, dnssecOk: false, options: [] };

  test('no OPT without OPT; ours offers 1232 octets', () => {
    assert.equal(asker.ask(Z, 'SOA', { edns: false }).edns, undefined);
    assert.equal(asker.ask(Z, 'SOA').edns?.udpSize, 1232);
  });

  test('a version above 0 is BADVERS with version 0', () => {
    const answer = askRaw({ edns: { ...edns, version: 1 } }) as Message;
    assert.equal(answer.rcode, RCODE.BADVERS);
    assert.equal(answer.edns?.version, 0);
  });

  test('NSID (RFC 5001) is given to who asks; unknown options are ignored', () => {
    const option = (code: number): Message =>
      askRaw({ edns: { ...edns, options: [{ code, data: new Uint8Array(0) }] } }) as Message;
    assert.equal(Buffer.from(findOption(option(3).edns, 3) ?? []).toString(), 'unit');
    assert.deepEqual(option(65_001).edns?.options, []);
    assert.equal(option(65_001).rcode, RCODE.NOERROR);
  });

  test('refusals say why (RFC 8914)', () => {
    const refused = asker.ask('www.elsewhere.test.', 'A');
    assert.equal(refused.rcode, RCODE.REFUSED);
    assert.deepEqual(findOption(refused.edns, 15), Uint8Array.of(0, 20));
  });
});

describe('truncation (RFC 2181 section 9)', () => {
  test('what does not fit is left out whole, and TC is set', () => {
    for (const udpSize of [512, 1000, 1232, 4096]) {
      const answer = asker.ask(`big.${Z}`, 'TXT', { udpSize });
      assert.notEqual(answer.flags & FLAG.TC, 0, `${udpSize}: max-udp-size is 1232`);
      assert.deepEqual(answer.answers, []);
    }
    assert.equal(asker.ask(`big.${Z}`, 'TXT', { overTcp: true }).answers.length, 2);
  });

  test('RFC 9471: missing glue below the cut sets TC, missing sibling glue does not', () => {
    assert.notEqual(asker.ask(`x.cut.${Z}`, 'A', { udpSize: 512 }).flags & FLAG.TC, 0);
    assert.equal(asker.ask(`x.cut.${Z}`, 'A', { overTcp: true }).additionals.length, 41);
    assert.equal(asker.ask(`x.cut2.${Z}`, 'A', { udpSize: 512 }).flags & FLAG.TC, 0);
  });
});

describe('aliases', () => {
  test('a loop of CNAMEs ends in SERVFAIL with what was found, as with BIND', () => {
    const answer = asker.ask(`loop1.${Z}`, 'A', { dnssecOk: false });
    assert.equal(answer.rcode, RCODE.SERVFAIL);
    assert.equal(answer.answers.length, 2);
  });

  test('a CNAME is not followed into another zone', () => {
    assert.deepEqual(lines(asker.ask(`out.${Z}`, 'A', { dnssecOk: false }).answers), [
      `out.${Z} CNAME www.parent.test.`,
    ]);
  });

  test('RFC 6672: DNAME, the CNAME it stands for, and what that leads to', () => {
    const answer = asker.ask(`x.tree.${Z}`, 'A');
    assert.deepEqual(answer.answers.map(line), [
      `tree.${Z} DNAME target.${Z}`,
      `tree.${Z} RRSIG DNAME`,
      `x.tree.${Z} CNAME x.target.${Z}`,
      `x.target.${Z} A 192.0.2.3`,
      `x.target.${Z} RRSIG A`,
    ]);
  });

  test('RFC 6672 section 2.2: too long a name is YXDOMAIN', () => {
    const answer = asker.ask(`${'y'.repeat(60)}.toolong.${Z}`, 'A', { dnssecOk: false });
    assert.equal(answer.rcode, RCODE.YXDOMAIN);
    assert.equal(answer.answers.length, 1);
  });
});

describe('RFC 4592 section 2.2.2: a wildcard that is an empty non-terminal', () => {
  test('gives no data, with the NSEC that covers the name and the one that covers the wildcard', () => {
    const answer = asker.ask(`any.star.${Z}`, 'A');
    assert.equal(answer.rcode, RCODE.NOERROR);
    const owners = answer.authorities.filter(({ type }) => type === TYPE.NSEC).map(({ owner }) => nameToText(owner));
    assert.deepEqual(owners.toSorted(), [`out.${Z}`, `under.*.star.${Z}`]);
  });
});

describe('questions for types with rules of their own', () => {
  test('RFC 4035 section 3.1.4.1: DS is answered by the parent where we have both', () => {
    assert.deepEqual(lines(asker.ask(Z, 'DS').answers), [`${Z} DS 1 13 200 00`]);
  });

  test('RFC 8482: ANY over UDP gets one RRset, over TCP all', () => {
    assert.equal(new Set(asker.ask(Z, 'ANY', { dnssecOk: false }).answers.map(({ type }) => type)).size, 1);
    assert.equal(new Set(asker.ask(Z, 'ANY', { overTcp: true }).answers.map(({ type }) => type)).size, 4);
    const full = new Asker(fixture.tables({ limits: { ...ANSWER_LIMITS, minimalAny: false } }), fixture.arena);
    assert.ok(full.ask(Z, 'ANY', { udpSize: 4096 }).answers.length > 4);
  });

  test('types that cannot be asked for', () => {
    const rcodes = [41, 128, 200, 249, 250, 253, 254].map((type) => asker.ask(Z, `TYPE${type}`).rcode);
    assert.deepEqual(rcodes, [1, 1, 1, 1, 1, 4, 4]);
  });

  test('AXFR over UDP is malformed, IXFR over UDP gets the SOA, over TCP both are handed on', () => {
    assert.equal(asker.ask(Z, 'AXFR').rcode, RCODE.FORMERR);
    const question = { name: mustName('ZONE.parent.test.'), type: TYPE.AXFR, class: CLASS.IN };
    const questions = [{ ...question, type: TYPE.IXFR }];
    const rdata = Uint8Array.of(0, 0, ...new Uint8Array(20));
    const authorities = [{ owner: mustName(Z), type: TYPE.SOA, class: CLASS.IN, ttl: 0, rdata }];
    assert.equal((askRaw({ questions }) as Message).rcode, RCODE.FORMERR, 'RFC 1995 section 3: without a SOA');
    assert.equal((askRaw({ questions }, true) as Message).rcode, RCODE.FORMERR);
    const overUdp = askRaw({ questions, authorities }) as Message;
    assert.deepEqual(
      overUdp.answers.map(({ type }) => type),
      [TYPE.SOA],
    );
    assert.equal(askRaw({ questions, authorities }, true), ANSWER.TRANSFER);
    assert.equal(asker.answerer.transfer?.serial, 0);
    const edns = { udpSize: 4096, version: 0, dnssecOk: true, options: [] };
    assert.equal(askRaw({ questions: [question], flags: FLAG.RD, edns }, true), ANSWER.TRANSFER);
    assert.deepEqual(asker.answerer.transfer?.request, {
      name: question.name,
      recursionDesired: true,
      edns: { udpSize: 1232, dnssecOk: true },
    });
    assert.equal(
      (askRaw({ questions: [{ ...question, name: mustName(`ns.${Z}`) }] }, true) as Message).rcode,
      RCODE.NOTAUTH,
    );
  });

  test('RFC 9460 section 4.1: addresses of the target go with HTTPS', () => {
    assert.equal(line(asker.ask(`svc.${Z}`, 'HTTPS', { dnssecOk: false }).additionals[0]), `WwW.${Z} A 192.0.2.2`);
  });

  test('RFC 2308 section 3: the SOA of a negative answer has the smaller TTL; 0 for a question about a SOA', () => {
    assert.equal(asker.ask(`no.${Z}`, 'A', { dnssecOk: false }).authorities[0].ttl, 300);
    assert.equal(asker.ask(`no.${Z}`, 'SOA', { dnssecOk: false }).authorities[0].ttl, 0);
  });
});

describe('other classes', () => {
  const chaos = (name: string, type = 'TXT'): Message => asker.ask(name, type, { class: CLASS.CH });

  test('version.bind, hostname.bind, id.server', () => {
    assert.equal(line(chaos('VERSION.bind.').answers[0]), 'VERSION.bind. TXT "Signet test"');
    assert.equal(line(chaos('hostname.bind.').answers[0]), 'hostname.bind. TXT "host.test"');
    assert.equal(line(chaos('id.server.').answers[0]), 'id.server. TXT "unit"');
  });

  test('another type has no data, another name is refused, `version none` says nothing', () => {
    assert.deepEqual(
      chaos('version.bind.', 'A').authorities.map(({ type }) => type),
      [TYPE.SOA],
    );
    assert.equal(chaos('www.bind.').rcode, RCODE.REFUSED);
    const identity = { version: undefined, hostname: undefined, serverId: undefined };
    const silent = new Asker(fixture.tables({ identity }), fixture.arena);
    assert.deepEqual(silent.ask('version.bind.', 'TXT', { class: CLASS.CH }).answers, []);
  });

  test('HS is refused, ANY and NONE are malformed, others are not implemented', () => {
    const rcodes = [CLASS.HS, CLASS.ANY, CLASS.NONE, 9].map((klass) => asker.ask(Z, 'A', { class: klass }).rcode);
    assert.deepEqual(rcodes, [RCODE.REFUSED, RCODE.FORMERR, RCODE.FORMERR, RCODE.NOTIMP]);
  });
});

describe('access', () => {
  const NOBODY: AddressMatchList = [{ kind: 'none', negated: false }];
  const base = fixture.tables();
  const key = { name: mustName('key.test.'), algorithm: 'hmac-sha256', secret: new Uint8Array(32).fill(1) };
  const wireKey = { name: key.name, algorithm: 'hmac-sha256', secret: key.secret } as const;

  test('allow-query and allow-transfer', () => {
    const zones = base.views[0].zones.map((zone) => ({ ...zone, allowQuery: NOBODY, allowTransfer: NOBODY }));
    const closed = new Asker({ ...base, views: [{ ...base.views[0], zones }] }, fixture.arena);
    const answer = closed.ask(Z, 'SOA');
    assert.equal(answer.rcode, RCODE.REFUSED);
    assert.deepEqual(findOption(answer.edns, 15), Uint8Array.of(0, 18));
    assert.equal(closed.ask(Z, 'AXFR', { overTcp: true }).rcode, RCODE.REFUSED);
    assert.equal(closed.counters.get('XfrRej'), 1);
  });

  test('a zone without a version is SERVFAIL', () => {
    const apex = mustName('unloaded.test.');
    const { slot } = new ZoneStore({ apex }, { arena: fixture.arena, extents: fixture.extents });
    const zones = [{ ...base.views[0].zones[0], slot, apex }];
    const asked = new Asker({ ...base, views: [{ ...base.views[0], zones }] }, fixture.arena);
    assert.equal(asked.ask('unloaded.test.', 'SOA').rcode, RCODE.SERVFAIL);
  });

  test('views are chosen by address, by TSIG key and by RD', () => {
    const view = base.views[0];
    const [child, parent] = view.zones;
    const views = [
      {
        ...view,
        name: 'keyed',
        matchClients: [{ kind: 'key', name: 'key.test.', negated: false }] as const,
        zones: [child],
      },
      { ...view, name: 'recursive', matchRecursiveOnly: true, zones: [] },
      { ...view, name: 'rest', zones: [parent] },
    ];
    const viewed = new Asker({ ...base, keys: [key], views }, fixture.arena);
    assert.equal(viewed.ask(`ns.${Z}`, 'A').rcode, RCODE.NOERROR);
    assert.equal(viewed.ask(`ns.${Z}`, 'A').answers.length, 0, 'the parent refers');
    assert.equal(viewed.ask('parent.test.', 'SOA', { recursive: true }).rcode, RCODE.REFUSED);
    const query = writeMessage(makeQuery(5, { name: mustName(`ns.${Z}`), type: TYPE.A, class: CLASS.IN }));
    const signed = signTsig(query, wireKey, { now: 1_081_540_000 });
    const answer = viewed.raw(signed.message) as Uint8Array;
    const verdict = verifyTsig(answer, { now: 1_081_540_000, requestMac: signed.mac, keyByName: () => wireKey });
    assert.equal(verdict.kind, 'valid');
    assert.deepEqual(lines(parseMessage(answer).answers), [`ns.${Z} A 192.0.2.1`]);
  });

  test('RFC 8945 section 5.2: bad keys, signatures and times are NOTAUTH and say which', () => {
    const keyed = new Asker({ ...base, keys: [key] }, fixture.arena);
    const query = writeMessage(makeQuery(5, { name: mustName(Z), type: TYPE.SOA, class: CLASS.IN }));
    const other = { ...wireKey, secret: new Uint8Array(32) };
    const cases = [
      [signTsig(query, { ...wireKey, name: mustName('other.') }, { now: 1_081_540_000 }), RCODE.BADKEY],
      [signTsig(query, other, { now: 1_081_540_000 }), RCODE.BADSIG],
      [signTsig(query, wireKey, { now: 1_000_000_000 }), RCODE.BADTIME],
    ] as const;
    for (const [{ message }, error] of cases) {
      const answer = parseMessage(keyed.raw(message) as Uint8Array);
      assert.equal(answer.rcode, RCODE.NOTAUTH);
      const rdata = answer.tsig?.record.rdata ?? new Uint8Array(0);
      assert.ok(Buffer.from(rdata).includes(Buffer.of(error >> 8, error)), `TSIG error ${error}`);
      assert.equal(answer.answers.length, 0);
    }
    assert.equal(keyed.counters.get('ReqBadSIG'), 3);
  });
});

test('counters have the names and meanings of BIND', () => {
  const counted = new Asker(fixture.tables(), fixture.arena);
  for (const [name, type] of [['ns', 'A'], ['ns', 'MX'], ['none', 'A'], ['x.cut', 'A']] as const) counted.ask(`${name}.${Z}`, type); // prettier-ignore
  counted.ask('elsewhere.', 'A');
  const expected = {
    Requestv4: 5,
    QryUDP: 4,
    QrySuccess: 1,
    QryNxrrset: 1,
    QryNXDOMAIN: 1,
    QryReferral: 1,
    AuthQryRej: 1,
  };
  for (const [name, count] of Object.entries(expected))
    assert.equal(counted.counters.get(name as 'QryUDP'), count, name);
});
