import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../src/base/clock.ts';
import { type Anchor, type AskForProof, DsValidator, type DsVerdict } from '../../src/parent/ds-validator.ts';
import { makeQuery, type Message, parseMessage, type ResourceRecord } from '../../src/wire/message.ts';
import { nameKey, type Name } from '../../src/wire/name.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';
import { NOW, SignedZone } from './signed-zones.ts';
import { answerTo, record, soaOf } from './test-agent.ts';

const ZONE = mustName('child.example.');
const PARENT = new SignedZone('example.');
const CHILD = new SignedZone('child.example.');
const FORGER = new SignedZone('example.');

const { DS, DNSKEY, NS, SOA, NSEC, RRSIG, A, DNAME } = TYPE;

type Sections = Partial<Pick<Message, 'answers' | 'authorities' | 'rcode'>>;

/** A message that was on the wire. */
function message(name: Name, type: number, sections: Sections): Message {
  return parseMessage(answerTo({ message: makeQuery(1, { name, type, class: CLASS.IN }) }, sections));
}

/** What the chain may ask for, by name and type; the questions are kept. */
class Proofs {
  readonly asked: string[] = [];
  readonly #known = new Map<string, Sections>();

  add(name: string, type: number, sections: Sections): this {
    this.#known.set(`${nameKey(mustName(name))} ${type}`, sections);
    return this;
  }

  readonly ask: AskForProof = async ({ name, type }) => {
    const key = `${nameKey(name)} ${type}`;
    this.asked.push(key);
    const sections = this.#known.get(key);
    return sections === undefined ? { fault: 'it answers REFUSED' } : { message: message(name, type, sections) };
  };
}

const withKeys = (): Proofs => new Proofs().add('example.', DNSKEY, { answers: PARENT.keys() });
const keyAnchor: Anchor = { name: PARENT.apex, kind: 'key', rdata: PARENT.dnskey };
const dsAnchor: Anchor = { name: PARENT.apex, kind: 'ds', rdata: PARENT.ds() };

function validatorOf(
  anchors: readonly Anchor[],
  localKeys: (zone: Name) => readonly Uint8Array[] = () => [],
): DsValidator {
  return new DsValidator({ anchors, localKeys }, { clock: new SimulatedClock(NOW) });
}

function verdictOf(
  sections: Sections,
  { proofs = withKeys(), anchors = [keyAnchor] }: { proofs?: Proofs; anchors?: readonly Anchor[] } = {},
): Promise<DsVerdict> {
  return validatorOf(anchors).validate(ZONE, message(ZONE, DS, sections), proofs.ask);
}

async function faultOf(...args: Parameters<typeof verdictOf>): Promise<string> {
  const verdict = await verdictOf(...args);
  assert.equal(verdict.kind, 'bogus');
  return verdict.kind === 'bogus' ? verdict.fault : '';
}

const SIGNED_DS = PARENT.signed(ZONE, DS, [CHILD.ds()]);
/** An NSEC or NSEC3 proof is in the authority section, beside the SOA that judgeDsAnswer wants. */
const denied = (proof: readonly ResourceRecord[]): Sections => ({ authorities: [soaOf('example.'), ...proof] });

test('S-076 a DS that the parent signed is proved from a key or a digest that is trusted', async () => {
  for (const anchors of [[keyAnchor], [dsAnchor], [{ ...dsAnchor, rdata: PARENT.ds(4) }], [keyAnchor, dsAnchor]])
    assert.deepEqual(await verdictOf({ answers: SIGNED_DS }, { anchors }), { kind: 'secure' });
});

test('S-076 the parent is a zone that this server signs: its keys need no question', async () => {
  const proofs = new Proofs();
  const localKeys = (zone: Name): readonly Uint8Array[] =>
    nameKey(zone) === nameKey(PARENT.apex) ? [PARENT.dnskey] : [];
  const validator = validatorOf([], localKeys);
  assert.deepEqual(await validator.validate(ZONE, message(ZONE, DS, { answers: SIGNED_DS }), proofs.ask), {
    kind: 'secure',
  });
  const forged = message(ZONE, DS, { answers: FORGER.signed(ZONE, DS, [CHILD.ds()]) });
  assert.equal((await validator.validate(ZONE, forged, proofs.ask)).kind, 'bogus');
  assert.deepEqual(proofs.asked, []);
});

test('without an anchor above the zone nothing can be proved', async () => {
  for (const name of ['child.example.', 'other.', 'sub.child.example.']) {
    const anchors: Anchor[] = [{ ...keyAnchor, name: mustName(name) }];
    assert.deepEqual(await verdictOf({ answers: SIGNED_DS }, { anchors }), { kind: 'unproved' });
  }
  assert.deepEqual(await validatorOf([keyAnchor]).validate(mustName('.'), message(ZONE, DS, {}), withKeys().ask), {
    kind: 'unproved',
  });
});

test('S-076 a forged DS does not validate: unsigned, signed by others, changed, of another time, of another owner', async () => {
  assert.match(
    await faultOf({ answers: [record(ZONE, DS, CHILD.ds())] }),
    /signature of the DS RRset by example is missing/,
  );
  assert.match(await faultOf({ answers: FORGER.signed(ZONE, DS, [CHILD.ds()]) }), /is unknown key|is bogus/);
  const [, rrsig] = SIGNED_DS;
  assert.match(await faultOf({ answers: [record(ZONE, DS, FORGER.ds()), rrsig] }), /is bogus/);
  assert.match(await faultOf({ answers: PARENT.signed(ZONE, DS, [CHILD.ds()], { now: NOW - 86_400 }) }), /is expired/);
  assert.match(
    await faultOf({ answers: PARENT.signed(ZONE, DS, [CHILD.ds()], { now: NOW + 86_400 }) }),
    /is not yet valid/,
  );
  assert.match(await faultOf({ answers: PARENT.signed(ZONE, DS, [CHILD.ds()], { labels: 1 }) }), /is wrong labels/);
  // The child signs its own DS.
  assert.match(await faultOf({ answers: CHILD.signed(ZONE, DS, [CHILD.ds()]) }), /by example is wrong signer/);
  // One more record than was signed.
  assert.match(await faultOf({ answers: [...SIGNED_DS, record(ZONE, DS, FORGER.ds())] }), /is bogus/);
});

test('S-076 the keys of the parent: missing, not the trusted ones, not signed by one of them', async () => {
  const answers = SIGNED_DS;
  assert.match(
    await faultOf({ answers }, { proofs: new Proofs() }),
    /DNSKEY RRset of example cannot be had: it answers REFUSED/,
  );
  const swapped = new Proofs().add('example.', DNSKEY, { answers: FORGER.keys() });
  assert.match(await faultOf({ answers }, { proofs: swapped }), /no DNSKEY of example is one that is trusted/);
  // The trusted key is shown beside one of the forger's, whose signature alone is there.
  const beside = new Proofs().add('example.', DNSKEY, { answers: FORGER.keys([PARENT.dnskey]) });
  assert.match(
    await faultOf({ answers }, { proofs: beside }),
    /signature of the DNSKEY RRset of example is unknown key/,
  );
  // RFC 5011 section 2.1: a revoked key is trusted no more.
  const revoked = Uint8Array.from(PARENT.dnskey);
  revoked[1] |= 0x80;
  const withRevoked = new Proofs().add('example.', DNSKEY, { answers: PARENT.signed('example.', DNSKEY, [revoked]) });
  const anchors: Anchor[] = [{ ...keyAnchor, rdata: revoked }];
  assert.match(
    await faultOf({ answers }, { proofs: withRevoked, anchors }),
    /no DNSKEY of example is one that is trusted/,
  );
});

test('RFC 4035 section 5.2 an anchor of an unknown algorithm or digest proves nothing and refuses nothing', async () => {
  const unknown = Uint8Array.of(1, 1, 3, 200, 1, 2, 3);
  assert.equal(
    (await verdictOf({ answers: SIGNED_DS }, { anchors: [{ ...keyAnchor, rdata: unknown }] })).kind,
    'unproved',
  );
  const digest = Uint8Array.from(PARENT.ds());
  digest[3] = 77;
  assert.equal(
    (await verdictOf({ answers: SIGNED_DS }, { anchors: [{ ...dsAnchor, rdata: digest }] })).kind,
    'unproved',
  );
});

test('S-076 that there is no DS is proved by the NSEC of the delegation', async () => {
  const proof = PARENT.nsec('child.example.', 'd.example.', [NS, RRSIG, NSEC]);
  assert.deepEqual(await verdictOf(denied(proof)), { kind: 'secure' });
  assert.match(await faultOf(denied([])), /proves with no NSEC or NSEC3/);
  assert.match(await faultOf(denied(proof.slice(0, 1))), /signature of its denial record is not good \(missing\)/);
  assert.match(await faultOf(denied(FORGER.nsec('child.example.', 'd.example.', [NS]))), /denial record is not good/);
  assert.match(await faultOf(denied(PARENT.nsec('child.example.', 'd.example.', [NS, DS]))), /says that there is a DS/);
  assert.match(await faultOf(denied(PARENT.nsec('child.example.', 'd.example.', [NS, SOA]))), /of the child zone/);
  assert.match(await faultOf(denied(PARENT.nsec('child.example.', 'd.example.', [A]))), /is not delegated in example/);
  assert.match(await faultOf(denied(PARENT.nsec('b.example.', 'd.example.', [NS]))), /about other names/);
});

test('S-076 that there is no DS is proved by NSEC3, with and without opt-out', async () => {
  const matching = PARENT.nsec3(new Map([['child.example.', [NS]], ['example.', [SOA, NS]]])); // prettier-ignore
  assert.deepEqual(await verdictOf(denied(matching)), { kind: 'secure' });
  const apex = PARENT.nsec3(new Map([['example.', [SOA, NS]]]));
  const optOut = [...apex, ...PARENT.covering('child.example.', { optOut: true })];
  assert.deepEqual(await verdictOf(denied(optOut)), { kind: 'secure' });
  const noOptOut = [...apex, ...PARENT.covering('child.example.')];
  assert.match(await faultOf(denied(noOptOut)), /prove that the name does not exist/);
  assert.match(await faultOf(denied(PARENT.covering('child.example.', { optOut: true }))), /about other names/);
  assert.match(
    await faultOf(denied([...apex, ...PARENT.covering('other.example.', { optOut: true })])),
    /about other names/,
  );
  const alias = [...PARENT.nsec3(new Map([['example.', [SOA, NS, DNAME]]])), ...PARENT.covering('child.example.', { optOut: true })]; // prettier-ignore
  assert.match(await faultOf(denied(alias)), /an alias/);
  const mixed = [...apex, ...PARENT.covering('child.example.', { optOut: true, salt: Uint8Array.of(1) })];
  assert.match(await faultOf(denied(mixed)), /different chains/);
  const slow = PARENT.nsec3(new Map([['child.example.', [NS]]]), { iterations: 151 });
  assert.match(await faultOf(denied(slow)), /151 iterations/);
  const flags = PARENT.nsec3(new Map([['child.example.', [NS]]])).map((one) => {
    if (one.type !== TYPE.NSEC3) return one;
    const rdata = Uint8Array.from(one.rdata);
    rdata[0] = 2;
    return { ...one, rdata };
  });
  assert.match(await faultOf(denied(flags)), /not good|unknown kind/);
});

const ROOT_ZONE = new SignedZone('.');
const rootAnchor: Anchor = { name: mustName('.'), kind: 'ds', rdata: ROOT_ZONE.ds() };
const fromRoot = (): Proofs => new Proofs().add('.', DNSKEY, { answers: ROOT_ZONE.keys() });
const ANCHORS = { anchors: [rootAnchor] };

test('S-076 from the root down: the DS and keys of each zone between are asked for and proved', async () => {
  const proofs = fromRoot()
    .add('example.', DS, { answers: ROOT_ZONE.signed('example.', DS, [PARENT.ds()]) })
    .add('example.', DNSKEY, { answers: PARENT.keys() });
  assert.deepEqual(await verdictOf({ answers: SIGNED_DS }, { proofs, ...ANCHORS }), { kind: 'secure' });
  const wrong = fromRoot().add('example.', DS, { answers: FORGER.signed('example.', DS, [FORGER.ds()]) });
  assert.match(
    await faultOf({ answers: SIGNED_DS }, { proofs: wrong, ...ANCHORS }),
    /signature of the DS of example is wrong signer/,
  );
  assert.match(
    await faultOf({ answers: SIGNED_DS }, { proofs: fromRoot(), ...ANCHORS }),
    /DS of example cannot be had/,
  );
});

test('S-076 below an unsigned delegation nothing can be proved, and that itself is proved', async () => {
  const unsigned = { authorities: ROOT_ZONE.nsec('example.', 'f.', [NS]) };
  const plain = { answers: [record(ZONE, DS, CHILD.ds())] };
  const proofs = fromRoot().add('example.', DS, unsigned);
  assert.deepEqual(await verdictOf(plain, { proofs, ...ANCHORS }), { kind: 'unproved' });
  // Who only says so is not believed.
  const claimed = fromRoot().add('example.', DS, { authorities: [soaOf('.')] });
  assert.match(await faultOf(plain, { proofs: claimed, ...ANCHORS }), /no chain to example: it proves with no NSEC/);
});

test('S-076 names between that are no zones of their own are passed', async () => {
  const deep = mustName('child.b.a.example.');
  const child = new SignedZone('child.b.a.example.');
  const answer = message(deep, DS, { answers: PARENT.signed(deep, DS, [child.ds()]) });
  const proofs = withKeys();
  assert.deepEqual(await validatorOf([keyAnchor]).validate(deep, answer, proofs.ask), { kind: 'secure' });
  assert.equal(proofs.asked.length, 1);
  // Signed by a zone between, behind an empty non-terminal.
  const between = new SignedZone('b.a.example.');
  const below = message(deep, DS, { answers: between.signed(deep, DS, [child.ds()]) });
  const more = withKeys()
    .add('a.example.', DS, { authorities: PARENT.nsec('example.', 'b.a.example.', [SOA, NS]) })
    .add('b.a.example.', DS, { answers: PARENT.signed('b.a.example.', DS, [between.ds()]) })
    .add('b.a.example.', DNSKEY, { answers: between.keys() });
  assert.deepEqual(await validatorOf([keyAnchor]).validate(deep, below, more.ask), { kind: 'secure' });
});

test('proved keys are kept for five minutes', async () => {
  const clock = new SimulatedClock(NOW);
  const validator = new DsValidator({ anchors: [keyAnchor], localKeys: () => [] }, { clock });
  const proofs = withKeys();
  const answer = message(ZONE, DS, { answers: SIGNED_DS });
  for (const wait of [0, 200, 99]) {
    await clock.advance(wait);
    assert.equal((await validator.validate(ZONE, answer, proofs.ask)).kind, 'secure');
  }
  assert.equal(proofs.asked.length, 1);
  await clock.advance(2);
  assert.equal((await validator.validate(ZONE, answer, proofs.ask)).kind, 'secure');
  assert.equal(proofs.asked.length, 2);
});

test('a long name and endless delegations end after a bounded number of questions', async () => {
  const labels = Array.from({ length: 100 }, () => 'a').join('.');
  const deep = mustName(`${labels}.example.`);
  let asked = 0;
  const endless: AskForProof = async ({ name, type }) => {
    asked++;
    if (type === DNSKEY) return { message: message(name, type, { answers: PARENT.keys() }) };
    const text = nameKey(name).length;
    assert.ok(text > 0);
    const owner = name.subarray(2) as Name;
    // Each name exists without data, as far as the zone proves.
    const next = mustName('a', name);
    const rdata = Uint8Array.of(...next, 0, 1, 0x40);
    return { message: message(name, type, { authorities: PARENT.signed(owner, NSEC, [rdata]) }) };
  };
  const answer = message(deep, DS, { answers: FORGER.signed(deep, DS, [CHILD.ds()]).map((one) => ({ ...one })) });
  const forgerZone = new SignedZone('a.a.a.example.');
  const bySomebody = message(deep, DS, { answers: forgerZone.signed(deep, DS, [CHILD.ds()]) });
  const verdict = await validatorOf([keyAnchor]).validate(deep, bySomebody, endless);
  assert.equal(verdict.kind === 'bogus' && verdict.fault.includes('chain of trust is too long'), true);
  assert.ok(asked <= 41, `${asked}`);
  assert.equal((await validatorOf([keyAnchor]).validate(deep, answer, endless)).kind, 'bogus');
});
