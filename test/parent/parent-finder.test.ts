import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Agent, agentText } from '../../src/parent/agent.ts';
import { type AskServer, ParentFinder } from '../../src/parent/parent-finder.ts';
import { resolversOf } from '../../src/parent/resolv-conf.ts';
import { FLAG } from '../../src/wire/header.ts';
import { makeQuery, type Message, parseMessage, type ResourceRecord } from '../../src/wire/message.ts';
import { nameToText, mustName } from '../../src/wire/name-text.ts';
import { CLASS, RCODE, TYPE } from '../../src/wire/type-codes.ts';
import { answerTo, record } from './test-agent.ts';

const ZONE = mustName('child.b.example.');
const RESOLVERS: readonly Agent[] = [1, 2].map((last) => ({ address: Uint8Array.of(192, 0, 2, last), port: 53 }));
const FLAGS = FLAG.QR | FLAG.RA;

const ns = (owner: string, server: string): ResourceRecord => record(owner, TYPE.NS, mustName(server));
const a = (owner: string, last: number): ResourceRecord => record(owner, TYPE.A, Uint8Array.of(198, 51, 100, last));
const aaaa = (owner: string, last: number): ResourceRecord =>
  record(owner, TYPE.AAAA, Uint8Array.of(0x20, 1, ...new Uint8Array(13), last));

/** A world of records; each question is noted. */
class Names {
  readonly asked: string[] = [];
  readonly #answers = new Map<string, Partial<Message>>();

  add(name: string, type: number, parts: Partial<Message>): this {
    this.#answers.set(`${name} ${type}`, parts);
    return this;
  }

  readonly ask: AskServer = async (name, type, server) => {
    const key = `${nameToText(name)} ${type}`;
    this.asked.push(`${agentText(server)} ${key}`);
    const parts = this.#answers.get(`${agentText(server)} ${key}`) ?? this.#answers.get(key) ?? {};
    const query = makeQuery(1, { name, type, class: CLASS.IN });
    return { message: parseMessage(answerTo({ message: query }, { flags: FLAGS, ...parts })) };
  };
}

function find(names: Names, options: Partial<ConstructorParameters<typeof ParentFinder>[0]> = {}, zone = ZONE) {
  return new ParentFinder({ resolvers: () => RESOLVERS, families: [4, 6], ...options }).find(zone, names.ask);
}

async function agentsOf(...args: Parameters<typeof find>): Promise<string[]> {
  const found = await find(...args);
  assert.ok('agents' in found, 'fault' in found ? found.fault : '');
  return found.agents.map(agentText);
}

async function faultOf(...args: Parameters<typeof find>): Promise<string> {
  const found = await find(...args);
  assert.ok('fault' in found, 'the parent was found');
  return found.fault;
}

const withParent = (): Names =>
  new Names()
    .add('example.', TYPE.NS, { answers: [ns('example.', 'ns1.example.'), ns('example.', 'ns2.other.')] })
    .add('ns1.example.', TYPE.A, { answers: [a('ns1.example.', 1), a('ns1.example.', 2)] })
    .add('ns1.example.', TYPE.AAAA, { answers: [aaaa('ns1.example.', 1)] })
    .add('ns2.other.', TYPE.A, { answers: [record('ns2.other.', TYPE.CNAME, mustName('x.other.')), a('x.other.', 3)] });

test('S-077 the parent is the closest zone above, and all addresses of its name servers are asked', async () => {
  const names = withParent();
  assert.deepEqual(await agentsOf(names), ['198.51.100.1#53', '198.51.100.2#53', '2001::1#53', '198.51.100.3#53']);
  // b.example is no zone: its parent is looked at after it.
  assert.deepEqual(names.asked.slice(0, 2), ['192.0.2.1#53 b.example. 2', '192.0.2.1#53 example. 2']);
});

test('S-077 the parent may be the root; the root has none', async () => {
  const names = new Names()
    .add('.', TYPE.NS, { answers: [ns('.', 'a.root.')] })
    .add('a.root.', TYPE.A, { answers: [a('a.root.', 9)] });
  assert.deepEqual(await agentsOf(names, {}, mustName('example.')), ['198.51.100.9#53']);
  assert.equal(await faultOf(names, {}, mustName('.')), 'the root has no parent');
  assert.match(await faultOf(new Names()), /no zone above child\.b\.example was found/);
});

test('a resolver that does not help leaves it to the next; when none does, all are named', async () => {
  const names = withParent();
  names.add('192.0.2.1#53 b.example.', TYPE.NS, { rcode: RCODE.SERVFAIL });
  names.add('192.0.2.1#53 example.', TYPE.NS, { flags: FLAG.QR | FLAG.AA });
  assert.equal((await agentsOf(names)).length, 4);
  names.add('b.example.', TYPE.NS, { rcode: RCODE.REFUSED });
  const fault = await faultOf(names);
  assert.match(
    fault,
    /no resolver helps with b\.example \(192\.0\.2\.1#53: it answers SERVFAIL; 192\.0\.2\.2#53: it answers REFUSED\)/,
  );
  assert.match(await faultOf(names, { resolvers: () => [] }), /no resolver is known/);
});

test('NXDOMAIN on the way up is passed, answers about other names count for nothing', async () => {
  const names = withParent().add('b.example.', TYPE.NS, {
    rcode: RCODE.NXDOMAIN,
    answers: [ns('other.', 'ns.other.')],
  });
  assert.equal((await agentsOf(names)).length, 4);
});

test('S-077 a name server that cannot be asked ends it: it might be the one without the DS', async () => {
  const names = withParent().add('ns2.other.', TYPE.A, {});
  assert.match(await faultOf(names), /name server ns2\.other of the parent has no address/);
  assert.match(await faultOf(withParent(), { families: [6] }), /cannot reach the addresses of ns2\.other/);
  assert.deepEqual(await agentsOf(withParent(), { families: [4] }), [
    '198.51.100.1#53',
    '198.51.100.2#53',
    '198.51.100.3#53',
  ]);
});

test('a parent with endlessly many name servers or addresses is not asked endlessly', async () => {
  const many = Array.from({ length: 17 }, (_, i) => ns('example.', `ns${i}.example.`));
  const names = new Names().add('example.', TYPE.NS, { answers: many });
  assert.match(await faultOf(names), /17 name servers/);
  assert.equal(names.asked.length, 2);
  const wide = new Names()
    .add('example.', TYPE.NS, { answers: [ns('example.', 'n.example.')] })
    .add('n.example.', TYPE.A, { answers: Array.from({ length: 50 }, (_, i) => a('n.example.', i + 1)) });
  assert.equal((await agentsOf(wide)).length, 4);
});

test('resolv.conf(5): the first three addresses of nameserver lines', () => {
  const text = [
    '# nameserver 192.0.2.9',
    'search example.org',
    'nameserver 192.0.2.1',
    'nameserver\t2001:db8::1',
    ' nameserver 192.0.2.8',
    'nameserver host.example',
    'nameserver fe80::1%eth0 ',
    'nameserver 192.0.2.4',
  ].join('\n');
  assert.deepEqual(resolversOf(text).map(agentText), ['192.0.2.1#53', '2001:db8::1#53', 'fe80::1%eth0#53']);
  assert.deepEqual(resolversOf(''), []);
});
