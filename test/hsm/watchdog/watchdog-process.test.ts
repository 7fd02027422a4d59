import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { SystemClock } from '../../../src/base/clock.ts';
import { loadProcessSecrets } from '../../../src/base/process-secrets.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { startWatchdog, watchdogSocket, type WatchdogStart } from '../../../src/hsm/watchdog/start-watchdog.ts';
import { encodeFrame, FrameReader } from '../../../src/hsm/watchdog/watchdog-frames.ts';
import { WatchdogProcess } from '../../../src/hsm/watchdog/watchdog-process-client.ts';
import { countInMemory, filesWith } from './process-memory.ts';
import { until, watchdogSuite, withStatus } from './watchdog-suite.ts';

const options = { timeout: 300_000 };

function stateDirectory(t: test.TestContext): string {
  const state = fs.mkdtempSync(path.join(os.tmpdir(), 'hsm-watchdog-'));
  t.after(() => fs.rmSync(state, { recursive: true, force: true }));
  return state;
}

function connect(t: test.TestContext, state: string, timeout = 120_000): WatchdogProcess {
  const socket = watchdogSocket(state, 0);
  const watchdog = new WatchdogProcess({ name: 'watchdog of device 0', socket, timeout }, { clock: new SystemClock() });
  t.after(() => watchdog[Symbol.asyncDispose]());
  return watchdog;
}

async function started(t: test.TestContext, changes: Partial<WatchdogStart> = {}) {
  const state = changes.state ?? stateDirectory(t);
  const child = startWatchdog({ state, index: 0, memory: 'process', battery: false, ...changes });
  t.after(() => child.kill('SIGKILL'));
  const watchdog = connect(t, state);
  await watchdog.connect(120_000);
  return { state, child, watchdog, pid: child.pid ?? 0 };
}

const isRunning = (pid: number): boolean => {
  try {
    // A child that nobody asked about yet is a zombie.
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
};

watchdogSuite('in its own process', async (t) => (await started(t)).watchdog);

test(
  'S-350 the watchdog keeps its process id over an event, and knows its device after it made itself anew',
  options,
  async (t) => {
    const { watchdog, pid } = await started(t);
    for (let round = 0; round < 3; round++) {
      const device = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], { stdio: 'ignore' });
      t.after(() => device.kill('SIGKILL'));
      const ended = new Promise<string | null>((resolve) => device.once('exit', (_, signal) => resolve(signal)));
      await watchdog.registerDevice(device.pid ?? 0);
      await watchdog.setMasterKey(randomBytes(32));
      await watchdog.eraseMasterKey();
      await watchdog.setMasterKey(randomBytes(32));
      await watchdog.testTamper();
      assert.equal(await ended, 'SIGKILL');
      const status = await watchdog.getStatus();
      assert.deepEqual([status.pid, status.masterKey, status.tamper], [pid, 'not set', 'latched']);
      await watchdog.resetTamper();
    }
    await assert.rejects(watchdog.registerDevice(pid), withStatus(HalStatus.BAD_ARGUMENTS));
  },
);

test(
  'S-351 S-366 S-371 after an event the master key is in no memory of the watchdog and in no file',
  options,
  async (t) => {
    const { state, watchdog, pid } = await started(t);
    const key = randomBytes(32);
    await watchdog.setMasterKey(key);
    const wrapped = await watchdog.wrap(Buffer.from('a private key'));
    for (let i = 0; i < 100; i++) await watchdog.unwrap(wrapped);
    await watchdog.getKeystoreKey();
    await watchdog.getCheckValue(key);
    assert.deepEqual(filesWith(state, key), []);
    if (process.getuid?.() !== 0) {
      // Who is not root cannot look at all: that is what PR_SET_DUMPABLE is for.
      assert.throws(() => countInMemory(pid, key), /EACCES|EPERM/);
      return;
    }
    assert.ok(countInMemory(pid, key) > 0, 'the search finds a key that is there');
    await watchdog.testTamper();
    await watchdog.getStatus(); // of the process made anew
    assert.equal(countInMemory(pid, key), 0);
    assert.equal(countInMemory(pid, Buffer.from('a private key')), 0);
    assert.deepEqual(filesWith(state, key), []);
    await watchdog.resetTamper();
    await watchdog.setMasterKey(key);
    assert.ok(countInMemory(pid, key) > 0);
    await watchdog.eraseMasterKey();
    await watchdog.getStatus();
    assert.equal(countInMemory(pid, key), 0);
  },
);

test(
  'S-367 with the battery it goes on when the process that started it was killed, and has the key',
  options,
  async (t) => {
    const state = stateDirectory(t);
    const program = `
    const { startWatchdog } = await import(${JSON.stringify(new URL('../../../src/hsm/watchdog/start-watchdog.ts', import.meta.url).href)});
    console.log(startWatchdog({ state: ${JSON.stringify(state)}, index: 0, memory: 'process', battery: process.argv[1] === 'battery' }).pid);
    setInterval(() => 0, 1000);`;
    for (const battery of [true, false]) {
      const hsmd = spawn(process.execPath, ['--input-type=module', '-e', program, battery ? 'battery' : 'none'], { stdio: ['ignore', 'pipe', 'inherit'] }); // prettier-ignore
      t.after(() => hsmd.kill('SIGKILL'));
      const pid = Number(
        await new Promise((resolve) => hsmd.stdout.once('data', (text: Buffer) => resolve(text.toString()))),
      );
      const watchdog = connect(t, state);
      await watchdog.connect(120_000);
      await watchdog.setMasterKey(randomBytes(32));
      const ended = new Promise((resolve) => hsmd.once('exit', resolve));
      hsmd.kill('SIGKILL');
      await ended;
      if (battery) {
        assert.equal((await watchdog.getStatus()).masterKey, 'set');
        assert.equal((await watchdog.getStatus()).pid, pid);
        await watchdog.endProcess();
      }
      await until(() => !isRunning(pid));
    }
  },
);

test('S-366 a restart of the process that holds the key loses it, and nothing else', options, async (t) => {
  const { state, child, watchdog } = await started(t);
  await watchdog.setThreshold('light', 300);
  await watchdog.setSensor('light', 200);
  await watchdog.setMasterKey(randomBytes(32));
  child.kill('SIGKILL');
  await until(() => !isRunning(child.pid ?? 0));
  const again = (await started(t, { state })).watchdog;
  const { masterKey, thresholds } = await again.getStatus();
  assert.deepEqual([masterKey, thresholds.light, (await again.readSensors()).light], ['not set', 300, 200]);
  // The client of before has found it, too.
  assert.equal((await watchdog.getStatus()).masterKey, 'not set');
});

test('S-367 in the kernel’s keyring the key outlives the process, and not the event', options, async (t) => {
  try {
    loadProcessSecrets().keyring('signet-test:none').isSet();
  } catch {
    // Where the kernel refuses, the process says so and ends.
    const state = stateDirectory(t);
    const child = startWatchdog({ state, index: 0, memory: 'kernel keyring', battery: false });
    assert.equal(await new Promise((resolve) => child.once('exit', resolve)), 1);
    return;
  }
  const memory = 'kernel keyring';
  const { state, child, watchdog } = await started(t, { memory });
  const key = randomBytes(32);
  await watchdog.setMasterKey(key);
  const wrapped = await watchdog.wrap(Buffer.from('a key'));
  child.kill('SIGKILL');
  await until(() => !isRunning(child.pid ?? 0));
  const second = await started(t, { state, memory });
  assert.equal(Buffer.from(await watchdog.unwrap(wrapped)).toString(), 'a key');
  const { keptIn } = await watchdog.getStatus();
  assert.equal(keptIn, 'kernel keyring');
  await watchdog.testTamper();
  await assert.rejects(watchdog.unwrap(wrapped), withStatus(HalStatus.TAMPER));
  await watchdog.resetTamper();
  await assert.rejects(watchdog.unwrap(wrapped), withStatus(HalStatus.MASTERKEY_NOT_SET));
  await watchdog.setMasterKey(key);
  await watchdog.endProcess();
  await until(() => !isRunning(second.pid));
  const third = await started(t, { state, memory });
  assert.equal((await third.watchdog.getStatus()).masterKey, 'not set');
});

test('S-350 an event that came while nobody looked is there after kill -9', options, async (t) => {
  const { state, child, watchdog } = await started(t);
  await watchdog.arm();
  child.kill('SIGKILL');
  await until(() => !isRunning(child.pid ?? 0));
  // What a sensor shows is of the host, not of the process.
  const run = path.join(state, 'run', 'watchdog-0.json');
  fs.writeFileSync(run, JSON.stringify({ sensors: { ...(await sensorsIn(t)), isCaseOpen: true } }), { mode: 0o600 });
  const again = (await started(t, { state })).watchdog;
  await until(async () => (await again.getStatus()).tamper === 'lasts');
});

async function sensorsIn(t: test.TestContext) {
  return (await started(t)).watchdog.readSensors();
}

test('S-350 one watchdog a device: a second one ends with a message and leaves the first alone', options, async (t) => {
  const { state, watchdog } = await started(t);
  await watchdog.setMasterKey(randomBytes(32));
  const second = startWatchdog({ state, index: 0, memory: 'process', battery: false });
  assert.equal(await new Promise((resolve) => second.once('exit', resolve)), 1);
  assert.equal((await watchdog.getStatus()).masterKey, 'set');
});

test('S-350 a watchdog whose directory was taken away ends: nobody can reach it any more', options, async (t) => {
  const { state, watchdog, pid } = await started(t, { battery: true });
  await watchdog.setMasterKey(randomBytes(32));
  fs.rmSync(state, { recursive: true });
  await until(() => !isRunning(pid));
});

test('S-350 a state directory that others may enter is refused', options, async (t) => {
  const state = stateDirectory(t);
  fs.chmodSync(state, 0o755);
  const child = startWatchdog({ state, index: 0, memory: 'process', battery: false });
  assert.equal(await new Promise((resolve) => child.once('exit', resolve)), 1);
});

test('S-351 who does not speak the protocol is cut off, and the others go on', options, async (t) => {
  const { state, watchdog } = await started(t);
  const junk = [
    Buffer.alloc(8),
    Buffer.alloc(9, 0xff),
    encodeFrame(1, 99, Buffer.alloc(0)),
    encodeFrame(2, 2, Buffer.from('{')),
  ];
  junk.push(
    encodeFrame(3, 16, Buffer.from('[1,{}]')),
    encodeFrame(4, 10, Buffer.from('[]')),
    encodeFrame(5, 16, Buffer.from('7')),
  );
  for (const octets of junk) {
    const client = net.connect(watchdogSocket(state, 0));
    const answered = new Promise<void>((resolve) => {
      client.once('close', () => resolve());
      let seen = 0;
      // The status of a new connection, then the refusal.
      client.on('data', (chunk: Buffer) => (seen += chunk.length) > 0 && /no function|JSON|no sensor|no tamper|iterable/.test(chunk.toString('latin1')) && client.destroy()); // prettier-ignore
    });
    client.on('error', () => undefined);
    // One octet at a time: a frame is whole when it is whole.
    for (const octet of octets) client.write(Buffer.from([octet]));
    await answered;
    assert.equal((await watchdog.getStatus()).masterKey, 'not set');
  }
});

test('S-350 an answer that came while nobody could look at it counts, however late it is seen', options, async (t) => {
  const state = stateDirectory(t);
  fs.mkdirSync(path.join(state, 'run'), { mode: 0o700 });
  const status = Buffer.from(JSON.stringify({ masterKey: 'set' }));
  const server = net.createServer((client) => {
    const reader = new FrameReader(({ number }) => {
      // Nothing in this process goes on meanwhile: the limit of the request has passed when its answer is sent.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3300);
      client.write(encodeFrame(number, HalStatus.OK, status));
    });
    client.on('data', (chunk: Buffer) => reader.push(chunk));
    client.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(watchdogSocket(state, 0), resolve));
  t.after(() => server.close());
  const watchdog = connect(t, state, 3000);
  assert.equal((await watchdog.getStatus()).masterKey, 'set');
});

test('S-350 a watchdog that is not there is an error that names it', options, async (t) => {
  const state = stateDirectory(t);
  fs.mkdirSync(path.join(state, 'run'), { mode: 0o700 });
  const watchdog = connect(t, state, 200);
  await assert.rejects(
    watchdog.getStatus(),
    (cause) => cause instanceof HalError && cause.status === HalStatus.IO_OS_ERROR && /the watchdog of device 0 does not answer/.test(cause.message), // prettier-ignore
  );
});
