import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultsOf, good } from './configurations.ts';

const FILES = "cert-file 'c.pem'; key-file 'k.pem';".replaceAll("'", '"');

test('listen-on: what is spoken and at which port, by default and as written', () => {
  const { listenOn, listenOnV6 } = good(`
    tls t { ${FILES} }; http h { };
    options { tls-port 1853; https-port 1443; http-port 1080; port 1053;
      listen-on { any; }; listen-on tls none { any; }; listen-on tls t { any; };
      listen-on tls ephemeral http default { any; }; listen-on tls none http h { any; }; listen-on port 5 tls t http h { any; }; };`);
  assert.deepEqual(
    listenOn.map((one) => ({ ...one, addresses: undefined })),
    [
      { port: 1053, isDefaultPort: true, transport: 'plain', addresses: undefined },
      { port: 1053, isDefaultPort: true, transport: 'plain', addresses: undefined },
      { port: 1853, isDefaultPort: true, transport: 'tls', tls: 't', addresses: undefined },
      { port: 1443, isDefaultPort: true, transport: 'https', tls: 'ephemeral', http: 'default', addresses: undefined },
      { port: 1080, isDefaultPort: true, transport: 'http', http: 'h', addresses: undefined },
      { port: 5, isDefaultPort: false, transport: 'https', tls: 't', http: 'h', addresses: undefined },
    ],
  );
  assert.deepEqual(listenOnV6.map(({ port, transport }) => [port, transport]), [[1053, 'plain']]); // prettier-ignore
});

test('tls: every clause, and what is left out', () => {
  const { tls } = good(`tls a { ${FILES} ca-file "ca"; dhparam-file "dh"; protocols { TLSv1.3; }; ciphers "HIGH:!aNULL";
    prefer-server-ciphers yes; session-tickets no; remote-hostname "x"; }; tls b { };`);
  assert.deepEqual(
    { ...tls.get('a')!, position: undefined },
    {
      name: 'a',
      certFile: 'c.pem',
      keyFile: 'k.pem',
      caFile: 'ca',
      remoteHostname: 'x',
      dhparamFile: 'dh',
      minVersion: 'TLSv1.3',
      maxVersion: 'TLSv1.3',
      ciphers: 'HIGH:!aNULL',
      preferServerCiphers: true,
      sessionTickets: false,
      position: undefined,
    },
  );
  const b = tls.get('b')!;
  assert.deepEqual([b.certFile, b.minVersion, b.maxVersion, b.sessionTickets], [undefined, 'TLSv1.2', 'TLSv1.3', true]);
});

test('http: every clause, defaults from options, the built-in block', () => {
  const { http } = good(`options { http-listener-clients 7; http-streams-per-connection 8; };
    http a { endpoints { "/a"; "/b/c"; "/"; "/%7e"; }; listener-clients 1; streams-per-connection 0; }; http b { endpoints { }; };`);
  assert.deepEqual([...http.values()], [
    { name: 'default', endpoints: ['/dns-query'], listenerClients: 7, streamsPerConnection: 8 },
    { name: 'a', endpoints: ['/a', '/b/c', '/', '/%7e'], listenerClients: 1, streamsPerConnection: 0 },
    { name: 'b', endpoints: ['/dns-query'], listenerClients: 7, streamsPerConnection: 8 },
  ]); // prettier-ignore
});

test('limits of streams: defaults, and numbers out of range brought into it with a warning', () => {
  const timeouts = { initialTimeout: 300, idleTimeout: 300, keepaliveTimeout: 300, advertisedTimeout: 300 };
  assert.deepEqual(good('').streams, { clients: 150, listenQueue: 10, ...timeouts });
  const text = `options { tcp-clients 0; tcp-listen-queue 3; tcp-initial-timeout 1; tcp-idle-timeout 1201;
    tcp-keepalive-timeout 65536; tcp-advertised-timeout 0; };`;
  assert.deepEqual(good(text).streams, {
    clients: 0,
    listenQueue: 10,
    initialTimeout: 25,
    idleTimeout: 1200,
    keepaliveTimeout: 65_535,
    advertisedTimeout: 0,
  });
  assert.deepEqual(faultsOf(text), [
    'warning: named.conf:1:46: tcp-initial-timeout value is out of range: raising to 25',
    'warning: named.conf:1:69: tcp-idle-timeout value is out of range: lowering to 1200',
    'warning: named.conf:2:5: tcp-keepalive-timeout value is out of range: lowering to 65535',
  ]);
  assert.equal(good('options { tcp-listen-queue 0; };').streams.listenQueue, 0);
});

test('allow-transfer port and transport: of the zone, inherited, or none', () => {
  const zone = (body: string, options = '') =>
    good(`options { ${options} }; zone "z" { type primary; file "z"; ${body} };`).views[0].zones[0].transferOver;
  assert.equal(zone(''), undefined);
  assert.equal(zone('allow-transfer { any; };'), undefined);
  assert.deepEqual(zone('allow-transfer port 853 transport tls { any; };'), {
    port: 853,
    transport: 'tls',
  });
  assert.deepEqual(zone('', 'allow-transfer transport TCP { any; };'), { transport: 'tcp' });
  assert.equal(zone('allow-transfer { any; };', 'allow-transfer transport tcp { any; };'), undefined);
  assert.equal(zone('allow-transfer port 0 { any; };'), undefined);
});

test('what cannot be done is an error that names it', () => {
  for (const [text, fault] of [
    ['options { tcp-receive-buffer 4096; };', "'tcp-receive-buffer' with this value is known but not supported"],
    ['options { keep-response-order { any; }; };', "'keep-response-order' with this value is known but not supported"],
    ['tls t { }; options { listen-on tls t { any; }; };', "tls 't': listening needs 'cert-file' and 'key-file'"],
  ])
    assert.ok(faultsOf(text)[0].includes(fault), faultsOf(text)[0]);
});
