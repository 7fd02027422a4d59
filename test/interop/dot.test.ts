import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { execute, executeNamed, freePorts, NamedProcess, writeConfiguration } from './named-process.ts';
import { freePort, HOST } from './serve-peers.ts';
import { makeCertificate, ZONE } from './tls-files.ts';

/** named with plain DNS, DNS over TLS with a certificate, and with an ephemeral one. */
async function start(): Promise<{ named: NamedProcess; tls: number; ephemeral: number; directory: string }> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-dot-'));
  after(() => fs.rmSync(directory, { recursive: true, force: true }));
  makeCertificate(directory, 'a');
  fs.writeFileSync(path.join(directory, 'z.db'), ZONE);
  const ports = await freePorts();
  const [tls, ephemeral] = [await freePort(), await freePort()];
  configure(directory, ports, tls, ephemeral);
  return { named: await NamedProcess.start(directory, ports), tls, ephemeral, directory };
}

function configure(directory: string, ports: NamedProcess['ports'], tls: number, ephemeral: number, more = ''): void {
  const blocks = `tls a { cert-file "a.pem"; key-file "a.key"; };`;
  const options = `listen-on port ${tls} tls a { ${HOST}; }; listen-on port ${ephemeral} tls ephemeral { ${HOST}; }; ${more}`;
  writeConfiguration(directory, ports, `${blocks} zone "example" { type primary; file "z.db"; };`, { options });
}

/** Fingerprint of the certificate that a server shows. */
function fingerprint(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: HOST, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

const fileFingerprint = (directory: string): string =>
  new X509Certificate(fs.readFileSync(path.join(directory, 'a.pem'))).fingerprint256;

describe('DNS over TLS', { timeout: 500_000 }, () => {
  test('RFC 7858: dig and kdig, opportunistic and strict', async () => {
    const { named, tls, ephemeral, directory } = await start();
    await using _ = named;
    const query = ['www.example', 'A'];
    for (const port of [tls, ephemeral]) {
      const dig = await execute('dig', [`@${HOST}`, '-p', String(port), '+tls', ...query]);
      assert.match(dig.stdout, /status: NOERROR[\s\S]*192\.0\.2\.2[\s\S]*\(TLS\)/);
      const kdig = await execute('kdig', [`@${HOST}`, '-p', String(port), '+tls', '+padding', ...query]);
      assert.match(kdig.stdout, /TLS session \(TLS1\.3\)[\s\S]*192\.0\.2\.2/);
    }
    const strict = [`+tls-ca=${path.join(directory, 'a.pem')}`, '+tls-hostname=ns.example', ...query];
    assert.match((await execute('kdig', [`@${HOST}`, '-p', String(tls), ...strict])).stdout, /192\.0\.2\.2/);
    const wrong = await execute('kdig', [`@${HOST}`, '-p', String(ephemeral), '+retry=0', ...strict]);
    assert.doesNotMatch(wrong.stdout, /192\.0\.2\.2/);
    // Plain DNS is not spoken there, nor TLS on the plain port.
    assert.notEqual(
      (await execute('dig', [`@${HOST}`, '-p', String(tls), '+tcp', '+time=1', '+tries=1', ...query])).code,
      0,
    );
    assert.match(named.log, new RegExp(`listening on IPv4 interface lo, 127\\.0\\.0\\.1#${tls} \\(TLS\\)`));
  });

  test('RFC 7766, RFC 7828: many queries on one connection; keepalive tells tcp-advertised-timeout', async () => {
    const { named, tls, ephemeral, directory } = await start();
    await using _ = named;
    configure(directory, named.ports, tls, ephemeral, 'tcp-advertised-timeout 123;');
    await named.rndcUntil(/reloading configuration succeeded/, 'reconfig');
    const many = Array.from({ length: 20 }, (_x, i) => (i % 2 ? 'www.example' : `n${i}.example`));
    const { stdout } = await execute('kdig', [`@${HOST}`, '-p', String(tls), '+tls', '+keepopen', ...many]);
    assert.equal(stdout.match(/status: NOERROR/g)?.length, 10);
    assert.equal(stdout.match(/status: NXDOMAIN/g)?.length, 10);
    const dig = await execute('dig', [`@${HOST}`, '-p', String(tls), '+tls', '+keepalive', 'www.example']);
    assert.match(dig.stdout, /TCP[- ]KEEPALIVE: 12\.3 secs/i);
  });

  test('certificates are read again at reconfig; bad ones leave the old in place, and the log says why', async () => {
    const { named, tls, ephemeral, directory } = await start();
    await using _ = named;
    const [before, own] = [await fingerprint(tls), await fingerprint(ephemeral)];
    assert.equal(before, fileFingerprint(directory));
    const open = connect({ port: tls, host: HOST, rejectUnauthorized: false });
    await new Promise((resolve) => open.once('secureConnect', resolve));
    makeCertificate(directory, 'a');
    await named.rndcUntil(/reloading configuration succeeded/, 'reconfig');
    const after_ = await fingerprint(tls);
    assert.notEqual(after_, before);
    assert.equal(after_, fileFingerprint(directory));
    assert.equal(await fingerprint(ephemeral), own);
    assert.equal(open.destroyed, false);
    open.destroy();

    const key = fs.readFileSync(path.join(directory, 'a.key'), 'latin1');
    for (const [spoil, why] of [
      [() => fs.writeFileSync(path.join(directory, 'a.key'), 'no key'), /tls 'a': key-file has no private key/],
      [() => fs.rmSync(path.join(directory, 'a.key')), /tls 'a': key-file cannot be read \(ENOENT\)/],
      [() => makeCertificate(directory, 'a'), /reloading configuration succeeded/],
      [
        () => fs.writeFileSync(path.join(directory, 'a.key'), key),
        /tls 'a': cert-file and key-file do not belong together/,
      ],
      [() => fs.writeFileSync(path.join(directory, 'a.pem'), ''), /tls 'a': cert-file has no certificate/],
    ] as const) {
      const shown = await fingerprint(tls);
      spoil();
      await named.rndcUntil(why, 'reload');
      if (!why.source.startsWith('reloading')) assert.equal(await fingerprint(tls), shown, why.source);
    }
    assert.match(named.log, /new connections get the certificate of before/);
    assert.ok(!named.log.includes(key.split('\n')[1]), 'no key in the log');
    assert.ok(!named.log.includes('a.key'), 'nor where it is');
  });

  test('at the start a bad file is an error, as in BIND; a new listener at reconfig is left out', async () => {
    const { named, tls, ephemeral, directory } = await start();
    await using _ = named;
    fs.writeFileSync(path.join(directory, 'a.key'), 'no key');
    const other = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-dot-'));
    after(() => fs.rmSync(other, { recursive: true, force: true }));
    makeCertificate(other, 'a');
    fs.rmSync(path.join(other, 'a.pem'));
    fs.writeFileSync(path.join(other, 'z.db'), ZONE);
    configure(other, await freePorts(), await freePort(), await freePort());
    const failed = await executeNamed(['-g', '-c', path.join(other, 'named.conf')], other);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /tls 'a': cert-file .*a\.pem cannot be read \(ENOENT\)/);
    assert.match(failed.stderr, /exiting \(due to fatal error\)/);
    // Plain DNS there goes on, whatever becomes of TLS.
    fs.rmSync(path.join(directory, 'a.pem'));
    const third = await freePort();
    configure(directory, named.ports, tls, ephemeral, `listen-on port ${third} tls b { ${HOST}; };`);
    fs.appendFileSync(path.join(directory, 'named.conf'), 'tls b { cert-file "b.pem"; key-file "b.key"; };\n');
    await named.rndcUntil(/its listeners are left out/, 'reconfig');
    assert.match(await named.dig('www.example'), /192\.0\.2\.2/);
    makeCertificate(directory, 'b');
    await named.rndcUntil(new RegExp(`listening on .*#${third} \\(TLS\\)`), 'reconfig');
    assert.match(
      (await execute('dig', [`@${HOST}`, '-p', String(third), '+tls', 'www.example'])).stdout,
      /192\.0\.2\.2/,
    );
  });

  test('a port may change from plain DNS to TLS and back at reconfig', async () => {
    const { named, tls, ephemeral, directory } = await start();
    await using _ = named;
    const swapped = { ...named.ports, dns: tls };
    configure(directory, swapped, named.ports.dns, ephemeral);
    await named.rndcUntil(new RegExp(`listening on .*#${named.ports.dns} \\(TLS\\)`), 'reconfig');
    const ask = (port: number, ...how: string[]) =>
      execute('dig', [`@${HOST}`, '-p', String(port), ...how, 'www.example']);
    assert.match((await ask(named.ports.dns, '+tls')).stdout, /192\.0\.2\.2/);
    assert.match((await ask(tls, '+tcp')).stdout, /192\.0\.2\.2/);
    configure(directory, named.ports, tls, ephemeral);
    await named.rndcUntil(new RegExp(`listening on .*#${tls} \\(TLS\\)`), 'reconfig');
    assert.match((await ask(tls, '+tls')).stdout, /192\.0\.2\.2/);
    assert.match((await ask(named.ports.dns)).stdout, /192\.0\.2\.2/);
  });
});
