import { scrypt, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../base/random.ts';
import { HalError, HalStatus } from '../hal-status.ts';

/** scrypt (RFC 7914) with N = 2^logN. */
export interface ScryptCost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** 64 MiB and a tenth of a second or two for a guess: half of what OWASP asks of web logins, as every login is checked on every device. */
export const DEFAULT_SCRYPT_COST: ScryptCost = { logN: 16, r: 8, p: 1 };

const SALT_OCTETS = 16;
const HASH_OCTETS = 32;
/** Of one computation: a hash that another device sends may not ask for more. */
const MAX_MEMORY = 256 * 1024 * 1024;
/** Computations at one time: each takes a thread of the pool and its memory. */
const MAX_RUNNING = 2;
const MAX_WAITING = 256;

const FORM = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$/;

/** Salted hashes of PINs: `$scrypt$ln=16,r=8,p=1$salt$hash` in base64. Computed in Node's threads, a few at a time. */
export class PinHasher {
  readonly #cost: ScryptCost;
  readonly #random: Random;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(cost: ScryptCost, random: Random) {
    if (!isBounded(cost))
      throw new RangeError(`scrypt with ln=${cost.logN}, r=${cost.r}, p=${cost.p} is out of bounds`);
    this.#cost = cost;
    this.#random = random;
  }

  /** @throws HalError CORE_BUSY when too many wait */
  async hash(pin: Uint8Array): Promise<string> {
    const salt = Buffer.alloc(SALT_OCTETS);
    this.#random.fill(salt);
    const hash = await this.#compute(pin, salt, this.#cost);
    const { logN, r, p } = this.#cost;
    return `$scrypt$ln=${logN},r=${r},p=${p}$${bare(salt)}$${bare(hash)}`;
  }

  /** Compares in constant time; without a hash it does the same work and says false. @throws HalError CORE_BUSY */
  async matches(pin: Uint8Array, hash: string | undefined): Promise<boolean> {
    const parsed = hash === undefined ? undefined : parse(hash);
    const found = await this.#compute(pin, parsed?.salt ?? Buffer.alloc(SALT_OCTETS), parsed?.cost ?? this.#cost);
    return parsed !== undefined && timingSafeEqual(found, parsed.hash);
  }

  async #compute(pin: Uint8Array, salt: Uint8Array, { logN, r, p }: ScryptCost): Promise<Buffer> {
    await this.#turn();
    try {
      return await new Promise((resolve, reject) => {
        scrypt(pin, salt, HASH_OCTETS, { N: 2 ** logN, r, p, maxmem: MAX_MEMORY + 1024 * 1024 }, (fault, hash) =>
          fault ? reject(fault) : resolve(hash),
        );
      });
    } finally {
      // The place goes to the next in line, or is free.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }

  async #turn(): Promise<void> {
    if (this.#running < MAX_RUNNING) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= MAX_WAITING)
      throw new HalError(
        HalStatus.CORE_BUSY,
        `${MAX_WAITING} logins already wait for their PIN to be checked: try again`,
      );
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

/** That a text which came from elsewhere is a hash that can be checked with bounded work. */
export function isPinHash(text: string): boolean {
  return parse(text) !== undefined;
}

function parse(text: string): { cost: ScryptCost; salt: Buffer; hash: Buffer } | undefined {
  const found = FORM.exec(text);
  if (!found) return undefined;
  const cost = { logN: Number(found[1]), r: Number(found[2]), p: Number(found[3]) };
  return isBounded(cost)
    ? { cost, salt: Buffer.from(found[4], 'base64'), hash: Buffer.from(found[5], 'base64') }
    : undefined;
}

function isBounded({ logN, r, p }: ScryptCost): boolean {
  return (
    [logN, r, p].every((n) => Number.isInteger(n) && n >= 1) &&
    logN <= 20 &&
    p <= 4 &&
    128 * r * 2 ** logN <= MAX_MEMORY
  );
}

function bare(octets: Uint8Array): string {
  return Buffer.from(octets).toString('base64').replace(/=+$/, '');
}
