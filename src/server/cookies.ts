import { copyOctets } from '../base/octets.ts';
import { SipHash } from './siphash.ts';

/*
 * A cookie with the server's half (RFC 9018 section 4):
 *
 *    0                8         9             12             16               24
 *    | client cookie  | version | reserved 0 0 0 | timestamp  | hash           |
 *
 * hash is SipHash-2-4 of the first 16 octets and the client's address, under a secret that the servers of an anycast set
 * share. Numbers are in network order, the hash is as SipHash gives it (little-endian).
 */

/** Octets of a cookie that has both halves. */
export const COOKIE_OCTETS = 24;
const VERSION = 1;
const CLIENT_OCTETS = 8;
const TIMESTAMP_AT = 12;
const HASH_AT = 16;

/** RFC 9018 section 4.3, seconds. */
const OLDEST = 3600;
const FURTHEST_AHEAD = 300;
/** A good cookie that is older gets a successor. */
const RENEWED_AFTER = 1800;

/** What the cookie of a query is worth. */
export const COOKIE = {
  /** There is none, or cookies are not answered (answer-cookie no). */
  NONE: 0,
  /** The client's half alone. */
  NEW: 1,
  /** With a server's half of another length than ours. */
  BAD_SIZE: 2,
  /** Too old, or from the future. */
  BAD_TIME: 3,
  /** Not made by us for this client. */
  NO_MATCH: 4,
  GOOD: 5,
} as const;

/** Makes and verifies cookies (RFC 7873). Allocates nothing. */
export class CookieJar {
  readonly #hashes: readonly SipHash[];
  /** The good cookie was made with the first secret. */
  #byFirst = false;
  readonly #input = new Uint8Array(HASH_AT + 16);
  /** The cookie that goes into the answer, after `examine` gave another status than NONE. */
  readonly answer = new Uint8Array(COOKIE_OCTETS);

  /** @param secrets of 16 octets: the first makes cookies, all verify them */
  constructor(secrets: readonly Uint8Array[]) {
    this.#hashes = secrets.map((secret) => new SipHash(secret));
  }

  /**
   * Looks at the cookie octets[at, at + length) of a client and prepares `answer`.
   * @param length 8, or 16 to 40
   * @param now Unix time in seconds
   * @returns one of COOKIE, never NONE
   */
  examine(
    octets: Uint8Array,
    at: number,
    length: number,
    address: Uint8Array,
    addressAt: number,
    addressLength: number,
    now: number,
  ): number {
    copyOctets(address, addressAt, addressAt + addressLength, this.#input, HASH_AT);
    const end = HASH_AT + addressLength;
    const status = this.#status(octets, at, length, end, now);
    // A cookie by an older secret is renewed whatever its age: that secret will be gone one day.
    if (status === COOKIE.GOOD && this.#byFirst && ageOf(octets, at, now) <= RENEWED_AFTER)
      copyOctets(octets, at, at + COOKIE_OCTETS, this.answer, 0);
    else this.#make(octets, at, end, now);
    return status;
  }

  #status(octets: Uint8Array, at: number, length: number, end: number, now: number): number {
    if (length === CLIENT_OCTETS) return COOKIE.NEW;
    if (length !== COOKIE_OCTETS) return COOKIE.BAD_SIZE;
    const age = ageOf(octets, at, now);
    if (age > OLDEST || age < -FURTHEST_AHEAD) return COOKIE.BAD_TIME;
    // What has another version has another hash, too, since the version is hashed.
    if (octets[at + CLIENT_OCTETS] !== VERSION) return COOKIE.NO_MATCH;
    for (let i = 0; i < this.#hashes.length; i++)
      if (this.#matches(this.#hashes[i], octets, at, end)) {
        this.#byFirst = i === 0;
        return COOKIE.GOOD;
      }
    return COOKIE.NO_MATCH;
  }

  /** True when this secret made the cookie. Takes the same time wherever a difference is. */
  #matches(hash: SipHash, octets: Uint8Array, at: number, end: number): boolean {
    // RFC 9018 section 4.2: the reserved octets are hashed as they are.
    copyOctets(octets, at, at + HASH_AT, this.#input, 0);
    hash.hash(this.#input, 0, end);
    let difference = 0;
    for (let i = 0; i < 4; i++) {
      difference |= octets[at + HASH_AT + i] ^ ((hash.low >>> (8 * i)) & 255);
      difference |= octets[at + HASH_AT + 4 + i] ^ ((hash.high >>> (8 * i)) & 255);
    }
    return difference === 0;
  }

  #make(octets: Uint8Array, at: number, end: number, now: number): void {
    const input = this.#input;
    copyOctets(octets, at, at + CLIENT_OCTETS, input, 0);
    input[CLIENT_OCTETS] = VERSION;
    input[9] = input[10] = input[11] = 0;
    input[TIMESTAMP_AT] = now >>> 24;
    input[TIMESTAMP_AT + 1] = now >>> 16;
    input[TIMESTAMP_AT + 2] = now >>> 8;
    input[TIMESTAMP_AT + 3] = now;
    const hash = this.#hashes[0];
    hash.hash(input, 0, end);
    copyOctets(input, 0, HASH_AT, this.answer, 0);
    for (let i = 0; i < 4; i++) {
      this.answer[HASH_AT + i] = hash.low >>> (8 * i);
      this.answer[HASH_AT + 4 + i] = hash.high >>> (8 * i);
    }
  }
}

/** Seconds since the cookie was made, by serial number arithmetic (RFC 9018 section 4.3). */
function ageOf(octets: Uint8Array, at: number, now: number): number {
  const here = at + TIMESTAMP_AT;
  const made = (octets[here] << 24) | (octets[here + 1] << 16) | (octets[here + 2] << 8) | octets[here + 3];
  return ((now | 0) - made) | 0;
}
