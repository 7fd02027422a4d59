import { SignetError } from '../../base/error.ts';
import { secretCopy, secretOctets } from '../../base/secret-octets.ts';

/*
 * The watchdog's local socket. Requests of one connection may overlap; a reply carries its request's number. Replies with
 * number 0 are a change of status that nobody asked for.
 *
 *   request   u32 octets that follow | u32 number | u8 function | argument
 *   reply     u32 octets that follow | u32 number | u8 status   | result, or text when the status (HalStatus) is not 0
 *
 * Arguments and results are secrets as plain octets, or JSON.
 */
export const WatchdogFunction = {
  STATUS: 1,
  REGISTER: 2,
  SET_MASTER_KEY: 3,
  ERASE_MASTER_KEY: 4,
  CHECK_VALUE: 5,
  WRAP: 6,
  UNWRAP: 7,
  KEYSTORE_KEY: 8,
  SENSORS: 9,
  SET_THRESHOLD: 10,
  ENABLE: 11,
  DISABLE: 12,
  ARM: 13,
  TEST: 14,
  RESET: 15,
  SET_SENSOR: 16,
  END: 17,
} as const;
export type WatchdogFunction = (typeof WatchdogFunction)[keyof typeof WatchdogFunction];

const HEAD = 5;
/** Octets of an argument: more than the largest key. */
const LARGEST = 1 << 18;

export interface Frame {
  readonly number: number;
  /** Function of a request, status of a reply. */
  readonly code: number;
  /** Overwritten when the handler returns: what is needed longer must be copied. */
  readonly body: Uint8Array;
}

export function encodeFrame(number: number, code: number, body: Uint8Array): Buffer {
  const frame = secretOctets(4 + HEAD + body.length);
  frame.writeUInt32BE(HEAD + body.length, 0);
  frame.writeUInt32BE(number, 4);
  frame[8] = code;
  frame.set(body, 9);
  return frame;
}

/** Puts frames together from what a stream brings, and overwrites what it has used. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  readonly #take: (frame: Frame) => void;

  constructor(take: (frame: Frame) => void) {
    this.#take = take;
  }

  /** @throws SignetError WATCHDOG_FRAME: the other end does not speak this protocol */
  push(chunk: Buffer): void {
    let octets = chunk;
    if (this.#rest.length > 0) {
      octets = secretOctets(this.#rest.length + chunk.length);
      octets.set(this.#rest);
      octets.set(chunk, this.#rest.length);
      this.#rest.fill(0);
      chunk.fill(0);
    }
    let at = 0;
    while (octets.length - at >= 4) {
      const length = octets.readUInt32BE(at);
      if (length < HEAD || length > HEAD + LARGEST)
        throw new SignetError('WATCHDOG_FRAME', `a frame of ${length} octets on the socket of a watchdog`, { length });
      if (octets.length - at < 4 + length) break;
      const number = octets.readUInt32BE(at + 4);
      this.#take({ number, code: octets[at + 8], body: octets.subarray(at + 9, at + 4 + length) });
      at += 4 + length;
      octets.fill(0, at - length, at);
    }
    this.#rest = secretCopy(octets.subarray(at));
    octets.fill(0);
  }
}
