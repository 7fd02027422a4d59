import fs from 'node:fs';
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { SignetError } from '../../base/error.ts';
import { foreignFunctions } from '../../base/system-calls.ts';
import type { LedLines } from './led-lines.ts';

/*
 * Version 2 of Linux's GPIO character devices (linux/gpio.h, 5.10 and later), which libgpiod uses, too. One ioctl(2) on the chip gives a
 * descriptor for the lines that were asked for, as outputs; a second one, on that descriptor, sets some of them. Numbers are in the byte
 * order of the machine.
 *
 *   struct gpio_v2_line_request, 592 octets
 *     0    u32 offsets[64]       numbers of the lines
 *     256  char consumer[32]     who has them, for people (gpioinfo)
 *     288  u64 config.flags      8: outputs
 *     296  ... config            264 octets, zeros: nothing special
 *     560  u32 num_lines
 *     564  ...                   24 octets, zeros
 *     588  s32 fd                the answer
 *
 *   struct gpio_v2_line_values, 16 octets
 *     0    u64 bits              values: bit I is the line offsets[I]
 *     8    u64 mask              which of them are to be set
 */
const GET_LINE = 0xc250_b407;
const SET_VALUES = 0xc010_b40f;
const REQUEST_OCTETS = 592;
const CONSUMER_AT = 256;
const FLAGS_AT = 288;
const COUNT_AT = 560;
const DESCRIPTOR_AT = 588;
const OUTPUT = 8n;
const CONSUMER = 'signet-hsm';
const MOST_LINES = 64;
const IS_LITTLE = endianness() === 'LE';

/** What a chip needs of the system. */
export interface ChipCalls {
  /** @throws Error of fs.openSync */
  open(file: string): number;
  close(descriptor: number): void;
  /** ioctl(2) with octets that it reads and writes. @returns 0 or more, or -errno */
  control(descriptor: number, request: number, octets: Uint8Array): number;
}

/** @throws SignetError NO_FOREIGN_FUNCTIONS when this Node.js cannot call the C library */
export function loadChipCalls(): ChipCalls {
  const ffi = foreignFunctions();
  const { functions: c } = ffi.dlopen('libc.so.6', {
    ioctl: { arguments: ['int32', 'uint64', 'buffer'], return: 'int32' },
    __errno_location: { arguments: [], return: 'pointer' },
  });
  const errno = c.__errno_location() as bigint;
  return {
    open: (file) => fs.openSync(file, 'r+'),
    close: (descriptor) => fs.closeSync(descriptor),
    control: (descriptor, request, octets) => {
      const result = Number(c.ioctl(descriptor, BigInt(request), octets));
      return result < 0 ? -ffi.getInt32(errno, 0) : result;
    },
  };
}

/** Output lines of a GPIO chip. They are asked for with the first one that is set, and are free again in the end. */
export class GpioChip implements LedLines {
  readonly #device: string;
  readonly #lines: readonly number[];
  readonly #calls: ChipCalls;
  /** Of the lines; undefined: the chip has not given them. */
  #descriptor: number | undefined;

  /** @param options device is a file such as /dev/gpiochip0; lines are the numbers that will be set */
  constructor(options: { readonly device: string; readonly lines: readonly number[] }, calls: ChipCalls) {
    this.#device = options.device;
    this.#lines = options.lines;
    this.#calls = calls;
    if (this.#lines.length > MOST_LINES) throw new RangeError(`a chip gives ${MOST_LINES} lines at once, not more`);
  }

  set(line: number, isOn: boolean): void {
    const index = this.#lines.indexOf(line);
    if (index < 0) throw new RangeError(`line ${line} is none of those that were asked for`);
    this.#descriptor ??= this.#request();
    const octets = new DataView(new ArrayBuffer(16));
    const bit = 1n << BigInt(index);
    octets.setBigUint64(0, isOn ? bit : 0n, IS_LITTLE);
    octets.setBigUint64(8, bit, IS_LITTLE);
    this.#control(this.#descriptor, SET_VALUES, new Uint8Array(octets.buffer), `line ${line} cannot be set`);
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== undefined) this.#calls.close(this.#descriptor);
    this.#descriptor = undefined;
  }

  #request(): number {
    const chip = this.#calls.open(this.#device);
    try {
      const octets = new Uint8Array(REQUEST_OCTETS);
      const request = new DataView(octets.buffer);
      for (const [i, line] of this.#lines.entries()) request.setUint32(4 * i, line, IS_LITTLE);
      octets.set(Buffer.from(CONSUMER), CONSUMER_AT);
      request.setBigUint64(FLAGS_AT, OUTPUT, IS_LITTLE);
      request.setUint32(COUNT_AT, this.#lines.length, IS_LITTLE);
      this.#control(chip, GET_LINE, octets, `lines ${this.#lines.join(', ')} cannot be had`);
      return request.getInt32(DESCRIPTOR_AT, IS_LITTLE);
    } finally {
      this.#calls.close(chip);
    }
  }

  #control(descriptor: number, request: number, octets: Uint8Array, what: string): void {
    const result = this.#calls.control(descriptor, request, octets);
    if (result >= 0) return;
    const name = getSystemErrorName(result);
    const why = REASONS[name] ?? 'see ioctl(2)';
    throw new SignetError('GPIO', `${this.#device}: ${what} (${name}: ${why})`, { device: this.#device });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOTTY: 'it is no GPIO chip, or the kernel is older than 5.10',
  EBUSY: 'another program, or the kernel, has one of them: gpioinfo tells which',
  EINVAL: 'it has no such line: gpioinfo lists them',
  EPERM: 'one of them is no output',
  ENODEV: 'the chip is gone',
};
