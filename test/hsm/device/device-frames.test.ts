import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type FrameCursor, FrameOutbox, FrameSplitter } from '../../../src/hsm/device/device-frames.ts';

/** A whole number below `limit`, the same ones in every run (Lehmer). */
function numbers(): (limit: number) => number {
  let state = 4711;
  return (limit) => (state = (state * 48_271) % 0x7fff_ffff) % limit;
}

/** The contents of frame `number`. */
const contents = (number: number, length: number): Buffer => Buffer.alloc(length, 1 + (number % 250));

function write(out: FrameOutbox, number: number, length: number): void {
  out.frames.begin(number, number % 256);
  out.frames.octets(contents(number, length));
  out.frames.end();
}

/** Takes frames 0, 1, 2 ... and compares them. */
class Checker {
  count = 0;
  readonly splitter = new FrameSplitter();
  readonly #lengths: readonly number[];

  constructor(lengths: readonly number[]) {
    this.#lengths = lengths;
  }

  /** As a socket: as much as there is room for at a time. */
  read(octets: Uint8Array): void {
    for (let at = 0; at < octets.length;) {
      const { splitter } = this;
      assert.ok(splitter.filled < splitter.octets.length, 'no room');
      const count = Math.min(octets.length - at, splitter.octets.length - splitter.filled);
      splitter.octets.set(octets.subarray(at, at + count), splitter.filled);
      splitter.received(count, this.#take);
      at += count;
    }
  }

  readonly #take = (frame: FrameCursor): void => {
    assert.deepEqual([frame.requestNumber, frame.code], [this.count, this.count % 256]);
    assert.deepEqual(Buffer.from(frame.view()), contents(this.count, this.#lengths[this.count]));
    frame.finish();
    this.count++;
  };
}

function written(lengths: readonly number[]): Buffer {
  const pieces: Buffer[] = [];
  const out = new FrameOutbox((octets, from, to) => pieces.push(Buffer.from(octets.subarray(from, to))) && to - from);
  for (const [number, length] of lengths.entries()) write(out, number, length);
  out.flush();
  return Buffer.concat(pieces);
}

describe('frames of a local socket', () => {
  test('cut at any octet they come out whole and in order', () => {
    const lengths = [0, 1, 32, 7];
    const octets = written(lengths);
    for (let first = 0; first <= octets.length; first++)
      for (let second = first; second <= octets.length; second++) {
        const checker = new Checker(lengths);
        for (const piece of [octets.subarray(0, first), octets.subarray(first, second), octets.subarray(second)])
          checker.read(piece);
        assert.equal(checker.count, lengths.length);
        assert.equal(checker.splitter.filled, 0);
      }
  });

  test('pieces of any size, frames that are longer than what is read at once; what was used is overwritten', () => {
    const below = numbers();
    const lengths = Array.from({ length: 200 }, () => below(below(8) === 0 ? 300_000 : 300));
    const octets = written(lengths);
    const checker = new Checker(lengths);
    for (let at = 0; at < octets.length;) {
      const end = Math.min(octets.length, at + 1 + below(90_000));
      checker.read(octets.subarray(at, end));
      at = end;
      const { splitter } = checker;
      assert.ok(splitter.octets.subarray(splitter.filled).every((octet) => octet === 0));
    }
    assert.equal(checker.count, lengths.length);
    assert.equal(checker.splitter.octets.length, 65_536);
  });

  test('what is no frame, and what fails in the middle, is overwritten and told', () => {
    for (const octets of [
      [0, 0, 0, 4],
      [0xff, 0xff, 0xff, 0xff],
      [1, 0, 0, 1],
    ]) {
      const splitter = new FrameSplitter();
      splitter.octets.set(octets);
      assert.throws(() => splitter.received(4, () => undefined), { code: 'DEVICE_FRAME' });
      assert.deepEqual([splitter.filled, splitter.octets.subarray(0, 4).every((octet) => octet === 0)], [0, true]);
    }
    const splitter = new FrameSplitter();
    const octets = written([40]);
    splitter.octets.set(octets);
    const failing = (): never => {
      throw new Error('no');
    };
    assert.throws(() => splitter.received(octets.length, failing), /no/);
    assert.ok(splitter.octets.subarray(0, octets.length).every((octet) => octet === 0));
  });

  test('an end that takes any number of octets at a time gets all of them, in order, also while more is written', async () => {
    const below = numbers();
    const lengths = Array.from({ length: 3000 }, () => below(below(50) === 0 ? 200_000 : 400));
    const checker = new Checker(lengths);
    let room = 0;
    let isBlocked = false;
    const out = new FrameOutbox((octets, from, to) => {
      assert.ok(!isBlocked, 'written to before it was ready');
      const count = Math.min(room, to - from);
      room -= count;
      checker.read(octets.subarray(from, from + count));
      isBlocked = count < to - from;
      return count;
    });
    const makeRoom = (octets: number): void => {
      room = octets;
      if (!isBlocked) return;
      isBlocked = false;
      out.unblock();
    };
    for (let number = 0; number < lengths.length; number++) {
      write(out, number, lengths[number]);
      if (below(2) === 0) out.flush();
      else out.flushSoon();
      if (below(3) === 0) makeRoom(below(4000));
      if (below(20) === 0) await nextTurn();
    }
    for (let turns = 0; checker.count < lengths.length; turns++) {
      assert.ok(turns < 100_000);
      makeRoom(1 + below(100_000));
      await nextTurn();
    }
    // What was sent is overwritten, and large memory is given back.
    assert.ok(out.frames.isEmpty);
  });

  test('a frame that cannot be put into words is taken back, whatever went out before', () => {
    const checker = new Checker([5, 6]);
    let isOpen = false;
    const out = new FrameOutbox((octets, from, to) => {
      const end = isOpen ? to : from;
      checker.read(octets.subarray(from, end));
      return end - from;
    });
    write(out, 0, 5);
    out.flush();
    out.frames.begin(77, 7);
    out.frames.octets(Buffer.alloc(100_000));
    out.frames.abandon();
    write(out, 1, 6);
    isOpen = true;
    out.unblock();
    assert.equal(checker.count, 2);
  });
});
