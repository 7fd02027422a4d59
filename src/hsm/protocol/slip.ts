/*
 * SLIP (RFC 1055) carries the messages of the RPC port:
 *
 *     END (C0)   octets, with ESC ESC_END (DB DC) for C0 and ESC ESC_ESC (DB DD) for DB   END (C0)
 *
 * Nothing between two ENDs is no frame.
 */
const END = 0xc0;
const ESC = 0xdb;
const ESC_END = 0xdc;
const ESC_ESC = 0xdd;

/** A buffer that grew beyond this is let go with its frame. */
const KEPT_BUFFER = 16_384;
const SMALLEST_BUFFER = 512;

/** Finds frames in a stream that may come octet by octet. Memory: at most one frame. */
export class SlipDecoder {
  /** The frame that is being read, or was. */
  #octets: Buffer = EMPTY;
  #length = 0;
  #afterEscape = false;
  /** Too long, or an escape that is none: the rest is skipped up to END. */
  #overflow = false;
  #malformed = false;
  #complete = false;
  readonly #mostOf: (beginning: Uint8Array) => number;

  /** @param mostOf most octets of a frame's content, by its beginning (some hundred octets, if there are so many) */
  constructor(mostOf: (beginning: Uint8Array) => number) {
    this.#mostOf = mostOf;
  }

  /** The content of the frame that `read` found; of one that is too long its beginning. A view, good until the next `read`. */
  get frame(): Buffer {
    return this.#octets.subarray(0, this.#length);
  }

  get isOverflow(): boolean {
    return this.#overflow;
  }

  /** The frame has an ESC that neither ESC_END nor ESC_ESC follows. */
  get isMalformed(): boolean {
    return this.#malformed;
  }

  /** In the middle of a frame. */
  get isInside(): boolean {
    return !this.#complete && (this.#length > 0 || this.#afterEscape);
  }

  /**
   * Reads up to and including the END of the next frame that is not empty.
   * @returns where to read on, with `frame` set; or -1 when all octets were read and no frame is complete
   */
  read(chunk: Uint8Array, at: number): number {
    if (this.#complete) this.#reset();
    for (; at < chunk.length; at++) {
      at = this.#readPlain(chunk, at);
      if (at === chunk.length) break;
      const octet = chunk[at];
      if (octet === END) {
        if (this.#afterEscape) this.#malformed = true;
        this.#afterEscape = false;
        if (this.#length === 0 && !this.#malformed) continue;
        this.#complete = true;
        return at + 1;
      }
      if (this.#afterEscape) {
        this.#afterEscape = false;
        if (octet === ESC_END) this.#put(END);
        else if (octet === ESC_ESC) this.#put(ESC);
        else this.#malformed = true;
      } else if (octet === ESC) this.#afterEscape = true;
      else this.#put(octet);
    }
    return -1;
  }

  /** Octets that stand for themselves, as far as there is room for them. Gives where something else is to be done. */
  #readPlain(chunk: Uint8Array, at: number): number {
    if (this.#afterEscape) return at;
    const octets = this.#octets;
    let length = this.#length;
    const end = Math.min(chunk.length, at + octets.length - length);
    for (; at < end; at++) {
      const octet = chunk[at];
      if (octet === END || octet === ESC) break;
      octets[length++] = octet;
    }
    this.#length = length;
    return at;
  }

  /** Overwrites what was read: a frame may hold a PIN or a key. */
  clear(): void {
    this.#octets.fill(0);
    this.#reset();
  }

  #reset(): void {
    if (this.#octets.length > KEPT_BUFFER) this.#octets = EMPTY;
    this.#length = 0;
    this.#complete = this.#overflow = this.#malformed = this.#afterEscape = false;
  }

  #put(octet: number): void {
    if (this.#length === this.#octets.length && !this.#grow()) {
      this.#overflow = true;
      return;
    }
    this.#octets[this.#length++] = octet;
  }

  #grow(): boolean {
    const most = this.#length === 0 ? SMALLEST_BUFFER : this.#mostOf(this.#octets);
    if (this.#length >= most) return false;
    const size = Math.min(most, Math.max(SMALLEST_BUFFER, 4 * this.#length));
    const larger = Buffer.allocUnsafeSlow(size);
    larger.set(this.#octets.subarray(0, this.#length));
    this.#octets.fill(0);
    this.#octets = larger;
    return true;
  }
}

const EMPTY = Buffer.alloc(0);

/** Octets that a frame of `length` octets takes at most. */
export function mostFramed(length: number): number {
  return 2 * length + 2;
}

/**
 * Writes END, the escaped content and END to `to` from `at` on, which has `mostFramed` octets of room.
 * @returns where the frame ends
 */
export function writeFrame(content: Uint8Array, to: Uint8Array, at: number): number {
  to[at++] = END;
  for (let i = 0; i < content.length; i++) {
    const octet = content[i];
    if (octet === END) {
      to[at++] = ESC;
      to[at++] = ESC_END;
    } else if (octet === ESC) {
      to[at++] = ESC;
      to[at++] = ESC_ESC;
    } else to[at++] = octet;
  }
  to[at++] = END;
  return at;
}

/** The frame of `content`, in memory of its own. */
export function frameOf(content: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(mostFramed(content.length));
  return frame.subarray(0, writeFrame(content, frame, 0));
}
