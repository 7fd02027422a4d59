import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { SystemClock } from '../../../src/base/clock.ts';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { SetupClient } from '../../../src/hsm/client/setup-client.ts';
import { setupConsole, type SetupConsoleDependencies } from '../../../src/tools/dks_setup_console.ts';
import { ApplianceFixture, PINS } from '../appliance/appliance-fixture.ts';
import { consoleOf } from '../console/console-fixture.ts';

const command = (code: number, text: string): Buffer =>
  Buffer.concat([Buffer.of(0x11, 0x12, 0x13, code), Buffer.from(`${text}\r`)]);

function client(): { one: SetupClient; sent: () => string; shown: () => string } {
  let sent = '';
  let shown = '';
  const one = new SetupClient({
    disk: new NodeDisk(),
    send: (octets) => (sent += Buffer.from(octets).toString('latin1')),
    print: (octets) => (shown += Buffer.from(octets).toString('latin1')),
  });
  return { one, sent: () => sent, shown: () => shown };
}

test('only a file that was typed in this session is sent, however the stream is cut', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-setup-'));
  const file = path.join(directory, 'a.tar.gz.signed');
  fs.writeFileSync(file, 'octets');
  fc.assert(
    fc.property(fc.array(fc.nat(60), { maxLength: 6 }), fc.boolean(), (cuts, isTyped) => {
      const { one, sent, shown } = client();
      // A key too many, taken back: what counts is the line.
      if (isTyped) one.type(Buffer.from(`update HSM ${file}x\x7f\n`));
      const typed = sent().length;
      const stream = Buffer.concat([Buffer.from('before'), command(0x14, `:RECV:${file}`), Buffer.from('after')]);
      let at = 0;
      for (const cut of [...cuts, stream.length]) {
        one.take(stream.subarray(at, at + cut));
        at += cut;
      }
      assert.equal(sent().slice(typed), isTyped ? '6\roctets' : '0\r0000000');
      assert.match(shown(), /^before[^]*after$/);
      assert.equal(shown().includes('was not typed here'), !isTyped);
    }),
    { seed: 2, numRuns: 200 },
  );
  fs.rmSync(directory, { recursive: true });
});

test('a file is written where it was typed, never over another, readable by its owner only', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-setup-'));
  const file = path.join(directory, 'export.json');
  const { one, sent, shown } = client();
  one.take(command(0x17, `:SEND:{${file}}{3}`));
  assert.match(sent(), /^FAILED/);
  one.type(Buffer.from(`${file}\r`));
  one.take(Buffer.concat([command(0x17, `:SEND:{${file}}{3}`), Buffer.from('{')]));
  one.type(Buffer.from('keys that would be taken for a part of the answer'));
  one.take(Buffer.from('} \r\nDiamond-HSM > '));
  assert.match(sent(), /OK:\{3\}RECEIVED:\{3\}$/);
  assert.equal(fs.readFileSync(file, 'utf8'), '{} ');
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  assert.match(shown(), /Diamond-HSM > $/);
  one.take(command(0x17, `:SEND:{${file}}{3}`));
  assert.match(shown(), /exists already/);
  one.take(command(0x14, ':NONE:'));
  assert.match(shown(), /does not know; it was not obeyed/);
  fs.rmSync(directory, { recursive: true });
});

test('S-374 S-375 S-379 (part) S-418 S-421 dks_setup_console: hsm.conf names the HSM; another name, serial or key is refused; a script is typed', async () => {
  await using fixture = await ApplianceFixture.make();
  await using ready = await fixture.ready();
  await using listener = await consoleOf(fixture);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-setup-'));
  const file = path.join(directory, 'hsm.conf');
  const run = async (argv: readonly string[], script = ''): Promise<{ code: number; out: string; err: string }> => {
    let out = '';
    let err = '';
    const dependencies: SetupConsoleDependencies = {
      output: { print: (text) => (out += String(text)), complain: (text) => (err += text) },
      disk: new NodeDisk(),
      clock: new SystemClock(),
      environment: { DIAMOND_HSM_CONFIG_PATH: directory },
      keyboard: { isTerminal: false, read: () => undefined, ask: async () => undefined, close: () => undefined },
      readScript: () => script,
    };
    const code = await setupConsole(['--batch', '-', ...argv], dependencies);
    return { code, out, err };
  };
  const write = (serial: string, servername = 'dks-hsm'): void =>
    fs.writeFileSync(
      file,
      `<diamondhsm><cty><IP>127.0.0.1</IP><port>${listener.local.port}</port><servername>${servername}</servername><serial>${serial}</serial></cty></diamondhsm>`,
    );

  const missing = await run([]);
  assert.ok(missing.code === 1 && missing.err.includes(file), missing.err);
  write('1000-0003');
  assert.match((await run([])).err, /1000-0002/);
  write('1000-0002', 'other');
  assert.equal((await run([])).code, 3);
  write('1000-0002');
  const unknown = await run([]);
  assert.equal(unknown.code, 3);
  const [, fingerprint] = /--fingerprint ([0-9a-f:]+)/.exec(unknown.err)!;
  const script = `wheel\n${PINS.wheel}\nshow serial-number\nlogout\n`;
  const done = await run(['--fingerprint', fingerprint], script);
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /Diamond-HSM > show serial-number\r\n\r\n1000-0002\r\n/);
  assert.ok(fs.readFileSync(file, 'utf8').includes(fingerprint), 'pinned');
  assert.equal((await run([], script)).code, 0);
  // Questions of every form are answered by the next line.
  const network = `wheel\n${PINS.wheel}\nset ip static\n192.0.2.20\n255.255.255.0\n\n192.0.2.1\ny\nn\nlogout\n`;
  assert.match((await run([], network)).out, /Static IP set successfully/);
  fs.writeFileSync(
    file,
    fs.readFileSync(file, 'utf8').replace(
      fingerprint,
      fingerprint.replace(/^../, (two) => (two === '00' ? '01' : '00')),
    ),
  );
  assert.match((await run([], script)).err, /another key than the one that was pinned/);
  assert.equal((await run(['--wrong'])).code, 2);
  fs.rmSync(directory, { recursive: true });
  assert.ok(ready);
});

test('dks_setup_console says what to do when there is no console where hsm.conf points', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-setup-'));
  const run = async (ip: string, port: number): Promise<string> => {
    let told = '';
    fs.writeFileSync(
      path.join(directory, 'hsm.conf'),
      `<diamondhsm><cty><IP>${ip}</IP><port>${port}</port><servername>dks-hsm</servername><serial>1000-0002</serial></cty></diamondhsm>`,
    );
    const code = await setupConsole([], {
      output: { print: () => undefined, complain: (text) => (told += text) },
      disk: new NodeDisk(),
      clock: new SystemClock(),
      environment: { DIAMOND_HSM_CONFIG_PATH: directory },
      keyboard: { isTerminal: false, read: () => undefined, ask: async () => undefined, close: () => undefined },
      readScript: () => '',
    });
    assert.equal(code, 1);
    return told;
  };
  const other = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('220 mail.example ESMTP\r\n'));
  });
  const silent = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.resetAndDestroy());
  });
  const ports: number[] = [];
  for (const server of [other, silent]) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ports.push((server.address() as net.AddressInfo).port);
  }
  assert.match(await run('127.0.0.1', ports[0]), /what answers there is not the console of an HSM \(TLS: /);
  assert.match(await run('127.0.0.1', ports[1]), /it hung up\. Does its firewall let this machine in/);
  for (const server of [other, silent]) {
    server.close();
    await once(server, 'close');
  }
  assert.match(await run('127.77.0.9', ports[1]), /nothing listens there\. Is the HSM on/);
  fs.rmSync(directory, { recursive: true });
});
