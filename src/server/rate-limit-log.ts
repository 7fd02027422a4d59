import type { Log } from '../base/log.ts';
import { formatAddress } from '../net/address.ts';
import { uncheckedName } from '../wire/name.ts';
import { nameToShortText } from '../wire/name-text.ts';
import { rcodeText } from '../wire/code-text.ts';
import { typeText } from '../wire/type-text.ts';
import type { ClientContext } from './answer.ts';
import { RATE_KIND, type RateLimits } from './rate-limit-table.ts';

/** What limits know of an answer. Names are suffixes of the name that was asked for, at name[at ...]. */
export interface LimitedAnswer {
  /** One of RATE_KIND, RESPONSE to ERROR. */
  kind: number;
  /** Type asked for. */
  type: number;
  rcode: number;
  name: Uint8Array;
  /** The name that is counted. */
  nameAt: number;
  nameLength: number;
  /** The name that lines of log show. */
  shownAt: number;
  /** All that wildcards of a zone give is one. */
  isWildcard: boolean;
}

/** Which entry of the table a line is about. */
export interface LoggedKey {
  readonly entry: number;
  readonly low: number;
  readonly high: number;
}

/** Lines a second and thread; forged addresses could make any number. */
const MOST_LINES = 20;
/** Limits whose end will be told of. */
const MOST_REMEMBERED = 256;
/** Ends told of at once. BIND 9.18: 8 a second. */
const MOST_ENDS = 8;

/** Whether an entry is not limited any more. */
type IsCalm = (entry: number, low: number, high: number, now: number) => boolean;

interface Remembered extends LoggedKey {
  readonly text: string;
}

/** Lines of BIND's category `rate-limit`: where a limit begins, goes on for half an hour, and ends. */
export class RateLimitLog {
  readonly #limits: RateLimits;
  readonly #log: Log;
  readonly #isCalm: IsCalm;
  readonly #remembered: Remembered[] = [];
  #second = 0;
  #lines = 0;
  #leftOut = 0;

  constructor(limits: RateLimits, dependencies: { readonly log: Log }, isCalm: IsCalm) {
    this.#limits = limits;
    this.#log = dependencies.log;
    this.#isCalm = isCalm;
  }

  /** Called for each answer; works once a second, and only while there is something to tell. */
  maintain(now: number): void {
    if (now === this.#second) return;
    this.#second = now;
    this.#lines = 0;
    if (this.#leftOut > 0) {
      const text = `${this.#leftOut} more lines on limited responses are left out; 'rndc stats' counts what is limited`;
      this.#leftOut = 0;
      this.#write(text);
    }
    if (this.#remembered.length > 0) this.#tellEnds(now);
  }

  limited(key: LoggedKey, isFirst: boolean, kind: number, client: ClientContext, answer: LimitedAnswer): void {
    const text = describe(key.low, kind, this.#limits, client, answer);
    if (!this.#write(`${this.#would}${isFirst ? 'limit' : 'continue limiting'} ${text}`)) return;
    if (isFirst && this.#remembered.length < MOST_REMEMBERED) this.#remembered.push({ ...key, text });
  }

  #tellEnds(now: number): void {
    for (let i = 0, told = 0; i < this.#remembered.length && told < MOST_ENDS;) {
      const { entry, low, high, text } = this.#remembered[i];
      if (!this.#isCalm(entry, low, high, now)) {
        i++;
        continue;
      }
      this.#remembered.splice(i, 1);
      this.#write(`${this.#would}stop limiting ${text}`);
      told++;
    }
  }

  get #would(): string {
    return this.#limits.logOnly ? 'would ' : '';
  }

  /** @returns false when there were too many in this second */
  #write(text: string): boolean {
    if (this.#lines >= MOST_LINES) {
      this.#leftOut++;
      return false;
    }
    this.#lines++;
    this.#log.write({ severity: 'info', category: 'rate-limit', text });
    return true;
  }
}

/** "NXDOMAIN responses to 192.0.2.0/24 for example  (0123abcd)", as BIND 9.18 writes it. */
function describe(
  hash: number,
  kind: number,
  limits: RateLimits,
  client: ClientContext,
  answer: LimitedAnswer,
): string {
  const to = `responses to ${networkText(limits, client)}`;
  if (kind === RATE_KIND.ALL) return `all ${to}`;
  if (kind === RATE_KIND.ERROR) return `${rcodeText(answer.rcode)} error ${to}`;
  const name = nameToShortText(uncheckedName(nameAt(answer.name, answer.shownAt)));
  const identity = `(${(hash >>> 0).toString(16).padStart(8, '0')})`;
  if (kind === RATE_KIND.NXDOMAIN) return `NXDOMAIN ${to} for ${name}  ${identity}`;
  if (kind === RATE_KIND.NODATA) return `NODATA ${to} for ${name} IN  ${identity}`;
  if (kind === RATE_KIND.REFERRAL) return `referral ${to} for ${name} IN  ${identity}`;
  return `${to} for ${name} IN ${typeText(answer.type)}  ${identity}`;
}

function networkText(limits: RateLimits, { address, addressAt, addressLength }: ClientContext): string {
  const bits = addressLength === 4 ? limits.ipv4PrefixLength : limits.ipv6PrefixLength;
  const network = address.slice(addressAt, addressAt + addressLength);
  for (let i = 0; i < network.length; i++) network[i] &= 0xff << Math.min(8, Math.max(0, 8 * (i + 1) - bits));
  return `${formatAddress(network)}/${bits}`;
}

function nameAt(octets: Uint8Array, at: number): Uint8Array {
  let end = at;
  while (octets[end] !== 0) end += octets[end] + 1;
  return octets.slice(at, end + 1);
}
