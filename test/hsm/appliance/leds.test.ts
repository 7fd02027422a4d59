import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { SimulatedClock } from '../../../src/base/clock.ts';
import { MemoryLog } from '../../../src/base/log.ts';
import { type Led, type LedFacts, ledsOf } from '../../../src/hsm/appliance/leds.ts';
import { StageSequence } from '../../../src/hsm/appliance/stages.ts';

const READY: LedFacts = {
  stage: 'ready',
  devices: 2,
  devicesUp: 2,
  watchdogsUp: 2,
  isTampered: false,
  isFlashing: false,
};

/** Title, what differs from a ready appliance with two devices, SYSTEM, TAMPER. */
const STATES: readonly (readonly [title: string, facts: Partial<LedFacts>, system: string, tamper: string])[] = [
  ['S-450 (part) after power on', { stage: 'power on', devicesUp: 0, watchdogsUp: 0 }, 'yellow', 'yellow'],
  ['S-451 after shutdown', { stage: 'shut down' }, 'yellow', 'yellow'],
  [
    'S-451 (part) after shutdown, whatever was before',
    { stage: 'shut down', isTampered: true, devicesUp: 0 },
    'yellow',
    'yellow',
  ],
  ['S-452 while the network is looked at', { stage: 'network', devicesUp: 0 }, 'yellow blinks', 'yellow'],
  ['S-453 (part) while devices are looked at', { stage: 'probing', devicesUp: 0 }, 'yellow blinks', 'yellow blinks'],
  ['S-453 one of them is still missing', { stage: 'probing', devicesUp: 1 }, 'yellow blinks', 'yellow blinks'],
  ['S-455 while servers start', { stage: 'starting' }, 'green blinks', 'green blinks'],
  ['S-456 ready', {}, 'green', 'green'],
  ['ready with one device by configuration', { devices: 1, devicesUp: 1, watchdogsUp: 1 }, 'green', 'green'],
  ['S-458 all devices failed', { devicesUp: 0 }, 'red blinks', 'yellow'],
  ['S-459 (part) one device failed', { devicesUp: 1 }, 'yellow blinks', 'green'],
  ['no management port', { watchdogsUp: 0 }, 'red blinks', 'green'],
  ['one management port is missing', { watchdogsUp: 1 }, 'yellow blinks', 'green'],
  ['S-460 (part) tampered', { isTampered: true }, 'red blinks', 'red blinks'],
  [
    'S-460 (part) tampered, over every other trouble',
    { isTampered: true, devicesUp: 0, stage: 'probing' },
    'red blinks',
    'red blinks',
  ],
  ['an operator looks for the appliance', { isFlashing: true }, 'red blinks', 'green'],
  ['an operator looks for it while it is tampered', { isFlashing: true, isTampered: true }, 'red blinks', 'red blinks'],
];

suite('S-448 (part) The LEDs show', () => {
  for (const [title, facts, system, tamper] of STATES)
    test(title, () => {
      const leds = ledsOf({ ...READY, ...facts });
      assert.equal(text(leds.power), 'green');
      assert.equal(text(leds.system), system);
      assert.equal(text(leds.tamper), tamper);
    });
});

suite('S-449 Stages', () => {
  test('are told with the time that each took, and one that takes too long is a warning', async () => {
    const clock = new SimulatedClock(1_800_000_000);
    const log = new MemoryLog();
    using stages = new StageSequence({ clock, log });
    let changes = 0;
    stages.watch(() => changes++);
    await clock.advance(5);
    stages.enter('network');
    await clock.advance(31);
    assert.equal(stages.since, 31);
    stages.enter('probing');
    stages.enter('probing');
    stages.enter('starting');
    stages.enter('ready');
    await clock.advance(10_000);
    assert.equal(changes, 4);
    const texts = log.records.map(({ severity, text: line }) => `${severity}: ${line}`);
    assert.match(texts[0], /^info: stage 'network' begins; 'power on' took 5\.0 s/);
    assert.match(texts[1], /^warning: stage 'network' takes longer than 30 s: the interface has no address/);
    assert.match(texts[2], /'network' took 31\.0 s/);
    assert.equal(texts.length, 5);
  });
});

function text({ colour, isBlinking }: Led): string {
  return isBlinking ? `${colour} blinks` : colour;
}
