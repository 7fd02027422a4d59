import { SignetError } from '../../base/error.ts';
import { secretCopy } from '../../base/secret-octets.ts';

/*
 * The local socket between hsmd and a device's process. Many requests may be under way; a reply carries its request's number.
 *
 *   request   u32 octets that follow | u32 number | u8 function | arguments
 *   reply     u32 octets that follow | u32 number | u8 status   | result, or when the status (HalStatus) is not 0: text, facts as JSON
 *
 * Numbers are big-endian. Octets and texts have a length (u32) before them, lists a count (u32). What goes out in one turn of the event loop goes in one write.
 * Frames carry PINs and keys: both ends overwrite the memory that they passed through.
 */

const HEAD = 5;
/** A page of 65,536 UUIDs has 2.6 MB. */
const LARGEST = 1 << 24;
const CHUNK = 1 << 16;
const NOTHING = Buffer.alloc(0);

function malformed(what: string): SignetError {
  return new SignetError('DEVICE_FRAME', `the socket of a device carries something else than its frames: ${what}`);
}

/** Puts frames together in memory that is used again, and overwritten in between. */
export class FrameWriter {
  #octets: Buffer = Buffer.allocUnsafeSlow(CHUNK);
  #at = 0;
  #start = 0;
  /** Octets that have gone out. */
  #sent = 0;

  get isEmpty(): boolean {
    return this.#at === 0;
  }

  /** @param code function of a request, status of a reply */
  begin(number: number, code: number): void {
    this.#start = this.#at;
    const at = this.#room(4 + HEAD);
    this.#octets.writeUInt32BE(number, at + 4);
    this.#octets[at + 8] = code;
  }

  end(): void {
    this.#octets.writeUInt32BE(this.#at - this.#start - 4, this.#start);
  }

  /** Takes back what was written since `begin`: it could not be put into words. */
  abandon(): void {
    this.#octets.fill(0, this.#start, this.#at);
    this.#at = this.#start;
  }

  u8(value: number): void {
    this.#octets[this.#room(1)] = value;
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#octets.writeUInt32BE(value, at);
  }

  /** Any number. */
  number(value: number): void {
    const at = this.#room(8);
    this.#octets.writeDoubleBE(value, at);
  }

  octets(value: Uint8Array): void {
    this.u32(value.length);
    const at = this.#room(value.length);
    this.#octets.set(value, at);
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.u32(length);
    const at = this.#room(length);
    this.#octets.write(value, at);
  }

  /**
   * Sends what was put together and overwrites it. Not to be called in the middle of a frame.
   * @param write gives how many octets it took
   * @returns whether all went out
   */
  drain(write: (octets: Uint8Array, from: number, to: number) => number): boolean {
    this.#sent += write(this.#octets, this.#sent, this.#at);
    if (this.#sent < this.#at) return false;
    this.#octets.fill(0, 0, this.#at);
    if (this.#octets.length > CHUNK) this.#octets = Buffer.allocUnsafeSlow(CHUNK);
    this.#at = this.#sent = 0;
    return true;
  }

  /** Takes the place for so many octets; gives where it begins. */
  #room(octets: number): number {
    if (this.#at + octets > this.#octets.length) this.#makeRoom(octets);
    const at = this.#at;
    this.#at += octets;
    return at;
  }

  /** What has gone out makes place first. */
  #makeRoom(octets: number): void {
    const { length } = this.#octets;
    const kept = this.#at - this.#sent;
    const size = 2 * (kept + octets) > length ? Math.max(2 * length, kept + octets) : length;
    const next = Buffer.allocUnsafeSlow(size);
    next.set(this.#octets.subarray(this.#sent, this.#at));
    this.#octets.fill(0);
    this.#octets = next;
    this.#start -= this.#sent;
    this.#at = kept;
    this.#sent = 0;
  }
}

/** Reads one frame. Octets and texts are copies but for `view`. */
export class FrameCursor {
  requestNumber = 0;
  code = 0;
  #octets: Buffer = NOTHING;
  #at = 0;
  #end = 0;

  /** `start` to `end`: number, code, contents. */
  open(octets: Buffer, start: number, end: number): void {
    this.#octets = octets;
    this.requestNumber = octets.readUInt32BE(start);
    this.code = octets[start + 4];
    this.#at = start + HEAD;
    this.#end = end;
  }

  u8(): number {
    return this.#octets[this.#skip(1)];
  }

  u32(): number {
    return this.#octets.readUInt32BE(this.#skip(4));
  }

  number(): number {
    return this.#octets.readDoubleBE(this.#skip(8));
  }

  octets(): Uint8Array {
    return Uint8Array.from(this.view());
  }

  /** The same for a PIN or a key: whoever takes it overwrites it. */
  secret(): Uint8Array {
    return secretCopy(this.view());
  }

  /** Valid until the handler of the frame returns. */
  view(): Uint8Array {
    const length = this.u32();
    const at = this.#skip(length);
    return this.#octets.subarray(at, at + length);
  }

  text(): string {
    const length = this.u32();
    const at = this.#skip(length);
    return this.#octets.toString('utf8', at, at + length);
  }

  /** UUIDs and such: quicker. */
  asciiText(): string {
    const length = this.u32();
    const at = this.#skip(length);
    return this.#octets.toString('latin1', at, at + length);
  }

  /** How many elements follow: each has at least one octet. */
  count(): number {
    const count = this.u32();
    if (count > this.#end - this.#at) throw malformed('a list is longer than its frame');
    return count;
  }

  finish(): void {
    if (this.#at !== this.#end) throw malformed('a frame is longer than its contents');
  }

  #skip(octets: number): number {
    const at = this.#at;
    this.#at += octets;
    if (this.#at > this.#end) throw malformed('a frame is shorter than its contents');
    return at;
  }
}

/** Finds frames in what a stream brings, and overwrites what was used. Whoever reads puts octets into `octets`, from `filled` on. */
export class FrameSplitter {
  octets: Buffer = Buffer.alloc(CHUNK);
  /** Octets that a frame begins with which is not whole yet. */
  filled = 0;
  readonly #cursor = new FrameCursor();

  /**
   * Calls `take` for each frame that is whole now that `count` more octets came; the cursor is the same one each time. Afterwards there is room
   * for more, always. @throws SignetError DEVICE_FRAME, and what `take` throws
   */
  received(count: number, take: (frame: FrameCursor) => void): void {
    const { octets } = this;
    const filled = this.filled + count;
    let at = 0;
    try {
      for (let end = endOfFrame(octets, at, filled); end !== undefined; end = endOfFrame(octets, at, filled)) {
        this.#cursor.open(octets, at + 4, end);
        take(this.#cursor);
        at = end;
      }
    } catch (fault) {
      octets.fill(0, 0, filled);
      this.filled = 0;
      throw fault;
    }
    this.#keep(at, filled);
  }

  /** Moves what is left to the beginning. */
  #keep(from: number, to: number): void {
    const { octets } = this;
    this.filled = to - from;
    // A frame that needs more than a chunk grows with what comes, not with what it says that it will be.
    const size = this.filled < CHUNK ? CHUNK : this.filled < octets.length ? octets.length : 2 * octets.length;
    if (size === octets.length) {
      if (from > 0) octets.copyWithin(0, from, to);
      octets.fill(0, from > 0 ? this.filled : to, to);
      return;
    }
    this.octets = Buffer.alloc(size);
    this.octets.set(octets.subarray(from, to));
    octets.fill(0);
  }
}

/** undefined when the frame that begins there is not whole yet. @throws SignetError DEVICE_FRAME */
function endOfFrame(octets: Buffer, at: number, filled: number): number | undefined {
  if (filled - at < 4) return undefined;
  const length = octets.readUInt32BE(at);
  if (length < HEAD || length > LARGEST) throw malformed(`a frame of ${length} octets`);
  return at + 4 + length > filled ? undefined : at + 4 + length;
}

/** What signatures that take 250 us each gain by going out alone is lost by whoever is woken for each. */
const SLOW_FRAMES_AT_ONCE = 4;

/** Frames on their way out: those of one turn of the event loop in one write. */
export class FrameOutbox {
  readonly frames = new FrameWriter();
  readonly #write: (octets: Uint8Array, from: number, to: number) => number;
  readonly #flushNow = (): void => this.flush();
  #isScheduled = false;
  /** The other end does not read: it is waited for. */
  #isBlocked = false;
  #isCorked = false;
  /** Frames for which `flushSome` was called since `cork`. */
  #slowFrames = 0;

  /** @param write gives how many octets went out; when not all did, `unblock` is called as soon as more may */
  constructor(write: (octets: Uint8Array, from: number, to: number) => number) {
    this.#write = write;
  }

  /** What was written to `frames` goes out at the end of this turn. */
  flushSoon(): void {
    if (this.#isScheduled || this.#isBlocked || this.#isCorked) return;
    this.#isScheduled = true;
    setImmediate(this.#flushNow);
  }

  /** More is written now, until `uncork`, which sends it. */
  cork(): void {
    this.#isCorked = true;
    this.#slowFrames = 0;
  }

  /** After a frame that took long: the first one of a turn goes out at once, so that the other end need not wait for the next, and then some at a time. */
  flushSome(): void {
    if (this.#slowFrames++ % SLOW_FRAMES_AT_ONCE === 0) this.flush();
  }

  uncork(): void {
    this.#isCorked = false;
    this.flush();
  }

  /** What was written to `frames` goes out. */
  flush(): void {
    this.#isScheduled = false;
    if (this.#isBlocked || this.frames.isEmpty) return;
    this.#isBlocked = !this.frames.drain(this.#write);
  }

  unblock(): void {
    this.#isBlocked = false;
    this.flush();
  }
}
