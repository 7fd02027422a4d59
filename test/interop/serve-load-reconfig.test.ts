import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { makeQuery, type Message, parseMessage, writeMessage } from '../../src/wire/message.ts';
import { mustName } from '../../src/wire/name-text.ts';
import { CLASS, TYPE } from '../../src/wire/type-codes.ts';
import { statusField } from '../../bench/measure.ts';
import { freePorts, NamedProcess, type Ports, writeConfiguration } from './named-process.ts';
import { temporaryDirectory } from './serve-peers.ts';

/* Configurations that follow one another while queries run: each answer is right by the configuration before or after, none
   is lost, and nothing grows. */

const RECONFIGURATIONS = Number(process.env['RECONFIGURATIONS'] ?? 200);

/** Address that each zone has at its apex. Zone "keep" is in all configurations, with other data in the inner view. */
const ADDRESSES = { keep: '192.0.2.1', inner: '192.0.2.2', one: '192.0.2.11', two: '192.0.2.12', three: '192.0.2.13' };
type ZoneName = keyof typeof ADDRESSES;

interface Configuration {
  readonly zones: readonly ZoneName[];
  readonly hasInnerView: boolean;
  readonly addresses: readonly string[];
}

const CONFIGURATIONS: readonly Configuration[] = [
  { zones: ['keep', 'one'], hasInnerView: false, addresses: ['127.0.0.1'] },
  { zones: ['keep', 'two', 'three'], hasInnerView: false, addresses: ['127.0.0.1', '127.0.0.2'] },
  { zones: ['keep', 'one', 'three'], hasInnerView: true, addresses: ['127.0.0.1', '127.0.0.2', '127.0.0.4'] },
  { zones: ['keep'], hasInnerView: true, addresses: ['127.0.0.1', '127.0.0.4'] },
];
const INNER_CLIENT = '127.0.0.3';
const OUTER_CLIENT = '127.0.0.1';

function write(directory: string, ports: Ports, { zones, hasInnerView, addresses }: Configuration): void {
  const statement = (zone: ZoneName): string => {
    const apex = zone === 'inner' ? 'keep' : zone;
    return `zone "${apex}.reconf" { type primary; file "${zone}.db"; };`;
  };
  const all = zones.map(statement).join('\n');
  const text = hasInnerView
    ? `view "inner" { match-clients { ${INNER_CLIENT}; }; ${statement('inner')} };\nview "outer" { ${all} };`
    : all;
  writeConfiguration(directory, ports, text, { address: addresses.join('; ') });
}

/** Milliseconds that an answer may take on a machine that has other work. */
const PATIENCE = 60_000;

const address = (text: string): Uint8Array => Uint8Array.from(text.split('.'), Number);

/** What may be answered to a question about a zone from a client; undefined: REFUSED. */
function expected({ zones, hasInnerView }: Configuration, zone: ZoneName, client: string): string | undefined {
  if (hasInnerView && client === INNER_CLIENT) return zone === 'keep' ? ADDRESSES.inner : undefined;
  return zones.includes(zone) ? ADDRESSES[zone] : undefined;
}

/** The view in which a client sees a zone; undefined when it sees none. */
function placeOf(configuration: Configuration, zone: ZoneName, client: string): string | undefined {
  if (expected(configuration, zone, client) === undefined) return undefined;
  if (!configuration.hasInnerView) return '_default';
  return client === INNER_CLIENT ? 'inner' : 'outer';
}

/** Asks from one socket. */
class Client implements Disposable {
  answers = 0;
  /** SERVFAIL for a zone that has just come. */
  notLoaded = 0;
  readonly wrong: string[] = [];
  readonly #socket: Socket = createSocket('udp4');
  readonly #from: string;
  readonly #port: number;
  #id = 0;

  private constructor(from: string, port: number) {
    this.#from = from;
    this.#port = port;
  }

  static async open(from: string, port: number): Promise<Client> {
    const client = new Client(from, port);
    client.#socket.bind(0, from);
    await once(client.#socket, 'listening');
    return client;
  }

  /** @param patience milliseconds */
  async ask(zone: ZoneName, server = '127.0.0.1', patience = PATIENCE): Promise<Message | undefined> {
    const id = (this.#id = (this.#id + 1) & 0xffff);
    const question = { name: mustName(`${zone}.reconf.`), type: TYPE.A, class: CLASS.IN };
    const answer = new Promise<Message | undefined>((resolve) => {
      const timer = setTimeout(() => {
        this.#socket.off('message', take);
        resolve(undefined);
      }, patience);
      const take = (octets: Buffer): void => {
        if (octets.readUInt16BE(0) !== id) return;
        this.#socket.off('message', take);
        clearTimeout(timer);
        resolve(parseMessage(octets));
      };
      this.#socket.on('message', take);
    });
    this.#socket.send(writeMessage(makeQuery(id, question)), this.#port, server);
    return answer;
  }

  /** @param told grows by each configuration before it comes; `oldest` says which is the first of them that may be in force */
  async askOn(told: readonly Configuration[], oldest: () => number, signal: AbortSignal): Promise<void> {
    const zones = ['keep', 'one', 'keep', 'two', 'three'] as const;
    for (let turn = 0; !signal.aborted && this.wrong.length < 5; turn++) {
      const zone = zones[turn % zones.length];
      const before = oldest();
      const message = await this.ask(zone);
      this.answers++;
      // On a busy machine more than one may have come between question and answer.
      const inForce = told.slice(before);
      const all = inForce.map((one) => expected(one, zone, this.#from));
      // As with BIND, a zone that is new in a view is there before it is loaded: SERVFAIL. One that stays never is.
      const isNew = new Set(inForce.map((one) => placeOf(one, zone, this.#from))).size > 1;
      if (isNew && message?.rcode === 2) this.notLoaded++;
      else if (!all.some((one) => isAnswer(message, one)))
        this.wrong.push(`${zone} from ${this.#from}: ${describe(message)}, not ${all.map((one) => one ?? 'REFUSED').join(' or ')}`); // prettier-ignore
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

function isAnswer(message: Message | undefined, wanted: string | undefined): boolean {
  if (message === undefined) return false;
  if (wanted === undefined)
    return message.rcode === 5 && message.answers.length === 0 && message.authorities.length === 0;
  const [answer] = message.answers;
  return message.rcode === 0 && message.answers.length === 1 && Buffer.compare(answer.rdata, address(wanted)) === 0;
}

const describe = (message: Message | undefined): string =>
  message === undefined ? 'no answer' : `rcode ${message.rcode}, ${message.answers.map(({ rdata }) => rdata.join('.')).join(' ')}`; // prettier-ignore

test(`${RECONFIGURATIONS} times rndc reconfig under load: no wrong answer, none lost, no growth`, async () => {
  using directory = temporaryDirectory();
  const ports = await freePorts();
  for (const [zone, text] of Object.entries(ADDRESSES))
    fs.writeFileSync(path.join(directory.path, `${zone}.db`), `$TTL 60\n@ SOA ns h 1 1 1 1 1\n@ NS ns\nns A 192.0.2.53\n@ A ${text}\n`); // prettier-ignore
  write(directory.path, ports, CONFIGURATIONS[0]);
  await using named = await NamedProcess.start(directory.path, ports, 'ours', ['-n', '2']);
  using outer = await Client.open(OUTER_CLIENT, ports.dns);
  using other = await Client.open(OUTER_CLIENT, ports.dns);
  using inner = await Client.open(INNER_CLIENT, ports.dns);
  using checker = await Client.open(OUTER_CLIENT, ports.dns);
  const clients = [outer, other, inner];
  const told: Configuration[] = [CONFIGURATIONS[0]];
  let oldest = 0;
  const ending = new AbortController();
  const asking = Promise.all(clients.map((client) => client.askOn(told, () => oldest, ending.signal)));
  const { pid = 0 } = named.child;
  const sizes: number[] = [];
  const descriptors: number[] = [];
  try {
    for (let round = 1; round <= RECONFIGURATIONS; round++) {
      const next = CONFIGURATIONS[round % CONFIGURATIONS.length];
      told.push(next);
      write(directory.path, ports, next);
      const { code, stderr } = await named.rndc('reconfig');
      assert.equal(code, 0, stderr);
      await settled(checker, next, round);
      oldest = round;
      if (round % CONFIGURATIONS.length > 0) continue;
      sizes.push(statusField(pid, 'VmRSS'));
      descriptors.push(fs.readdirSync(`/proc/${pid}/fd`).length);
    }
  } finally {
    ending.abort();
    await asking;
  }
  const wrong = clients.flatMap((client) => client.wrong);
  assert.deepEqual(wrong, []);
  assert.ok(
    clients.every(({ answers }) => answers > RECONFIGURATIONS),
    clients.map(({ answers }) => answers).join(' '),
  );
  // The same configuration each time: the descriptors are the same, and so is memory when the code is warm. A connection of rndc may
  // be closing at the moment of a look, so the fewest of several looks count.
  const looks = Math.max(1, descriptors.length >> 2);
  assert.equal(Math.min(...descriptors.slice(-looks)), Math.min(...descriptors.slice(0, looks)), descriptors.join(' '));
  // As much as is left where a collection has just been: it may be far from the moment of a look.
  const quarter = Math.max(1, sizes.length >> 2);
  const [warm, last] = [sizes.slice(quarter, 2 * quarter), sizes.slice(-quarter)].map((some) => Math.min(...some));
  assert.ok(last < 1.05 * warm + 8 * 2 ** 20, `resident memory: ${sizes.map((size) => size >> 20).join(' ')} MiB`);
  assert.doesNotMatch(named.log, /internal error|responder thread|critical/);
  assert.equal(await named.end(), 0);
});

/** Waits until what is new answers, and sees that what is gone is gone. */
async function settled(checker: Client, { zones, addresses, ...rest }: Configuration, round: number): Promise<void> {
  const outcome = async (zone: ZoneName, server: string): Promise<string | undefined> => {
    // An address that is not there yet does not answer.
    const message = await checker.ask(zone, server, 1000);
    const wanted = expected({ zones, addresses, ...rest }, zone, OUTER_CLIENT);
    return isAnswer(message, wanted)
      ? undefined
      : `${zone} at ${server}: ${describe(message)}, not ${wanted ?? 'REFUSED'}`;
  };
  let last: string | undefined;
  for (const end = performance.now() + PATIENCE; performance.now() < end;) {
    last = undefined;
    for (const server of addresses)
      for (const zone of ['keep', 'one', 'two', 'three'] as const) last ??= await outcome(zone, server);
    if (last === undefined) return;
    await delay(50);
  }
  throw new Error(`after reconfiguration ${round}: ${last}`);
}
