import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import tls from 'node:tls';
import type { AddressInfo } from 'node:net';
import { SimulatedClock } from '../../../src/base/clock.ts';
import { SignetError } from '../../../src/base/error.ts';
import { silentLog } from '../../../src/base/log.ts';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { SystemRandom } from '../../../src/base/random.ts';
import { ApplianceCertificate } from '../../../src/hsm/certificate/appliance-certificate.ts';
import { checkPeer, fingerprintOf, identityOf } from '../../../src/hsm/certificate/peer-identity.ts';

const DAY = 86_400;
const START = 1_800_000_000;

const fixture = (t: test.TestContext) => {
  const stateDirectory = fs.mkdtempSync(path.join(os.tmpdir(), 'hsm-certificate-'));
  t.after(() => fs.rmSync(stateDirectory, { recursive: true }));
  const clock = new SimulatedClock(START);
  const open = (changes: { serial?: string; servername?: string } = {}) =>
    new ApplianceCertificate(
      { stateDirectory, serial: '1000-0002', servername: 'dks-hsm', ...changes },
      { clock, disk: new NodeDisk(), random: new SystemRandom(), log: silentLog },
    );
  return { clock, open, file: (name: string) => path.join(stateDirectory, 'tls', name) };
};

test('S-441 (part) S-420 the certificate names server and serial number, and openssl agrees', async (t) => {
  const { open, file } = fixture(t);
  const { certificate, fingerprint } = await open().current();
  const parsed = new X509Certificate(certificate);
  assert.deepEqual(identityOf(parsed), {
    servernames: ['dks-hsm', '1000-0002.dks-hsm'],
    serial: '1000-0002',
    fingerprint,
  });
  assert.equal(fs.statSync(file('key.pem')).mode & 0o777, 0o600);
  assert.equal(fs.statSync(path.dirname(file('key.pem'))).mode & 0o777, 0o700);
  const run = (...words: string[]): string => execFileSync('openssl', words, { encoding: 'utf8' });
  const text = run('x509', '-in', file('certificate.pem'), '-noout', '-text');
  assert.match(text, /Subject: CN = dks-hsm, serialNumber = 1000-0002/);
  assert.match(text, /DNS:dks-hsm, DNS:1000-0002\.dks-hsm/);
  assert.match(text, /CA:FALSE/);
  assert.match(text, /Digital Signature/);
  assert.match(run('verify', '-CAfile', file('certificate.pem'), '-no_check_time', file('certificate.pem')), /OK/);
  const by = execFileSync('sh', ['-c', `openssl x509 -in ${file('certificate.pem')} -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -c`], { encoding: 'utf8' }); // prettier-ignore
  assert.equal(by.trim().split(/\s/).at(-1), fingerprint);
});

test('S-340 (part) the key is made once: restarts, renewals and new names keep what clients pinned', async (t) => {
  const { clock, open } = fixture(t);
  const first = await open().current();
  assert.deepEqual(await open().current(), first);
  await clock.advance(290 * DAY);
  assert.equal((await open().current()).certificate, first.certificate);
  await clock.advance(10 * DAY);
  const renewed = await open().current();
  assert.notEqual(renewed.certificate, first.certificate);
  assert.equal(renewed.fingerprint, first.fingerprint);
  assert.ok(renewed.notAfter > first.notAfter);
  const renamed = await open({ serial: '1000-0003' }).current();
  assert.equal(identityOf(new X509Certificate(renamed.certificate)).serial, '1000-0003');
  assert.equal(renamed.fingerprint, first.fingerprint);
  for (let day = 0; day < 1500; day += 50) {
    await clock.advance(50 * DAY);
    const now = await open({ serial: '1000-0003' }).current();
    assert.ok(now.notAfter > clock.now() + 90 * DAY);
    assert.equal(now.fingerprint, first.fingerprint);
  }
});

test('S-340 (part) a damaged certificate is made anew, a damaged key is an error and is not replaced', async (t) => {
  const { open, file } = fixture(t);
  const first = await open().current();
  fs.writeFileSync(file('certificate.pem'), 'nothing');
  assert.equal((await open().current()).fingerprint, first.fingerprint);
  fs.chmodSync(file('key.pem'), 0o640);
  await assert.rejects(open().current(), /key.pem may be read by others than its owner \(chmod 600\)/);
  fs.chmodSync(file('key.pem'), 0o600);
  fs.writeFileSync(file('key.pem'), 'nothing');
  await assert.rejects(open().current(), (cause: SignetError) => cause.code === 'CERTIFICATE_KEY');
  assert.equal(fs.readFileSync(file('key.pem'), 'utf8'), 'nothing');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  fs.writeFileSync(file('key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const own = await open().current();
  assert.ok(new X509Certificate(own.certificate).verify(new X509Certificate(own.certificate).publicKey));
  assert.throws(() => open({ serial: 'a,CN=b' }), SignetError);
});

test('S-340 (part) S-421 another key, name or serial number is refused, and the message says which', async (t) => {
  const { open } = fixture(t);
  const { certificate, key, fingerprint } = await open().current();
  const server = tls.createServer({ cert: certificate, key, minVersion: 'TLSv1.3' }, (socket) => socket.end('x'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, servername: 'dks-hsm' });
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  const shown = socket.getPeerX509Certificate();
  socket.destroy();
  assert.ok(shown !== undefined && fingerprintOf(shown) === fingerprint);
  const expected = { servername: 'dks-hsm', serial: '1000-0002', fingerprint };
  assert.equal(checkPeer(shown, expected, '10.0.0.1:8080').serial, '1000-0002');
  assert.equal(checkPeer(shown, { ...expected, fingerprint: undefined }, 'x').fingerprint, fingerprint);
  const refuses = (change: object, message: RegExp): void =>
    assert.throws(() => checkPeer(shown, { ...expected, ...change }, '10.0.0.1:8080'), message);
  refuses(
    { fingerprint: fingerprint.replace(/^../, 'zz') },
    /10.0.0.1:8080 shows another key than the one that was pinned/,
  );
  refuses({ servername: 'hsm' }, /is named dks-hsm, 1000-0002.dks-hsm, not hsm/);
  refuses({ serial: '1000-0003' }, /is the HSM with serial number 1000-0002, not 1000-0003/);
});
