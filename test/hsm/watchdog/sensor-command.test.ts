import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { SystemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { loadProcessSecrets } from '../../../src/base/process-secrets.ts';
import { systemProcesses } from '../../../src/hsm/watchdog/guarded-device.ts';
import { LocalWatchdog } from '../../../src/hsm/watchdog/local-watchdog.ts';
import { ProcessKeyMemory } from '../../../src/hsm/watchdog/master-key.ts';
import { runSensorCommand } from '../../../src/hsm/watchdog/sensor-command.ts';
import { SimulatedSensors } from '../../../src/hsm/watchdog/sensors.ts';
import { watchdogSocket } from '../../../src/hsm/watchdog/start-watchdog.ts';
import { WatchdogServer } from '../../../src/hsm/watchdog/watchdog-server.ts';

const state = fs.mkdtempSync(path.join(os.tmpdir(), 'hsm-sensor-'));
fs.mkdirSync(path.join(state, 'run'));
const clock = new SystemClock();
const disk = new NodeDisk();
const devices: { watchdog: LocalWatchdog; server: WatchdogServer }[] = [];
for (const index of [0, 1]) {
  const watchdog = new LocalWatchdog(
    { name: `watchdog of device ${index}` },
    {
      clock,
      disk,
      log: silentLog,
      memory: new ProcessKeyMemory(loadProcessSecrets()),
      sensors: new SimulatedSensors(),
      processes: systemProcesses,
    },
  );
  const server = new WatchdogServer(
    { socket: watchdogSocket(state, index) },
    { watchdog, disk, log: silentLog, onEnd: () => undefined },
  );
  await server.start();
  devices.push({ watchdog, server });
}
test.after(async () => {
  for (const { watchdog, server } of devices) {
    await server[Symbol.asyncDispose]();
    await watchdog[Symbol.asyncDispose]();
  }
  fs.rmSync(state, { recursive: true });
});

async function run(...words: string[]) {
  let printed = '';
  let complained = '';
  const output = {
    print: (text: string | Uint8Array) => void (printed += text as string),
    complain: (text: string) => void (complained += text),
  };
  const code = await runSensorCommand(words, { output, clock, disk, defaultState: state });
  return { code, printed, complained };
}

test('S-352 S-353 hsmd sensor shows and changes what sensors show, and what came of it', async () => {
  const { code, printed } = await run('0');
  assert.equal(code, 0);
  assert.equal(printed, 'device 0: light 0, temperature 21, vibe 0,0,0, case closed, line ok, battery off, bus 0; not armed, no tamper event\n'); // prettier-ignore
  await devices[1].watchdog.arm();
  assert.match((await run('1', 'case', 'open')).printed, /case open.*; armed, TAMPER event, it lasts/);
  assert.match((await run('1', 'case', 'closed')).printed, /case closed.*; armed, TAMPER event, not reset yet/);
  assert.match((await run('--state', state, '0', 'temperature', '-20')).printed, /temperature -20,/);
  assert.match((await run('0', 'vibe', '1,-2,3')).printed, /vibe 1,-2,3,/);
  assert.match((await run('0', 'vibe', '7')).printed, /vibe 7,7,7,/);
  const all = await run('all', 'light', '65535');
  assert.match(all.printed, /^device 0: light 65535,.*\ndevice 1: light 65535,.*\n$/);
});

test('S-352 hsmd sensor says what is wrong with its words, and names a watchdog that does not answer', async () => {
  for (const [words, complaint] of [
    [[], /^usage: hsmd sensor/],
    [['x'], /x is no device/],
    [['0', 'smell', '1'], /there is no sensor smell: light, temperature, /],
    [['0', 'light'], /what is light to show\?/],
    [['0', 'light', 'bright'], /light cannot show bright/],
    [['0', 'light', '1', '2'], /too many words: 2/],
    [['--speed', '0'], /--speed/],
  ] as const) {
    const { code, complained } = await run(...words);
    assert.equal(code, 2, words.join(' '));
    assert.match(complained, complaint);
  }
  const range = await run('0', 'light', '65536');
  assert.deepEqual([range.code, range.complained], [1, 'hsmd sensor: the sensor light shows whole numbers from 0 to 65535\n']); // prettier-ignore
  assert.match((await run('0', 'case', '1,2,3')).complained, /the sensor case shows one number, not three/);
  const away = await run('9', 'light', '1');
  assert.equal(away.code, 1);
  assert.match(away.complained, /the watchdog of device 9 does not answer.*; those that run are of device 0, 1\n$/);
  const nobody = await run('--state', '/nonexistent', 'all');
  assert.deepEqual([nobody.code, /no watchdog runs for \/nonexistent/.test(nobody.complained)], [1, true]);
});
