import { EDNS_OPTION } from '../wire/edns.ts';
import type { MessageBuilder } from '../wire/message-writer.ts';
import type { QueryView } from '../wire/query-view.ts';
import type { ClientContext } from './answer.ts';
import { COOKIE, COOKIE_OCTETS, CookieJar } from './cookies.ts';
import type { ServerTables } from './server-tables.ts';
import { COUNTER, type CounterRow } from './statistics.ts';

/** Extended error codes (RFC 8914 section 4). */
export const EDE = { NONE: -1, OTHER: 0, NOT_READY: 14, PROHIBITED: 18, NOT_AUTHORITATIVE: 20 } as const;

/** The OPT record without options (RFC 6891 section 6.1.2). */
const OPT_OCTETS = 11;
/** Code and length of an option. */
const OPTION_OCTETS = 4;
const EDE_OCTETS = 2;
const KEEPALIVE_OCTETS = 2;
/** A longer server-id is cut for NSID: it has to fit beside an answer. */
const MOST_NSID = 255;
/** BIND 9.18 pads to 512 octets at most, whatever the configuration says. */
const LARGEST_BLOCK = 512;

/**
 * The OPT record of an answer: NSID, COOKIE, edns-tcp-keepalive, extended error, padding. One object a thread; nothing is
 * allocated for a query. The room of all but the extended error and the padding is kept free before records are written.
 */
export class EdnsAnswer {
  /** What the cookie of the query is worth, one of COOKIE. */
  cookie: number = COOKIE.NONE;
  readonly #counters: CounterRow;
  #nsid: Uint8Array | undefined;
  #jar: CookieJar | undefined;
  #wantsNsid = false;
  #saysKeepalive = false;
  readonly #options = new Uint8Array(5 * OPTION_OCTETS + MOST_NSID + COOKIE_OCTETS + 4 + LARGEST_BLOCK);
  #length = 0;

  constructor(counters: CounterRow) {
    this.#counters = counters;
  }

  setTables({ identity, cookies }: ServerTables): void {
    const { serverId } = identity;
    this.#nsid = serverId === undefined ? undefined : Buffer.from(serverId, 'utf8').subarray(0, MOST_NSID);
    this.#jar = cookies === undefined ? undefined : new CookieJar(cookies.secrets);
  }

  /** Looks at what the query asks for. */
  begin(query: QueryView, client: ClientContext): void {
    this.cookie = COOKIE.NONE;
    this.#wantsNsid = this.#saysKeepalive = false;
    // What options mean in another version of EDNS is not known.
    if (!query.hasEdns || query.ednsVersion !== 0) return;
    this.#wantsNsid = query.wantsNsid && this.#nsid !== undefined;
    // RFC 7828 section 3.2.1 and 3.3.2: never over UDP, and only to who asked.
    this.#saysKeepalive = query.wantsKeepalive && client.overTcp && client.keepaliveTimeout > 0;
    if (query.cookieLength !== 0 && this.#jar !== undefined) this.#examineCookie(query, client, this.#jar);
    if (query.wantsKeepalive) this.#counters.add(COUNTER.KeepAliveOpt);
    if (query.hasPadding) this.#counters.add(COUNTER.PadOpt);
  }

  #examineCookie(query: QueryView, client: ClientContext, jar: CookieJar): void {
    const { cookieAt, cookieLength } = query;
    const { address, addressAt, addressLength, now } = client;
    this.#counters.add(COUNTER.CookieIn);
    this.cookie = jar.examine(query.octets, cookieAt, cookieLength, address, addressAt, addressLength, now);
    this.#counters.add(COOKIE_COUNTERS[this.cookie]);
  }

  /** Octets that the answer's OPT record needs at least. */
  reserved({ hasEdns }: QueryView): number {
    if (!hasEdns) return 0;
    let room = OPT_OCTETS;
    if (this.#wantsNsid) room += OPTION_OCTETS + (this.#nsid?.length ?? 0);
    if (this.cookie !== COOKIE.NONE) room += OPTION_OCTETS + COOKIE_OCTETS;
    if (this.#saysKeepalive) room += OPTION_OCTETS + KEEPALIVE_OCTETS;
    return room;
  }

  /**
   * Writes the OPT record behind all other records.
   * @param room octets that may be written: at least `reserved`
   * @param paddingBlock the answer's length is made a multiple of so many octets; 0 for none
   */
  write(
    message: MessageBuilder,
    query: QueryView,
    client: ClientContext,
    rcode: number,
    udpSize: number,
    ede: number,
    paddingBlock: number,
    room: number,
  ): void {
    this.#length = 0;
    if (this.#wantsNsid && this.#nsid !== undefined) this.#put(EDNS_OPTION.NSID, this.#nsid);
    if (this.cookie !== COOKIE.NONE && this.#jar !== undefined) this.#put(EDNS_OPTION.COOKIE, this.#jar.answer);
    if (this.#saysKeepalive) this.#putNumber(EDNS_OPTION.TCP_KEEPALIVE, client.keepaliveTimeout);
    // RFC 8914 section 3: the first thing to leave out where there is no room.
    if (ede >= 0 && OPT_OCTETS + this.#length + OPTION_OCTETS + EDE_OCTETS <= room)
      this.#putNumber(EDNS_OPTION.EDE, ede);
    if (paddingBlock > 0) this.#pad(message.at + OPT_OCTETS, paddingBlock, room);
    message.opt(udpSize, rcode, query.dnssecOk, this.#options, 0, this.#length);
  }

  #begin(code: number, length: number): number {
    const options = this.#options;
    const at = this.#length;
    options[at] = code >> 8;
    options[at + 1] = code;
    options[at + 2] = length >> 8;
    options[at + 3] = length;
    this.#length += OPTION_OCTETS + length;
    return at + OPTION_OCTETS;
  }

  #put(code: number, data: Uint8Array): void {
    const at = this.#begin(code, data.length);
    for (let i = 0; i < data.length; i++) this.#options[at + i] = data[i];
  }

  /** An option of sixteen bits. */
  #putNumber(code: number, value: number): void {
    const at = this.#begin(code, 2);
    this.#options[at] = value >> 8;
    this.#options[at + 1] = value;
  }

  /** RFC 7830 section 3: octets of zero, the last option. @param before octets of the message without options */
  #pad(before: number, block: number, room: number): void {
    const whole = before + this.#length + OPTION_OCTETS;
    const octets = (block - (whole % block)) % block;
    // RFC 8467 section 4.1: as much as fits where a whole block does not.
    const spare = room - OPT_OCTETS - this.#length - OPTION_OCTETS;
    if (spare < 0) return;
    const length = Math.min(octets, spare);
    const at = this.#begin(EDNS_OPTION.PAD, length);
    this.#options.fill(0, at, at + length);
  }
}

const COOKIE_COUNTERS: readonly number[] = [
  COUNTER.CookieIn,
  COUNTER.CookieNew,
  COUNTER.CookieBadSize,
  COUNTER.CookieBadTime,
  COUNTER.CookieNoMatch,
  COUNTER.CookieMatch,
];
