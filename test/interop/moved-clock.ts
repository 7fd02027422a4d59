import fs from 'node:fs';
import path from 'node:path';
import { compileShared } from '../native/builds.ts';
import { temporaryDirectory } from './serve-peers.ts';

/** Nanoseconds that programs may see pass after a move: never enough for the next second. */
const ROOM = 990_000_000n;
const SECOND = 1_000_000_000n;
/** Numbers of a slot in the file; test/native/moved-clock.c draws it. */
const SLOT = 4;

/**
 * A clock for all programs that this process starts while it lives; the process itself keeps the true time. It stands within
 * its second until it is moved, so that what several programs do after a move has the same times, however long it takes them.
 */
export class MovedClock implements Disposable {
  readonly #directory = temporaryDirectory();
  readonly #file: number;
  readonly #before: readonly (readonly [string, string | undefined])[];
  #slot = 0;
  #now: number;
  #ahead = 0n;

  /** @param start Unix time in seconds */
  constructor(start: number) {
    const library = compileShared(
      path.join(this.#directory.path, 'moved-clock.so'),
      '-O2',
      'test/native/moved-clock.c',
    );
    const file = path.join(this.#directory.path, 'clock');
    this.#file = fs.openSync(file, 'w+');
    this.#now = start;
    this.#write();
    const variables = { LD_PRELOAD: library, MOVED_CLOCK: file };
    this.#before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
    Object.assign(process.env, variables);
  }

  /** Unix time in seconds. */
  get now(): number {
    return this.#now;
  }

  /** Moves on to this Unix time; timers of programs that wait for something before it fire. A time that has been changes nothing. */
  moveTo(time: number): void {
    if (time <= this.#now) return;
    this.#ahead += BigInt(time - this.#now) * SECOND;
    this.#now = time;
    this.#write();
  }

  moveBy(seconds: number): void {
    this.moveTo(this.#now + seconds);
  }

  /** Fills the slot that does not count, then lets it count: programs see all of a move or nothing. */
  #write(): void {
    this.#slot = 1 - this.#slot;
    const slot = BigInt64Array.of(BigInt(this.#now) * SECOND, process.hrtime.bigint(), ROOM, this.#ahead);
    fs.writeSync(this.#file, slot, 0, slot.byteLength, 8 * (1 + SLOT * this.#slot));
    if (fs.fstatSync(this.#file).size < 8 * (1 + 2 * SLOT)) fs.ftruncateSync(this.#file, 8 * (1 + 2 * SLOT));
    fs.writeSync(this.#file, BigInt64Array.of(BigInt(this.#slot)), 0, 8, 0);
  }

  [Symbol.dispose](): void {
    for (const [name, value] of this.#before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    fs.closeSync(this.#file);
    this.#directory[Symbol.dispose]();
  }
}
