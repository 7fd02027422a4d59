import type { Socket } from 'node:net';
import { SignetError } from '../../base/error.ts';

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
/** Chunks kept for the next frames. */
const MAX_SPARE = 8;
const NOTHING = Buffer.alloc(0);

function malformed(what: string): SignetError {
  return new SignetError('DEVICE_FRAME', `the socket of a device carries something else than its frames: ${what}`);
}

/** Puts frames together in memory that is used again, and overwritten in between. */
export class FrameWriter {
  #octets: Buffer = Buffer.allocUnsafeSlow(CHUNK);
  #at = 0;
  #start = 0;

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

  /** What was put together; the writer begins anew in `next`. */
  take(next: Buffer): Buffer {
    const taken = this.#octets.subarray(0, this.#at);
    this.#octets = next;
    this.#at = 0;
    return taken;
  }

  /** Takes the place for so many octets; gives where it begins. */
  #room(octets: number): number {
    const at = this.#at;
    this.#at += octets;
    if (this.#at > this.#octets.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#octets.length * 2, this.#at));
      larger.set(this.#octets.subarray(0, at));
      this.#octets.fill(0);
      this.#octets = larger;
    }
    return at;
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

/** Finds frames in what a stream brings, and overwrites what was used. */
export class FrameSplitter {
  #rest: Buffer = NOTHING;
  /** Octets of `#rest` that are filled. */
  #filled = 0;
  readonly #cursor = new FrameCursor();

  /** Calls `take` for each frame; the cursor is the same one each time. @throws SignetError DEVICE_FRAME */
  push(chunk: Buffer, take: (frame: FrameCursor) => void): void {
    let octets = chunk;
    if (this.#filled > 0) {
      octets = this.#joined(chunk);
      // It stays where it was put together.
      if (endOfFrame(octets, 0) === undefined) return;
    }
    let at = 0;
    for (let end = endOfFrame(octets, at); end !== undefined; end = endOfFrame(octets, at)) {
      this.#cursor.open(octets, at + 4, end);
      take(this.#cursor);
      at = end;
    }
    this.#rest = at === octets.length ? NOTHING : Buffer.from(Uint8Array.from(octets.subarray(at)).buffer);
    this.#filled = this.#rest.length;
    octets.fill(0);
  }

  /** What was kept and `chunk`; stays kept until it is whole. */
  #joined(chunk: Buffer): Buffer {
    const length = this.#filled + chunk.length;
    if (length > this.#rest.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#rest.length, CHUNK));
      larger.set(this.#rest.subarray(0, this.#filled));
      this.#rest.fill(0);
      this.#rest = larger;
    }
    this.#rest.set(chunk, this.#filled);
    chunk.fill(0);
    this.#filled = length;
    return this.#rest.subarray(0, length);
  }
}

/** undefined when the frame that begins there is not whole yet. @throws SignetError DEVICE_FRAME */
function endOfFrame(octets: Buffer, at: number): number | undefined {
  if (octets.length - at < 4) return undefined;
  const length = octets.readUInt32BE(at);
  if (length < HEAD || length > LARGEST) throw malformed(`a frame of ${length} octets`);
  return at + 4 + length > octets.length ? undefined : at + 4 + length;
}

/** Frames on their way out: those of one turn of the event loop in one write. */
export class FrameOutbox {
  readonly frames = new FrameWriter();
  readonly #socket: Socket;
  readonly #spare: Buffer[] = [];
  #isScheduled = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** What was written to `frames` goes out at the end of this turn. */
  flushSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    if (this.frames.isEmpty) return;
    const octets = this.frames.take(this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK));
    this.#socket.write(octets, () => {
      octets.fill(0);
      if (octets.buffer.byteLength === CHUNK && this.#spare.length < MAX_SPARE)
        this.#spare.push(Buffer.from(octets.buffer));
    });
  }
}
