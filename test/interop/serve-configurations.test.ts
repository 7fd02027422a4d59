import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { FLAG } from '../../src/wire/header.ts';
import { isWithin } from '../../src/wire/name.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { CLASS, RCODE, TYPE } from '../../src/wire/type-codes.ts';
import { freePorts, NamedProcess, type Ports } from './named-process.ts';
import {
  compareReplies,
  type Difference,
  differenceText,
  type Reply,
  readReply,
  replyText,
} from './questions/compare.ts';
import { type EdnsPart, makeQuestion, type Question, words } from './questions/query.ts';
import { temporaryDirectory } from './serve-peers.ts';

/* One named.conf for Debian's named and for ours, asked by several clients at several addresses, over UDP and TCP. */

/** Who asks which address. */
const ASKERS: readonly (readonly [client: string, address: string])[] = [
  ['127.0.0.1', '127.0.0.1'],
  ['127.0.0.2', '127.0.0.1'],
  ['127.0.0.3', '127.0.0.1'],
  ['127.0.0.4', '127.0.0.1'],
  ['127.0.0.9', '127.0.0.1'],
  ['::1', '::1'],
];
/** Addresses of ours only: BIND listens at addresses that the interface shows (docs/decisions/0012-loopback-addresses.md). */
const MORE_ADDRESSES = ['127.0.0.5', '127.0.0.6'];

/** Owners in mixed case, and targets in another one. */
const zone = (view: number): string => `$TTL 300
@ SOA Ns1 Host 3 3600 600 86400 300
@ NS Ns1
@ NS ns2.CUT
@ A 192.0.2.10${view}
Ns1 A 192.0.2.${view}
Ns1 AAAA 2001:db8::${view}
MiXed A 192.0.2.1${view}
MiXed TXT "view ${view}"
MiXed MX 10 Mail
mail A 192.0.2.2${view}
*.Wild A 192.0.2.3${view}
*.Wild MX 5 MAIL
Alias CNAME mIxEd
Cut NS ns.Cut
Cut NS Ns2.cut
NS.Cut A 192.0.2.4${view}
ns2.Cut AAAA 2001:db8::4${view}
Tree DNAME Wild
a.b.Empty A 192.0.2.5${view}
_sip._tcp SRV 0 0 5060 MiXed
`;

const primary = (name: string, view: number, more = ''): string =>
  `zone "${name}" { type primary; file "${view}.db"; ${more} };`;

/** Zones that the views share; the last two have files with a fault and no file at all. */
const zones = (view: number): string => `
  ${primary('Case.example', view)}
  ${primary('closed.example', view, 'allow-query { none; };')}
  ${primary('friends.example', view, 'allow-query { 127.0.0.2; !127.0.0.9; };')}
  ${primary('asked.example', view, 'allow-query-on { ::1; };')}
  zone "faulty.example" { type primary; file "faulty.db"; };
  zone "absent.example" { type primary; file "absent.db"; };
  zone "sub.case.example" { type primary; file "absent.db"; };`;

const configuration = (home: string, { dns, control }: Ports): string => `
key "rndc-key" { algorithm hmac-sha256; secret "c3RhdGVtZW50cw=="; };
options {
  directory "${home}"; listen-on port ${dns} { 127.0.0.1; ${MORE_ADDRESSES.join('; ')}; }; listen-on-v6 port ${dns} { ::1; };
  recursion no; notify no; pid-file "named.pid"; session-keyfile none;
  server-id none; answer-cookie no;
};
controls { inet 127.0.0.1 port ${control} allow { 127.0.0.1; } keys { "rndc-key"; }; };
view first { match-clients { 127.0.0.1; }; match-destinations { 127.0.0.1; }; minimal-responses yes; minimal-any yes; ${zones(1)} };
view second { match-clients { !127.0.0.9; 127.0.0.2; 127.0.0.9; }; minimal-responses no; minimal-any no; ${zones(2)} };
view third {
  match-destinations { ::1; }; allow-query { 127.0.0.1; }; minimal-responses no-auth; minimal-any no; ${zones(3)}
  ${primary('open.example', 3, 'allow-query { ::1; };')}
};
view fourth { match-recursive-only yes; match-clients { 127.0.0.4; }; minimal-responses no-auth; minimal-any yes; ${zones(4)} };
view last { match-clients { 127.0.0.3; 127.0.0.4; }; minimal-responses no-auth-recursive; minimal-any no; ${zones(5)} };
`;

const EDNS: EdnsPart = { udpSize: 1232, dnssecOk: false, version: 0, z: 0, options: new Uint8Array(0) };
const VARIANTS: readonly { readonly flags: number; readonly edns: EdnsPart | undefined }[] = [
  { flags: 0, edns: undefined },
  { flags: FLAG.RD, edns: EDNS },
  { flags: 0, edns: { ...EDNS, udpSize: 512, dnssecOk: true } },
];

const ASKED: readonly (readonly [name: string, ...types: number[]])[] = [
  ['case.example.', TYPE.SOA, TYPE.NS, TYPE.A, TYPE.ANY, TYPE.DNSKEY, TYPE.TXT],
  ['CASE.EXAMPLE.', TYPE.NS, TYPE.ANY],
  ['mixed.case.example.', TYPE.A, TYPE.TXT, TYPE.MX, TYPE.ANY, TYPE.AAAA],
  ['MIXED.Case.Example.', TYPE.A, TYPE.MX],
  ['x.wild.case.example.', TYPE.A, TYPE.MX, TYPE.ANY, TYPE.TXT],
  ['ALIAS.case.example.', TYPE.A, TYPE.CNAME, TYPE.ANY],
  ['host.cut.case.example.', TYPE.A, TYPE.DS],
  ['CUT.case.example.', TYPE.NS, TYPE.DS],
  ['q.tree.case.example.', TYPE.A],
  ['empty.case.example.', TYPE.A],
  ['gone.case.example.', TYPE.A, TYPE.ANY],
  ['_sip._tcp.case.example.', TYPE.SRV],
  ['closed.example.', TYPE.SOA],
  ['friends.example.', TYPE.SOA],
  ['asked.example.', TYPE.SOA],
  ['open.example.', TYPE.SOA],
  ['faulty.example.', TYPE.SOA],
  ['absent.example.', TYPE.A],
  ['x.sub.case.example.', TYPE.A],
  ['sub.case.example.', TYPE.DS],
  ['nobody.test.', TYPE.A],
];

const QUESTIONS: readonly Question[] = ASKED.flatMap(([name, ...types]) =>
  types.flatMap((type) =>
    VARIANTS.map((variant) => makeQuestion({ name: mustName(name), type, class: CLASS.IN, tcp: false, ...variant })),
  ),
);

/** Asks from one address, one question after the other; what comes from another address than was asked is a fault. */
async function overUdp(client: string, address: string, port: number): Promise<Reply[]> {
  const socket = createSocket(client.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.bind(0, client);
    await once(socket, 'listening');
    const replies: Reply[] = [];
    for (const [i, { octets, text }] of QUESTIONS.entries()) replies.push(await answerTo(i, octets, text));
    return replies;
  } finally {
    socket.close();
  }

  async function answerTo(id: number, octets: Uint8Array, text: string): Promise<Reply> {
    const query = Buffer.from(octets);
    query.writeUInt16BE(id, 0);
    for (let tries = 0; tries < 40; tries++) {
      socket.send(query, port, address);
      const answer = await Promise.race([once(socket, 'message'), after1500()]);
      if (answer === undefined) continue;
      const [message, from] = answer as [Buffer, { address: string; port: number }];
      if (message.readUInt16BE(0) !== id) continue; // late, to a question that was asked again
      assert.deepEqual([from.address, from.port], [address, port], `${text}: the answer left from another address`);
      return readReply(message);
    }
    throw new Error(`${address} port ${port} does not answer ${client}: ${text}`);
  }
}

function after1500(): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), 1500).unref());
}

/** The same over one TCP connection. */
async function overTcp(client: string, address: string, port: number): Promise<Reply[]> {
  const socket = net.connect({ host: address, port, localAddress: client, noDelay: true });
  const replies: Reply[] = [];
  let buffered: Buffer = Buffer.alloc(0);
  await new Promise<void>((resolve, reject) => {
    const ask = (i: number): void => {
      const query = Buffer.from(QUESTIONS[i].octets);
      query.writeUInt16BE(i, 0);
      socket.write(Buffer.concat([words(query.length), query]));
    };
    socket.setTimeout(60_000, () => socket.destroy(new Error(`${address} does not answer ${client} over TCP`)));
    socket.on('error', reject);
    socket.on('close', resolve);
    socket.on('connect', () => ask(0));
    socket.on('data', (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
        replies.push(readReply(Buffer.from(buffered.subarray(2, 2 + buffered.readUInt16BE(0)))));
        buffered = buffered.subarray(2 + buffered.readUInt16BE(0));
        if (replies.length === QUESTIONS.length) socket.end();
        else ask(replies.length);
      }
    });
  });
  assert.equal(replies.length, QUESTIONS.length, `${address} closed the connection of ${client}`);
  return replies;
}

/** RFC 8482 section 4.1: with minimal-any, ANY over UDP gets one RRset, and each server may choose which. */
function isOneOfAny({ query }: Question, ours: Reply, theirs: Reply, difference: Difference): boolean {
  if (query?.type !== TYPE.ANY || difference.aspect !== 'record' || difference.section !== 'answers') return false;
  return [ours, theirs].every((reply) => reply.kind === 'message' && typesIn(reply) === 1);
}

/** What a wildcard gives is spelled as in the question (spelling-of-wildcards in docs/decisions/0013-answers-of-four-servers.md). */
function isSpeltAsAsked(difference: Difference): boolean {
  if (difference.aspect !== 'case' || difference.section !== 'answers') return false;
  const { record, theirs } = difference;
  return (
    Buffer.compare(record.rdata, theirs.rdata) === 0 &&
    isWithin(record.owner, WILD) &&
    record.owner.length > WILD.length
  );
}

const WILD = mustName('wild.case.example.');

function typesIn({ message }: Extract<Reply, { kind: 'message' }>): number {
  return new Set(message.answers.map(({ type }) => type)).size;
}

function assertSame(ours: readonly Reply[], theirs: readonly Reply[], what: string): void {
  const faults = QUESTIONS.flatMap((question, i) => {
    const differences = compareReplies('bind', ours[i], theirs[i]).filter(
      (one) => !isOneOfAny(question, ours[i], theirs[i], one) && !isSpeltAsAsked(one),
    );
    if (differences.length === 0) return [];
    const texts = [...differences.map(differenceText), replyText('ours', ours[i]), replyText('bind', theirs[i])];
    return [`${question.text}\n${texts.join('\n')}`];
  });
  assert.equal(faults.length, 0, `${faults.length} answers differ, ${what}:\n${faults.slice(0, 3).join('\n')}`);
}

describe('views, access lists, minimal-responses, spelling and addresses, as BIND', { timeout: 500_000 }, () => {
  const directory = temporaryDirectory();
  const servers: NamedProcess[] = [];

  before(async () => {
    for (const who of ['ours', 'debian'] as const) {
      const home = path.join(directory.path, who);
      fs.mkdirSync(home);
      for (let view = 1; view <= 5; view++) fs.writeFileSync(path.join(home, `${view}.db`), zone(view));
      fs.writeFileSync(path.join(home, 'faulty.db'), '$TTL 300\n@ SOA ns1 host 1 2 3 4\n');
      const ports = await freePorts();
      fs.writeFileSync(path.join(home, 'named.conf'), configuration(home, ports));
      servers.push(await NamedProcess.start(home, ports, who, ['-n', '1']));
    }
  });
  after(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
    directory[Symbol.dispose]();
  });

  for (const [client, address] of ASKERS)
    test(`${client} asks ${address}`, async () => {
      const [ours, theirs] = servers.map(({ ports }) => ports.dns);
      const [udp, bindsUdp] = [await overUdp(client, address, ours), await overUdp(client, address, theirs)];
      assertSame(udp, bindsUdp, 'over UDP');
      const [tcp, bindsTcp] = [await overTcp(client, address, ours), await overTcp(client, address, theirs)];
      assertSame(tcp, bindsTcp, 'over TCP');
    });

  for (const address of MORE_ADDRESSES)
    test(`listen-on: ${address} answers from itself, as the first address does`, async () => {
      const { dns } = servers[0].ports;
      for (const client of ['127.0.0.2', '127.0.0.3', '127.0.0.9']) {
        assertSame(await overUdp(client, address, dns), await overUdp(client, '127.0.0.1', dns), 'over UDP');
        assertSame(await overTcp(client, address, dns), await overTcp(client, '127.0.0.1', dns), 'over TCP');
      }
    });

  test('each view answers somebody, and each of the refusals occurs', async () => {
    const views = new Set<number>();
    const rcodes = new Set<number>();
    for (const [client, address] of ASKERS)
      for (const reply of await overUdp(client, address, servers[0].ports.dns)) {
        assert.equal(reply.kind, 'message');
        if (reply.kind !== 'message') continue;
        rcodes.add(reply.message.rcode);
        for (const { type, rdata } of reply.message.answers) if (type === TYPE.A) views.add(rdata[3] % 10);
      }
    assert.deepEqual([...views].toSorted(), [1, 2, 4, 5]);
    assert.deepEqual([...rcodes].toSorted(), [RCODE.NOERROR, RCODE.SERVFAIL, RCODE.NXDOMAIN, RCODE.REFUSED]);
  });
});
