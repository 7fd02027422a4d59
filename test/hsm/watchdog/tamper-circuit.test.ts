import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { SimulatedClock } from '../../../src/base/clock.ts';
import { HalError, HalStatus } from '../../../src/hsm/hal-status.ts';
import { SimulatedSensors, type SensorValue } from '../../../src/hsm/watchdog/sensors.ts';
import { TamperCircuit } from '../../../src/hsm/watchdog/tamper-circuit.ts';
import { DEFAULT_CONFIGURATION, withSensors, withThreshold } from '../../../src/hsm/watchdog/tamper-limits.ts';
import {
  SensorBit,
  type SensorName,
  type TamperFault,
  type ThresholdName,
} from '../../../src/hsm/watchdog/watchdog.ts';

const START = 1_800_000_000;

function fixture(options: { isArmed?: boolean; faults?: readonly TamperFault[] } = {}) {
  const clock = new SimulatedClock(START);
  const sensors = new SimulatedSensors();
  const events: string[] = [];
  const circuit = new TamperCircuit(
    { configuration: { ...DEFAULT_CONFIGURATION, isArmed: options.isArmed ?? true }, faults: options.faults ?? [] },
    { clock, sensors, onEvent: ({ sensor, value }) => events.push(`${sensor} ${value}`), onChange: () => undefined },
  );
  circuit.start();
  return { clock, sensors, events, circuit };
}

const tampered = (cause: unknown): boolean => cause instanceof HalError && cause.status === HalStatus.TAMPER;

test('S-353 an open case is an event at once', () => {
  const { sensors, events, circuit } = fixture();
  sensors.set('case', 1);
  assert.deepEqual([events, circuit.tamper], [['case 1'], 'lasts']);
  sensors.set('case', 0);
  assert.equal(circuit.tamper, 'latched');
  circuit.reset();
  assert.deepEqual([circuit.tamper, circuit.faults], ['ok', []]);
});

test('S-353 a case that opens and closes between two samples is seen, also while another sensor is being counted', async () => {
  const { clock, sensors, events } = fixture();
  sensors.set('light', 600);
  await clock.advance(0.005);
  sensors.set('case', 1);
  sensors.set('case', 0);
  assert.deepEqual(events, ['case 1']);
});

const WITHIN_A_SECOND: readonly [string, SensorName, SensorValue, SensorValue, string][] = [
  ['S-354 light', 'light', 512, 513, 'light 513'],
  ['S-354 the brightest light', 'light', 512, 65535, 'light 65535'],
  ['S-355 heat', 'temperature', 70, 71, 'temperature 71'],
  ['S-355 cold', 'temperature', 0, -1, 'temperature -1'],
  ['S-356 motion', 'vibe', 1024, 1025, 'vibe 1025'],
  ['S-356 motion in one axis', 'vibe', { x: 0, y: -1024, z: 0 }, { x: 0, y: 0, z: -1025 }, 'vibe 1025'],
  ['S-352 a bus that fails', 'bus', 0, 1, 'bus 1'],
];
for (const [title, sensor, inside, outside, event] of WITHIN_A_SECOND)
  test(`${title}: an event within a second, none inside the limits, none for a moment`, async () => {
    const { clock, sensors, events, circuit } = fixture();
    sensors.set(sensor, inside);
    await clock.advance(3600);
    assert.deepEqual(events, []);
    sensors.set(sensor, outside);
    assert.deepEqual(events, []);
    await clock.advance(0.05);
    sensors.set(sensor, inside);
    await clock.advance(5);
    assert.deepEqual(events, [], 'noise of 50 ms is no event');
    sensors.set(sensor, outside);
    await clock.advance(1);
    assert.deepEqual([events, circuit.tamper], [[event], 'lasts']);
    await clock.advance(3600);
    assert.deepEqual(events, [event], 'one event however long it lasts');
    assert.equal(clock.nextTimer(), undefined, 'nothing to do until a reading changes');
  });

test('S-352 before it is armed, no sensor does anything, and then what it saw already', async () => {
  const { clock, sensors, events, circuit } = fixture({ isArmed: false });
  sensors.set('case', 1);
  await clock.advance(60);
  assert.deepEqual([events, circuit.tamper], [[], 'ok']);
  circuit.configure({ ...circuit.configuration, isArmed: true });
  assert.deepEqual(events, ['case 1']);
});

test('S-352 a sensor that is disabled does nothing, and is asked again when it is enabled', () => {
  const { sensors, events, circuit } = fixture();
  circuit.configure(withSensors(circuit.configuration, 'disable', SensorBit.CASE));
  sensors.set('case', 1);
  assert.deepEqual(events, []);
  circuit.configure(withSensors(circuit.configuration, 'enable', SensorBit.CASE));
  assert.deepEqual(events, ['case 1']);
});

test('S-354 a second event is seen, of the same sensor and of another', async () => {
  const { clock, sensors, events, circuit } = fixture();
  for (const light of [600, 700]) {
    sensors.set('light', light);
    await clock.advance(1);
    sensors.set('light', 0);
    await clock.advance(1);
  }
  sensors.set('vibe', 2000);
  await clock.advance(1);
  assert.deepEqual(events, ['light 600', 'light 700', 'vibe 2000']);
  assert.deepEqual(circuit.faults.map(({ value }) => value), [600, 700, 2000]); // prettier-ignore
});

test('S-352 of more than six faults the first five and the latest are kept', () => {
  const { sensors, circuit } = fixture();
  for (let i = 0; i < 20; i++) {
    sensors.set('case', 1);
    sensors.set('case', 0);
  }
  circuit.test();
  assert.deepEqual(circuit.faults.map(({ sensor }) => sensor), ['case', 'case', 'case', 'case', 'case', 'test']); // prettier-ignore
});

test('S-504 (part) a reset asks the sensors, and names the one that still sees something', async () => {
  const { clock, sensors, circuit } = fixture();
  circuit.test();
  assert.equal(circuit.tamper, 'latched');
  // Too short to be an event, but not the moment to say that all is well.
  sensors.set('light', 60000);
  assert.throws(() => circuit.reset(), (cause) => tampered(cause) && /too much light \(sensor light\)/.test(String(cause))); // prettier-ignore
  sensors.set('light', 0);
  await clock.advance(1);
  circuit.reset();
  assert.equal(circuit.tamper, 'ok');
});

test('S-352 sensors that cannot be read are no sensors that are content', async () => {
  const clock = new SimulatedClock(START);
  const events: string[] = [];
  const broken = { fails: false, light: 0 };
  let changed = (): void => undefined;
  const circuit = new TamperCircuit(
    { configuration: { ...DEFAULT_CONFIGURATION, isArmed: true }, faults: [] },
    {
      clock,
      sensors: {
        read: () => {
          if (broken.fails) throw new Error('no answer');
          return { ...new SimulatedSensors().read(), light: broken.light };
        },
        watch: (call) => {
          changed = call;
          return () => undefined;
        },
        set: () => undefined,
      },
      onEvent: ({ sensor }) => events.push(sensor),
      onChange: () => undefined,
    },
  );
  broken.fails = true;
  changed();
  await clock.advance(1);
  assert.deepEqual(events, ['bus']);
  assert.throws(() => circuit.reset(), tampered);
  broken.fails = false;
  changed();
  circuit.reset();
  broken.light = Number.NaN;
  changed();
  await clock.advance(1);
  assert.deepEqual(events, ['bus', 'bus']);
});

test('S-352 a low battery is noted and clears nothing; on the battery the key is withheld where that is set', async () => {
  const { clock, sensors, events, circuit } = fixture();
  sensors.set('line', 1);
  sensors.set('battery', 1);
  await clock.advance(10);
  assert.deepEqual([events, circuit.tamper, circuit.isWithheld], [[], 'ok', false]);
  assert.deepEqual(circuit.faults.map(({ sensor, bit }) => [sensor, bit]), [['line', SensorBit.LOW_LINE]]); // prettier-ignore
  circuit.configure(withThreshold(circuit.configuration, 'battery', 1));
  await clock.advance(10);
  assert.deepEqual([circuit.tamper, circuit.isWithheld], ['ok', true]);
  sensors.set('battery', 0);
  assert.equal(circuit.isWithheld, false);
});

test('S-350 an event that a process before this one saw is not another one while it lasts', () => {
  const fault: TamperFault = { sensor: 'case', bit: SensorBit.CASE, value: 1, at: START };
  const clock = new SimulatedClock(START);
  const sensors = new SimulatedSensors({ ...new SimulatedSensors().read(), isCaseOpen: true });
  const events: string[] = [];
  const circuit = new TamperCircuit(
    { configuration: { ...DEFAULT_CONFIGURATION, isArmed: true }, faults: [fault] },
    { clock, sensors, onEvent: ({ sensor }) => events.push(sensor), onChange: () => undefined },
  );
  circuit.start();
  assert.deepEqual([circuit.tamper, events], ['lasts', []]);
  sensors.set('case', 0);
  sensors.set('case', 1);
  assert.deepEqual([circuit.tamper, events], ['lasts', ['case']]);
});

test('S-504 (part) thresholds and masks out of range are refused by name', () => {
  const bad = (cause: unknown): boolean => cause instanceof HalError && cause.status === HalStatus.BAD_ARGUMENTS;
  for (const [name, value] of [
    ['light', 65536],
    ['light', -1],
    ['vibe', 1.5],
    ['temperature low', 256],
    ['temperature low', 70],
    ['temperature high', 0],
    ['battery', 2],
    ['noise', 1],
    ['constructor', 1],
  ] as [ThresholdName, number][])
    assert.throws(() => withThreshold(DEFAULT_CONFIGURATION, name, value), bad, `${name} ${value}`);
  for (const mask of [-1, 256, 1.5]) assert.throws(() => withSensors(DEFAULT_CONFIGURATION, 'enable', mask), bad);
  assert.equal(withThreshold(DEFAULT_CONFIGURATION, 'light', 65535).thresholds.light, 65535);
  for (const [name, value] of [
    ['light', -1],
    ['vibe', 40000],
    ['case', 2],
    ['case', { x: 1, y: 1, z: 1 }],
    ['smell', 1],
    ['toString', 1],
  ] as [SensorName, SensorValue][])
    assert.throws(() => new SimulatedSensors().set(name, value), bad, name);
});

type Step =
  | { readonly kind: 'sensor'; readonly name: SensorName; readonly value: number }
  | { readonly kind: 'wait'; readonly milliseconds: number }
  | { readonly kind: 'mask'; readonly change: 'enable' | 'disable'; readonly mask: number }
  | { readonly kind: 'reset' | 'test' | 'arm' };

const stepOf: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('sensor' as const), name: fc.constantFrom<SensorName>('light', 'temperature', 'vibe', 'case', 'bus'), value: fc.constantFrom(0, 1) }) }, // prettier-ignore
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('wait' as const), milliseconds: fc.constantFrom(1, 10, 30, 150, 1000, 60_000) }) }, // prettier-ignore
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('mask' as const), change: fc.constantFrom('enable' as const, 'disable' as const), mask: fc.nat(255) }) }, // prettier-ignore
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('reset' as const, 'test' as const, 'arm' as const) }) },
);
const BITS: Record<string, number> = { light: 1, temperature: 2, vibe: 4, case: 8, bus: 16 };
const WRONG: Record<string, number> = { light: 60000, temperature: 200, vibe: -30000, case: 1, bus: 3 };
const RIGHT: Record<string, number> = { light: 10, temperature: 20, vibe: 3, case: 0, bus: 0 };

test('S-350 S-461 whatever sensors and operators do: what is wrong for a second has cleared the key, what is right never does, and only a reset ends it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepOf, { maxLength: 60 }), async (steps) => {
      const { clock, sensors, events, circuit } = fixture({ isArmed: false });
      const wrong = new Map<string, number>();
      let enabled = 0xff;
      let armed = false;
      let isTampered = false;
      const looksAt = (name: string): boolean => armed && (enabled & (BITS[name] ?? 0)) !== 0;
      for (const step of steps) {
        const before = events.length;
        if (step.kind === 'sensor') {
          sensors.set(step.name, (step.value === 1 ? WRONG : RIGHT)[step.name] ?? 0);
          if (step.value === 0) wrong.delete(step.name);
          else if (!wrong.has(step.name)) wrong.set(step.name, clock.monotonic());
        } else if (step.kind === 'wait') await clock.advance(step.milliseconds / 1000);
        else if (step.kind === 'mask') {
          circuit.configure(withSensors(circuit.configuration, step.change, step.mask));
          const was = enabled;
          enabled = step.change === 'enable' ? enabled | step.mask : enabled & ~step.mask;
          // What is looked at anew is counted from now.
          for (const name of wrong.keys()) if (((enabled & ~was) & (BITS[name] ?? 0)) !== 0) wrong.set(name, clock.monotonic()); // prettier-ignore
        } else if (step.kind === 'arm') {
          circuit.configure({ ...circuit.configuration, isArmed: true });
          if (!armed) for (const name of wrong.keys()) wrong.set(name, clock.monotonic());
          armed = true;
        } else if (step.kind === 'test') circuit.test();
        else {
          const still = [...wrong.keys()].some(looksAt);
          if (still) assert.throws(() => circuit.reset(), tampered);
          else {
            circuit.reset();
            isTampered = false;
          }
        }
        const candidates = [...wrong].filter(([name]) => looksAt(name));
        if (events.length > before) isTampered = true;
        for (const event of events.slice(before))
          assert.ok(
            step.kind === 'test' || step.kind === 'wait' || candidates.some(([name]) => event.startsWith(name)),
          );
        for (const [name, since] of candidates)
          if (clock.monotonic() - since >= 1000 || name === 'case') assert.ok(isTampered, `${name} was not seen`);
        assert.equal(circuit.tamper !== 'ok', isTampered);
        if (candidates.length === 0) assert.notEqual(circuit.tamper, 'lasts');
        assert.ok(circuit.faults.length <= 6);
      }
    }),
    { seed: 7, numRuns: 500 },
  );
});
