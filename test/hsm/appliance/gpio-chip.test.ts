import assert from 'node:assert/strict';
import fs from 'node:fs';
import { endianness } from 'node:os';
import { test } from 'node:test';
import { SimulatedClock } from '../../../src/base/clock.ts';
import { MemoryLog } from '../../../src/base/log.ts';
import { type ChipCalls, GpioChip, loadChipCalls } from '../../../src/hsm/appliance/gpio-chip.ts';
import { GpioLeds } from '../../../src/hsm/appliance/gpio-leds.ts';
import { ledsOf } from '../../../src/hsm/appliance/leds.ts';

const LINES = [26, 19, 5, 6];
const FACTS = { devices: 2, devicesUp: 2, watchdogsUp: 2, isTampered: false, isFlashing: false };

/** A chip as the kernel has it: descriptor 7 is the chip, 8 its lines. */
class FakeChip implements ChipCalls {
  readonly asked: { readonly descriptor: number; readonly request: number; readonly octets: Uint8Array }[] = [];
  readonly opened = new Set<number>();
  /** -errno of the next calls. */
  refusal = 0;
  values = 0;

  open(file: string): number {
    assert.equal(file, '/dev/gpiochip0');
    this.opened.add(7);
    return 7;
  }

  close(descriptor: number): void {
    assert.ok(this.opened.delete(descriptor));
  }

  control(descriptor: number, request: number, octets: Uint8Array): number {
    assert.ok(this.opened.has(descriptor));
    if (this.refusal < 0) return this.refusal;
    this.asked.push({ descriptor, request, octets: Uint8Array.from(octets) });
    const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
    if (descriptor === 7) {
      view.setInt32(588, 8, endianness() === 'LE');
      this.opened.add(8);
    } else {
      const [bits, mask] = [0, 8].map((at) => Number(view.getBigUint64(at, endianness() === 'LE')));
      this.values = (this.values & ~mask) | (bits & mask);
    }
    return 0;
  }
}

// Written by a C program with linux/gpio.h, on a machine that writes the lowest octet first.
test('the requests to a GPIO chip are those of linux/gpio.h, octet for octet', { skip: endianness() === 'BE' }, () => {
  const calls = new FakeChip();
  {
    using chip = new GpioChip({ device: '/dev/gpiochip0', lines: LINES }, calls);
    assert.equal(calls.asked.length, 0);
    chip.set(19, true);
    chip.set(6, false);
    assert.throws(() => chip.set(7, true), /line 7 is none/);
    assert.deepEqual([...calls.opened], [8], 'the chip itself is closed');
  }
  assert.equal(calls.opened.size, 0);
  const [request, first, second, ...more] = calls.asked;
  assert.deepEqual(more, []);
  assert.deepEqual([request.descriptor, request.request, request.octets.length], [7, 0xc250b407, 592]);
  const expected = new Uint8Array(592);
  for (const [at, value] of [[0, 0x1a], [4, 0x13], [8, 0x05], [12, 0x06], [288, 0x08], [560, 0x04]]) expected[at] = value; // prettier-ignore
  expected.set(Buffer.from('signet-hsm'), 256);
  assert.deepEqual(request.octets, expected);
  assert.deepEqual([first.descriptor, first.request], [8, 0xc010b40f]);
  assert.equal(Buffer.from(first.octets).toString('hex'), '02000000000000000200000000000000');
  assert.equal(Buffer.from(second.octets).toString('hex'), '00000000000000000800000000000000');
});

function lightsOn(calls: FakeChip): {
  readonly clock: SimulatedClock;
  readonly log: MemoryLog;
  readonly leds: GpioLeds;
} {
  const clock = new SimulatedClock(0);
  const log = new MemoryLog();
  const linesAt = (device: string, lines: readonly number[]): GpioChip => new GpioChip({ device, lines }, calls);
  return { clock, log, leds: new GpioLeds('/dev/gpiochip0', { clock, log, linesAt }) };
}

test('S-448 (part) lights on the lines of a GPIO chip: colours, and what blinks', async () => {
  const calls = new FakeChip();
  const { clock, log, leds } = lightsOn(calls);
  using _ = leds;
  // Red and green of SYSTEM, red and green of TAMPER.
  const read = (): string => [0, 1, 2, 3].map((bit) => (calls.values >> bit) & 1).join('');
  leds.show(ledsOf({ stage: 'ready', ...FACTS }));
  assert.equal(read(), '0101');
  leds.show(ledsOf({ stage: 'power on', ...FACTS }));
  assert.equal(read(), '1111');
  const asked = calls.asked.length;
  leds.show(ledsOf({ stage: 'power on', ...FACTS }));
  assert.equal(calls.asked.length, asked, 'what is so already is not set again');
  leds.show(ledsOf({ stage: 'ready', ...FACTS, isTampered: true }));
  const seen = new Set<string>();
  for (let i = 0; i < 4; i++) {
    await clock.advance(0.25);
    seen.add(read());
  }
  assert.deepEqual(seen, new Set(['1010', '0000']));
  assert.deepEqual(log.records, []);
});

test('a chip that refuses is told once, with what to do, and tried again', async () => {
  const calls = new FakeChip();
  calls.refusal = -16;
  const { clock, log, leds } = lightsOn(calls);
  using _ = leds;
  leds.show(ledsOf({ stage: 'ready', ...FACTS }));
  await clock.advance(2);
  assert.deepEqual(
    log.records.map(({ text }) => text),
    ['LEDs cannot be set: /dev/gpiochip0: lines 26, 19, 5, 6 cannot be had (EBUSY: another program, or the kernel, has one of them: gpioinfo tells which)'],
  ); // prettier-ignore
  assert.equal(calls.opened.size, 0);
  calls.refusal = 0;
  await clock.advance(2);
  assert.equal(calls.values, 0b1010);
});

test('a file that is no GPIO chip is named, by the kernel itself', () => {
  const before = fs.readdirSync('/proc/self/fd').length;
  for (const device of ['/dev/null', '/dev/zero']) {
    using chip = new GpioChip({ device, lines: LINES }, loadChipCalls());
    assert.throws(() => chip.set(26, true), { code: 'GPIO', message: new RegExp(`^${device}: lines 26, .* \\(ENOTTY: it is no GPIO chip`) }); // prettier-ignore
  }
  using chip = new GpioChip({ device: '/nonexistent/gpiochip0', lines: LINES }, loadChipCalls());
  assert.throws(() => chip.set(26, true), { code: 'ENOENT' });
  assert.equal(fs.readdirSync('/proc/self/fd').length, before, 'nothing stays open');
});
