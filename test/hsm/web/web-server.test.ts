import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import type tls from 'node:tls';
import fc from 'fast-check';
import { SystemClock } from '../../../src/base/clock.ts';
import { MemoryLog, silentLog } from '../../../src/base/log.ts';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { SystemRandom } from '../../../src/base/random.ts';
import { ApplianceCertificate } from '../../../src/hsm/certificate/appliance-certificate.ts';
import { fingerprintOf } from '../../../src/hsm/certificate/peer-identity.ts';
import { OperationLatencies } from '../../../src/hsm/web/latencies.ts';
import { publicStatus } from '../../../src/hsm/web/public-status.ts';
import { statusPage } from '../../../src/hsm/web/status-page.ts';
import { WebServer, type WebServerDependencies, type WebServerOptions } from '../../../src/hsm/web/web-server.ts';
import { until } from '../watchdog/watchdog-suite.ts';
import { FakeAppliance, IDENTITY, STATES } from './fake-appliance.ts';

const options = { timeout: 300_000 };

async function serve(
  t: test.TestContext,
  changes: Partial<WebServerOptions> = {},
  dependencies: Partial<WebServerDependencies> = {},
) {
  const appliance = new FakeAppliance();
  const server = new WebServer(
    { listen: '127.0.0.1', port: 0, ...changes },
    { appliance, firewall: { accepts: () => true }, log: silentLog, clock: new SystemClock(), ...dependencies },
  );
  const { port, tlsPort } = await server.start();
  t.after(() => server[Symbol.asyncDispose]());
  return { appliance, server, port, tlsPort, url: `http://127.0.0.1:${port}` };
}

test(
  'S-462 the page says HSM Status and the state of each device, and holds nothing to be done',
  options,
  async (t) => {
    const { appliance, url } = await serve(t);
    for (const state of Object.values(STATES)) {
      appliance.show(state);
      const response = await fetch(url);
      assert.equal(response.status, 200);
      const page = await response.text();
      assert.match(page, /<h1>Diamond HSM Status<\/h1>/);
      assert.match(page, /<title>Diamond HSM<\/title>/);
      for (const { index, text } of state.devices) assert.ok(page.includes(`CrypTech Device ${index}: <strong>${text}</strong>`)); // prettier-ignore
      for (const why of state.whyLocked) assert.ok(page.includes(why), why);
      assert.ok(page.replaceAll('<wbr />', '').includes(state.fingerprint) && page.includes('1000-0002'));
      assert.doesNotMatch(page, /<form|<button|<input|onclick|javascript:/i);
    }
    const { headers } = await fetch(url);
    const policy = headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.deepEqual(
      ['x-content-type-options', 'x-frame-options', 'referrer-policy', 'cache-control'].map((name) =>
        headers.get(name),
      ),
      ['nosniff', 'DENY', 'no-referrer', 'no-store'],
    );
  },
);

test('S-457 what the page says first agrees with the lights', () => {
  const levels: Record<string, string> = { good: 'green', wait: 'yellow green', attention: 'yellow red', alarm: 'red' };
  for (const [name, state] of Object.entries(STATES)) {
    const page = statusPage(publicStatus(IDENTITY, state));
    const level = /class="summary (\w+)"/.exec(page)?.[1] ?? '';
    // A locked HSM has green lights: they show that it works, not that it may be used.
    if (name !== 'locked') assert.ok(levels[level].split(' ').includes(state.leds.system.colour), `${name}: ${level}`);
    assert.equal(level === 'good', name === 'ready');
  }
});

test('S-462 /api/status is the same as data, without what others need not know', options, async (t) => {
  const { appliance, url } = await serve(t);
  appliance.show(STATES['tamper']);
  const response = await fetch(`${url}/api/status`);
  const text = await response.text();
  const status = JSON.parse(text) as ReturnType<typeof publicStatus>;
  assert.equal(status.devices[0].text, 'ERROR - Tamper detected');
  assert.deepEqual([status.devices[0].tamper, status.devices[0].tamperedBy], ['lasts', ['case']]);
  assert.deepEqual(status.leds.tamper, { colour: 'red', isBlinking: true });
  // Process ids and thresholds are for the console.
  assert.doesNotMatch(text, /4300|4242|512|1024|threshold|pid/);
});

test('S-462 only GET and HEAD, and only what is there', options, async (t) => {
  const { url } = await serve(t);
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const response = await fetch(url, { method });
    assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD']);
    assert.ok(response.headers.has('content-security-policy'));
  }
  for (const at of ['/x', '/..%2f..%2fetc/passwd', '/api', '/events/1'])
    assert.equal((await fetch(url + at)).status, 404);
  for (const at of ['/', '/api/status', '/metrics', '/style.css', '/live.js', '/favicon.svg', '/events']) {
    const head = await fetch(url + at, { method: 'HEAD' });
    assert.equal(head.status, 200, at);
    assert.equal(await head.text(), '');
  }
});

test('S-462 what a device or a version calls itself cannot become markup', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 40 }), (word) => {
      const text = `<script>${word}</script>`;
      const state = { ...STATES['locked'], whyLocked: [text], address: text };
      const page = statusPage(publicStatus({ ...IDENTITY, version: text, serial: `"'>${word}` }, state));
      assert.equal(page.split('<script').length, 2, 'the page’s own');
      assert.doesNotMatch(page, /<script>/);
    }),
    { seed: 5, numRuns: 200 },
  );
});

/** Reads the events of a page until `isDone`. */
async function events(
  url: string,
  isDone: (contents: readonly string[]) => boolean,
  act: (contents: readonly string[]) => void,
): Promise<string[]> {
  // prettier-ignore
  const end = new AbortController();
  const response = await fetch(`${url}/events`, { signal: end.signal });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const contents: string[] = [];
  let rest = '';
  try {
    for await (const chunk of response.body ?? []) {
      rest += Buffer.from(chunk).toString('utf8');
      const parts = rest.split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const match = /^event: status\ndata: (.*)$/.exec(part);
        if (match !== null) contents.push((JSON.parse(match[1]) as { content: string }).content);
      }
      act(contents);
      if (isDone(contents)) break;
    }
  } finally {
    end.abort();
  }
  return contents;
}

test(
  'S-462 the page is kept live: each change arrives, none is sent twice, and nothing is left when the reader goes',
  options,
  async (t) => {
    const { appliance, url } = await serve(t);
    const names = ['locked', 'one-device', 'tamper'];
    const contents = await events(
      url,
      (all) => all.length > names.length,
      (all) => {
        const next = names[all.length - 1];
        if (next !== undefined) appliance.show(STATES[next]);
      },
    );
    assert.match(contents[0], /class="summary good"/);
    assert.match(contents[1], /must be unlocked/);
    assert.match(contents[2], /Device failure/);
    assert.match(contents[3], /Tamper event/);
    await until(() => appliance.watchers.size === 0);
  },
);

test('S-462 there is room for so many watchers and no more, and for the page itself always', options, async (t) => {
  const { url, server } = await serve(t);
  const open = await Promise.all(Array.from({ length: 50 }, () => fetch(`${url}/events`)));
  assert.ok(open.every(({ status }) => status === 200));
  const more = await fetch(`${url}/events`);
  assert.deepEqual([more.status, more.headers.get('retry-after')], [503, '30']);
  assert.equal((await fetch(url)).status, 200);
  await server[Symbol.asyncDispose]();
  for (const { body } of open) await body?.cancel().catch(() => undefined);
});

test('S-462 addresses that the firewall does not accept get nothing', options, async (t) => {
  const asked: string[] = [];
  const { url } = await serve(
    t,
    {},
    { firewall: { accepts: (port, address) => asked.push(`${port} ${address}`) > 1e9 } },
  );
  await assert.rejects(fetch(url));
  assert.ok(asked.includes('web 127.0.0.1'));
});

test(
  'S-462 a request that is malformed, too large or never finished ends, and others are served',
  options,
  async (t) => {
    const { port, url } = await serve(t);
    const ended = (octets: string): Promise<string> =>
      new Promise((resolve) => {
        let answer = '';
        const socket = net.connect(port, '127.0.0.1', () => socket.write(octets));
        socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
        socket.on('error', () => undefined);
        socket.on('close', () => resolve(answer));
      });
    assert.match(await ended('nonsense\r\n\r\n'), /^HTTP\/1.1 400/);
    assert.match(await ended(`GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(9000)}\r\n\r\n`), /^HTTP\/1.1 431/);
    assert.match(await ended('GET / HTTP/1.1\r\nHost: x\r\n'), /^HTTP\/1.1 408/);
    assert.equal((await fetch(url)).status, 200);
  },
);

test('S-462 by TLS 1.3 with the certificate of the appliance, which can be renewed', options, async (t) => {
  const stateDirectory = fs.mkdtempSync(path.join(os.tmpdir(), 'hsm-web-'));
  t.after(() => fs.rmSync(stateDirectory, { recursive: true }));
  const dependencies = { clock: new SystemClock(), disk: new NodeDisk(), random: new SystemRandom(), log: silentLog };
  const make = (serial: string) =>
    new ApplianceCertificate({ stateDirectory, serial, servername: 'dks-hsm' }, dependencies).current();
  const certificate = await make('1000-0002');
  const { tlsPort, server } = await serve(t, { tlsPort: 0 }, { tls: { ...certificate, minVersion: 'TLSv1.3' } });
  const get = (
    maxVersion: 'TLSv1.2' | 'TLSv1.3' = 'TLSv1.3',
  ): Promise<{ protocol: string | null; subject: string; fingerprint: string; body: string }> =>
    new Promise((resolve, reject) => {
      const request = https.get(
        { host: '127.0.0.1', port: tlsPort, rejectUnauthorized: false, agent: false, maxVersion },
        (response) => {
          const socket = response.socket as tls.TLSSocket;
          const shown = socket.getPeerX509Certificate();
          let body = '';
          response.on('data', (chunk: Buffer) => (body += chunk.toString()));
          response.on('end', () =>
            resolve({
              protocol: socket.getProtocol(),
              subject: shown?.subject ?? '',
              fingerprint: shown === undefined ? '' : fingerprintOf(shown),
              body,
            }),
          );
        },
      );
      request.on('error', reject);
    });
  const first = await get();
  assert.deepEqual([first.protocol, first.fingerprint], ['TLSv1.3', certificate.fingerprint]);
  assert.match(first.body, /HSM Status/);
  assert.match(first.subject, /serialNumber=1000-0002/);
  await assert.rejects(get('TLSv1.2'));
  server.setTls({ ...(await make('1000-0009')), minVersion: 'TLSv1.2' });
  const second = await get();
  assert.match(second.subject, /serialNumber=1000-0009/);
  assert.equal(second.fingerprint, first.fingerprint);
  assert.equal((await get('TLSv1.2')).protocol, 'TLSv1.2');
});

test('S-462 a port that is taken is an error that says so', options, async (t) => {
  const { port } = await serve(t);
  await assert.rejects(
    serve(t, { port }),
    /the status page cannot be served on 127.0.0.1 port \d+: .*EADDRINUSE.*--web-port/,
  );
});

test('S-462 a state that cannot be read is an error in the log, not on the page', options, async (t) => {
  const log = new MemoryLog();
  const { appliance, url } = await serve(t, {}, { log });
  appliance.getState = () => {
    throw new Error('secret detail');
  };
  const response = await fetch(url);
  assert.equal(response.status, 500);
  assert.doesNotMatch(await response.text(), /secret detail/);
  assert.match(log.records.map(({ text }) => text).join(), /secret detail/);
});

test('S-341 (part) metrics have operations, latencies, logins and queue lengths by device', options, async (t) => {
  const latencies = new OperationLatencies(2);
  for (const milliseconds of [0.05, 0.1, 0.3, 2, 100_000]) latencies.record(1, 'sign', milliseconds);
  latencies.record(0, 'generate', 700);
  const { appliance, url } = await serve(t, {}, { latencies });
  appliance.show(STATES['one-device']);
  const response = await fetch(`${url}/metrics`);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  const samples = new Map<string, number>();
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('#')) {
      assert.match(line, /^# (HELP signet_hsm_\w+ \S.*|TYPE signet_hsm_\w+ (counter|gauge|histogram))$/);
      continue;
    }
    const sample = /^(signet_hsm_[a-z_]+(?:\{(?:[a-z]+="(?:[^"\\]|\\.)*",?)*\})?) (\S+)$/.exec(line);
    assert.ok(sample !== null && !samples.has(sample[1]), line);
    samples.set(sample[1], Number(sample[2]));
  }
  const value = (name: string): number | undefined => samples.get(`signet_hsm_${name}`);
  assert.equal(value('device_operations_total{device="0",kind="sign"}'), 1_234_567);
  assert.equal(value('device_logins{device="0"}'), 2);
  assert.equal(value('device_queue_length{device="1"}'), 1);
  assert.equal(value('device_up{device="1"}'), 0);
  assert.equal(value('device_logins{device="1"}'), undefined);
  assert.equal(value('led{led="system",colour="yellow"}'), 2);
  const bucket = (le: string) => value(`operation_duration_seconds_bucket{device="1",kind="sign",le="${le}"}`);
  assert.deepEqual(['0.0001', '0.00025', '0.0005', '0.0025', '60', '+Inf'].map(bucket), [2, 2, 3, 4, 4, 5]);
  assert.equal(value('operation_duration_seconds_count{device="1",kind="sign"}'), 5);
  assert.equal(value('operation_duration_seconds_sum{device="0",kind="generate"}'), 0.7);
});

test('S-462 an HTTP/1.0 client and one that reads nothing do no harm', options, async (t) => {
  const { port, url } = await serve(t);
  const lazy = http.get(`${url}/events`);
  lazy.on('error', () => undefined);
  await new Promise((resolve) => lazy.once('response', resolve));
  const answer = await new Promise<string>((resolve) => {
    let all = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.0\r\nHost: hsm\r\n\r\n'));
    socket.on('data', (chunk: Buffer) => (all += chunk.toString()));
    socket.on('close', () => resolve(all));
  });
  assert.match(answer, /HSM Status/);
  lazy.destroy();
});
