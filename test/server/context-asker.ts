import { SimulatedClock } from '../../src/base/clock.ts';
import { MemoryLog } from '../../src/base/log.ts';
import { ANSWER, Answerer, type ClientContext } from '../../src/server/answer.ts';
import {
  createRateLimitMemory,
  RATE_KIND,
  type RateLimits,
  type RateLimitTable,
} from '../../src/server/rate-limit-table.ts';
import type { ServerTables, ViewTable } from '../../src/server/server-tables.ts';
import { CounterRow } from '../../src/server/statistics.ts';
import { makeQuery, type Message, parseMessage, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { CLASS } from '../../src/wire/type-codes.ts';
import { typeCode } from '../../src/wire/type-text.ts';
import { scanZone, ZoneFixture } from './zone-fixture.ts';

/* Asks an Answerer with all that an endpoint knows of a client: address, transport, time, options. */

export const ZONE = `
$TTL 300
example. SOA ns h 1 7200 900 86400 60
example. NS ns.example.
ns.example. A 127.0.0.1
www.example. A 192.0.2.1
www.example. AAAA 2001:db8::1
alias.example. CNAME gone.example.
*.wild.example. A 192.0.2.9
a.empty.example. A 192.0.2.9
b.empty.example. A 192.0.2.9
sub.example. NS ns.sub.example.
ns.sub.example. A 192.0.2.3
sub2.example. NS ns.sub.example.
moved.example. DNAME wild.example.
${Array.from({ length: 60 }, (_, i) => `many.example. A 198.51.100.${i}`).join('\n')}
`;

export const START = 1_800_000_000;

export interface Circumstances extends Partial<ClientContext> {
  readonly options?: readonly { readonly code: number; readonly data: Uint8Array }[];
  readonly edns?: boolean;
  readonly udpSize?: number;
  readonly recursive?: boolean;
}

export class ContextAsker {
  readonly log = new MemoryLog();
  readonly counters = CounterRow.alone();
  readonly answerer: Answerer;
  readonly #out = new Uint8Array(65_535);

  constructor(fixture: ZoneFixture, tables: ServerTables) {
    const { arena } = fixture;
    const clock = new SimulatedClock(START);
    this.answerer = new Answerer(tables, { arena, clock, counters: this.counters, log: this.log });
  }

  /** Octets of the answer; empty for none; the number where it is handed on. */
  raw(octets: Uint8Array, circumstances: Circumstances = {}): Uint8Array | number {
    const client: ClientContext = {
      address: Uint8Array.of(192, 0, 2, 77),
      addressAt: 0,
      addressLength: circumstances.address?.length ?? 4,
      destination: Uint8Array.of(127, 0, 0, 1),
      overTcp: false,
      encrypted: false,
      keepaliveTimeout: 0,
      now: START,
      ...circumstances,
    };
    const length = this.answerer.answer(octets, octets.length, this.#out, client);
    if (length < 0) return length;
    return length === ANSWER.DROP ? new Uint8Array(0) : this.#out.slice(0, length);
  }

  /** The answer; undefined for none. */
  ask(name: string, type: string, circumstances: Circumstances = {}): (Message & { octets: number }) | undefined {
    const { options = [], edns = true, udpSize = 4096, recursive = false } = circumstances;
    const question = { name: mustName(name), type: typeCode(type), class: CLASS.IN };
    const opt = edns ? { udpSize, version: 0, dnssecOk: false, options } : undefined;
    const query = writeMessage(makeQuery(4711, question, recursive ? 0x0100 : 0, opt));
    const answer = this.raw(query, circumstances);
    if (typeof answer === 'number') throw new Error(`${name} ${type} is handed on: ${answer}`);
    return answer.length === 0 ? undefined : { ...parseMessage(answer), octets: answer.length };
  }
}

/** What a question gets: "answer", "slip" (TC and nothing else), "badcookie", "drop", or another response code. */
export function fate(message: Message | undefined): string {
  if (message === undefined) return 'drop';
  if ((message.flags & 0x0200) !== 0 && message.answers.length + message.authorities.length === 0) return 'slip';
  return message.rcode === 23 ? 'badcookie' : 'answer';
}

const NO_RATES = RATE_KIND.ALL + 1;
let tables = 0;

/** @param rates by RATE_KIND; those left out are `rates.all of them` */
export function rateLimit(
  rates: Partial<Record<keyof typeof RATE_KIND, number>>,
  limits: Partial<RateLimits> = {},
  exemptClients?: RateLimitTable['exemptClients'],
): RateLimitTable {
  const perSecond = Array.from({ length: NO_RATES }, () => 0);
  for (const [kind, rate] of Object.entries(rates)) perSecond[RATE_KIND[kind as keyof typeof RATE_KIND]] = rate;
  const whole: RateLimits = {
    perSecond,
    window: 15,
    slip: 2,
    qpsScale: 0,
    ipv4PrefixLength: 24,
    ipv6PrefixLength: 56,
    maxTableSize: 1000,
    logOnly: false,
    ...limits,
  };
  const secret = Uint8Array.from({ length: 16 }, (_, i) => i);
  return {
    id: ++tables,
    limits: whole,
    memory: createRateLimitMemory(whole.maxTableSize, secret),
    ...(exemptClients && { exemptClients }),
  };
}

let fixture: ZoneFixture | undefined;

/** Asks the zone above; all askers of a process share one arena. */
export function asker(view: Partial<ViewTable> = {}, changes: Partial<ServerTables> = {}): ContextAsker {
  if (fixture === undefined) {
    fixture = new ZoneFixture();
    fixture.add('example.', scanZone('example.', ZONE));
  }
  const whole = fixture.tables(changes);
  return new ContextAsker(fixture, { ...whole, views: whole.views.map((one) => ({ ...one, ...view })) });
}
