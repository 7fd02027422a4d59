import assert from 'node:assert/strict';
import test from 'node:test';
import { SimulatedClock, SystemClock } from '../../../src/base/clock.ts';
import { MemoryLog, silentLog } from '../../../src/base/log.ts';
import { loadProcessSecrets } from '../../../src/base/process-secrets.ts';
import { HalStatus } from '../../../src/hsm/hal-status.ts';
import { systemProcesses } from '../../../src/hsm/watchdog/guarded-device.ts';
import { LocalWatchdog } from '../../../src/hsm/watchdog/local-watchdog.ts';
import { KeyringMemory, ProcessKeyMemory, type MasterKeyMemory } from '../../../src/hsm/watchdog/master-key.ts';
import { SimulatedSensors } from '../../../src/hsm/watchdog/sensors.ts';
import { MemoryDisk } from '../../base/memory-disk.ts';
import { watchdogSuite, withStatus } from './watchdog-suite.ts';

const secrets = loadProcessSecrets();
let made = 0;

const suiteOver = (kind: string, memory: (t: test.TestContext) => MasterKeyMemory): void =>
  watchdogSuite(kind, (t) => {
    const watchdog = new LocalWatchdog(
      { name: 'watchdog of device 0' },
      {
        clock: new SystemClock(),
        disk: new MemoryDisk(),
        log: silentLog,
        memory: memory(t),
        sensors: new SimulatedSensors(),
        processes: systemProcesses,
      },
    );
    t.after(() => watchdog[Symbol.asyncDispose]());
    return Promise.resolve(watchdog);
  });

suiteOver('in this process', () => new ProcessKeyMemory(secrets));
if (keyringWorks())
  suiteOver('in this process, key in the kernel', (t) => {
    const memory = new KeyringMemory(secrets, `signet-test:${process.pid}:${made++}`);
    t.after(() => memory.clear());
    return memory;
  });
else
  test('S-367 a kernel that refuses its keyring is named, with what to do', () => {
    assert.throws(() => new KeyringMemory(secrets, 'signet-test').isSet(), /the kernel's keyring cannot be used .*MASTERKEY_MEMORY/); // prettier-ignore
  });

/** Containers are often not allowed to. */
function keyringWorks(): boolean {
  try {
    return !secrets.keyring('signet-test:none').isSet();
  } catch {
    return false;
  }
}

function withRecord(disk: MemoryDisk, log = new MemoryLog()) {
  const memory = new ProcessKeyMemory(secrets);
  const killed: number[] = [];
  const processes = { identity: (pid: number) => (pid === 7 ? 'born at 1' : undefined), kill: (pid: number) => killed.push(pid) > 0 }; // prettier-ignore
  const clock = new SimulatedClock(1_800_000_000);
  const watchdog = new LocalWatchdog(
    { name: 'watchdog of device 0', recordFile: '/tamper-0.json' },
    { clock, disk, log, memory, sensors: new SimulatedSensors(), processes },
  );
  return { watchdog, memory, killed, log };
}

test('S-504 (part) thresholds, what is armed and an event that is not reset outlive the process', async () => {
  const disk = new MemoryDisk();
  const first = withRecord(disk).watchdog;
  await first.setThreshold('light', 65535);
  await first.setThreshold('temperature high', 80);
  await first.setThreshold('battery', 1);
  await first.disableSensors(0x40);
  await first.arm();
  await first.testTamper();
  const second = withRecord(disk).watchdog;
  const before = await first.getStatus();
  assert.deepEqual(await second.getStatus(), before);
  assert.equal(before.tamper, 'latched');
  assert.deepEqual([before.thresholds.light, before.thresholds.battery, before.enabledSensors, before.isArmed], [65535, 1, 0xbf, true]); // prettier-ignore
  await second.resetTamper();
  const third = await withRecord(disk).watchdog.getStatus();
  assert.deepEqual([third.tamper, third.faults, third.isArmed], ['ok', [], true]);
});

test('S-504 (part) a record that cannot be understood is taken for tampering', async () => {
  const good = new MemoryDisk();
  const { watchdog } = withRecord(good);
  await watchdog.arm();
  const text = Buffer.from(good.read('/tamper-0.json') ?? []).toString();
  const broken = ['', '{', '[]', 'null', text.replace('"light":512', '"light":-1'), text.replace('"enabled":255', '"enabled":"x"'), text.replace('"isArmed":true', '"isArmed":1'), text.replace('"faults":[]', '"faults":[3]')]; // prettier-ignore
  for (const one of broken) {
    assert.notEqual(one, text);
    const disk = new MemoryDisk();
    disk.replace('/tamper-0.json', Buffer.from(one));
    const { watchdog: doubtful, log } = withRecord(disk);
    const { tamper, isArmed, faults } = await doubtful.getStatus();
    assert.deepEqual([tamper, isArmed, faults.map(({ sensor }) => sensor)], ['latched', true, ['unknown']], one);
    assert.match(
      log.records.map((record) => record.text).join('\n'),
      /\/tamper-0.json cannot be used .*taken for tampering/,
    );
    await assert.rejects(doubtful.setMasterKey(Buffer.alloc(32)), withStatus(HalStatus.TAMPER));
    await doubtful.resetTamper();
    assert.equal((await withRecord(disk).watchdog.getStatus()).tamper, 'ok');
  }
});

test('S-351 a disk that fails and a device that cannot be killed do not keep the key alive', async () => {
  const disk = new MemoryDisk();
  const { watchdog, memory, killed, log } = withRecord(disk);
  await watchdog.registerDevice(7);
  await watchdog.setMasterKey(Buffer.alloc(32, 1));
  disk.replace = () => {
    throw new Error('no space left');
  };
  await assert.rejects(watchdog.arm(), /no space left/);
  assert.equal((await watchdog.getStatus()).isArmed, false);
  await watchdog.testTamper();
  assert.equal(memory.isSet(), false);
  assert.deepEqual(killed, [7]);
  assert.match(log.records.map(({ text }) => text).join('\n'), /keeping the event failed: no space left/);
  await assert.rejects(watchdog.wrap(Buffer.alloc(1)), withStatus(HalStatus.TAMPER));
});

test('S-350 a process that took the id of the device is left alone', async () => {
  const killed: number[] = [];
  let identity = 'born at 1';
  const watchdog = new LocalWatchdog(
    { name: 'watchdog of device 0' },
    {
      clock: new SimulatedClock(1_800_000_000),
      disk: new MemoryDisk(),
      log: silentLog,
      memory: new ProcessKeyMemory(secrets),
      sensors: new SimulatedSensors(),
      processes: { identity: () => identity, kill: (pid) => killed.push(pid) > 0 },
    },
  );
  await watchdog.registerDevice(7);
  identity = 'born at 2';
  await watchdog.testTamper();
  assert.deepEqual(killed, []);
});
