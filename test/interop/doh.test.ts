import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import http2, { type OutgoingHttpHeaders } from 'node:http2';
import { after, describe, test } from 'node:test';
import { makeQuery, parseMessage, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';
import { execute, freePorts, NamedProcess, writeConfiguration } from './named-process.ts';
import { freePort, HOST } from './serve-peers.ts';
import { makeCertificate, ZONE } from './tls-files.ts';

async function start(who: 'ours' | 'debian'): Promise<{ named: NamedProcess; https: number; http: number }> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-doh-'));
  after(() => fs.rmSync(directory, { recursive: true, force: true }));
  makeCertificate(directory, 'a');
  fs.writeFileSync(path.join(directory, 'z.db'), ZONE);
  const ports = await freePorts();
  const [https, http] = [await freePort(), await freePort()];
  const blocks = `tls a { cert-file "${directory}/a.pem"; key-file "${directory}/a.key"; }; http h { endpoints { "/dns-query"; "/other"; }; };`;
  const options = `listen-on port ${https} tls a http h { ${HOST}; }; listen-on port ${http} tls none http default { ${HOST}; };`;
  writeConfiguration(directory, ports, `${blocks} zone "example" { type primary; file "z.db"; };`, { options });
  return { named: await NamedProcess.start(directory, ports, who), https, http };
}

interface Reply {
  readonly status: unknown;
  readonly cache: unknown;
  readonly type: unknown;
  readonly body: Buffer;
}

async function ask(port: number, headers: OutgoingHttpHeaders, body?: Uint8Array): Promise<Reply> {
  const session = http2.connect(`http://${HOST}:${port}`);
  try {
    return await new Promise((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request(headers, { endStream: body === undefined });
      const chunks: Buffer[] = [];
      let got: OutgoingHttpHeaders = {};
      stream.on('response', (response) => (got = response));
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', reject);
      stream.on('close', () =>
        resolve({
          status: got[':status'],
          cache: got['cache-control'],
          type: got['content-type'],
          body: Buffer.concat(chunks),
        }),
      );
      if (body !== undefined) stream.end(body);
    });
  } finally {
    session.destroy();
  }
}

const question = (name: string, type: number): Uint8Array =>
  writeMessage(makeQuery(0, { name: mustName(name), type, class: CLASS.IN }));

const get = (path_: string): OutgoingHttpHeaders => ({ ':path': path_, accept: 'application/dns-message' });
const inPath = (message: Uint8Array): OutgoingHttpHeaders =>
  get(`/dns-query?dns=${Buffer.from(message).toString('base64url')}`);
const WWW = question('www.example.', TYPE.A);
const POST = { ':method': 'POST', ':path': '/dns-query', 'content-type': 'application/dns-message' };
const withLength = (headers: OutgoingHttpHeaders, body: Uint8Array) => ({ ...headers, 'content-length': body.length });

describe('DNS over HTTPS', { timeout: 500_000 }, () => {
  test('RFC 8484: dig and kdig, GET and POST, with TLS and without, at every endpoint', async () => {
    const { named, https, http } = await start('ours');
    await using _ = named;
    for (const [port, how] of [
      [https, '+https'],
      [https, '+https=/other'],
      [https, '+https-get'],
      [http, '+http-plain'],
      [http, '+http-plain-get'],
    ] as const) {
      const { stdout } = await execute('dig', [`@${HOST}`, '-p', String(port), how, 'www.example']);
      assert.match(stdout, /status: NOERROR[\s\S]*192\.0\.2\.2[\s\S]*\(HTTPS?(?:-GET)?\)/, how);
    }
    for (const how of ['+https', '+https-get']) {
      const words = how === '+https' ? ['+https'] : ['+https', '+https-get'];
      const { stdout } = await execute('kdig', [`@${HOST}`, '-p', String(https), ...words, 'www.example']);
      assert.match(stdout, /HTTP session \(HTTP\/2[\s\S]*status: NOERROR[\s\S]*192\.0\.2\.2/, how);
    }
    assert.match(named.log, new RegExp(`127\\.0\\.0\\.1#${https} \\(HTTPS\\)`));
    assert.match(named.log, new RegExp(`127\\.0\\.0\\.1#${http} \\(HTTP\\)`));
  });

  test('RFC 8484 section 5.1: status, freshness and type are those of BIND', async () => {
    const [ours, peers] = [await start('ours'), await start('debian')];
    await using _ours = ours.named;
    await using _peers = peers.named;
    const axfr = question('example.', TYPE.AXFR);
    const cases: [string, OutgoingHttpHeaders, Uint8Array?][] = [
      ['an answer: its TTL', inPath(WWW)],
      ['NXDOMAIN: the SOA', inPath(question('nx.example.', TYPE.A))],
      ['NODATA: the SOA', inPath(question('www.example.', TYPE.AAAA))],
      ['REFUSED: nothing', inPath(question('elsewhere.', TYPE.A))],
      ['ANY: the smallest', inPath(question('example.', TYPE.ANY))],
      ['a transfer', inPath(axfr)],
      ['POST', withLength(POST, WWW), WWW],
      ['POST of a transfer', withLength(POST, axfr), axfr],
      ['no accept', { ...inPath(WWW), accept: undefined }],
      ['no parameter', get('/dns-query')],
      ['an empty one', get('/dns-query?dns=')],
      ['no base64url', get('/dns-query?dns=@@@')],
      ['padding', get(`/dns-query?dns=AAA=`)],
      ['another path', get('/nope?dns=AAAA')],
      ['less than a header', get('/dns-query?dns=AAAA')],
      ['another type', withLength({ ...POST, 'content-type': 'text/plain' }, WWW), WWW],
      ['an empty body', withLength(POST, new Uint8Array()), new Uint8Array()],
      ['PUT', withLength({ ...POST, ':method': 'PUT' }, WWW), WWW],
      ['HEAD', { ...inPath(WWW), ':method': 'HEAD' }],
      ['DELETE', { ...inPath(WWW), ':method': 'DELETE' }],
    ];
    for (const [what, headers, body] of cases) {
      const [we, they] = [await ask(ours.http, headers, body), await ask(peers.http, headers, body)];
      const shape = ({ status, cache, type, body: octets }: Reply): unknown[] => [
        status,
        cache,
        type,
        octets.length < 12 ? undefined : parseMessage(octets).rcode,
      ];
      assert.deepEqual(shape(we), shape(they), what);
    }
  });
});
