import type { Clock, Timer } from '../base/clock.ts';
import { SignetError } from '../base/error.ts';
import { equalOctets } from '../base/octets.ts';
import type { Random } from '../base/random.ts';
import { FLAG } from '../wire/header.ts';
import { makeQuery, type Message, type Question, writeMessage } from '../wire/message.ts';
import type { Agent } from './agent.ts';
import { judgeReply, makeRequest, refusesEdns, type Reply, type Request } from './exchange.ts';
import { exchangeOverStream } from './stream-exchange.ts';
import { UdpPorts } from './udp-ports.ts';

/** An answer, or why there is none. `isPlain`: the server takes no EDNS, so there is nothing of DNSSEC in it. */
export type Answered = { readonly message: Message; readonly isPlain?: boolean } | { readonly fault: string };

/** One way of asking. */
interface Attempt {
  readonly question: Question;
  readonly agent: Agent;
  readonly flags: number;
  readonly hasEdns: boolean;
  readonly signal: AbortSignal;
}

/** What came of it; `refusesEdns`: the server seems not to know EDNS. */
type Attempted = Answered & { readonly refusesEdns?: boolean };

export interface DnsClientOptions {
  /** Milliseconds that a datagram is waited for before it is sent again. BIND 9.18: 5 seconds. */
  readonly udpWait?: number;
  /** Times that it is sent. BIND 9.18: 3. */
  readonly udpAttempts?: number;
  /** Milliseconds for all of a question over TCP or TLS. BIND 9.18: 15 seconds. */
  readonly streamLimit?: number;
}

export interface DnsClientDependencies {
  readonly clock: Clock;
  readonly random: Random;
}

const DEFAULTS = { udpWait: 5000, udpAttempts: 3, streamLimit: 15_000 } as const;

/** Octets that fit into a datagram everywhere (DNS flag day 2020). */
const UDP_SIZE = 1232;

/** Datagrams from the right address with a wrong id or question: somebody guesses, and TCP cannot be guessed into. */
const MOST_FOREIGN = 10;

const ANY_IPV4 = { address: '0.0.0.0', port: 0 };
const ANY_IPV6 = { address: '::', port: 0 };

/** Asks one server one question: over UDP, over TCP where the answer is cut or forgery is tried, over TLS alone where that is wanted. */
export class DnsClient {
  readonly #options: Required<DnsClientOptions>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #ports = new UdpPorts();

  constructor(options: DnsClientOptions, { clock, random }: DnsClientDependencies) {
    this.#options = { ...DEFAULTS, ...options };
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Never rejects.
   * @param flags of the header: RD, CD
   */
  async ask(question: Question, agent: Agent, flags: number, signal: AbortSignal): Promise<Answered> {
    try {
      const attempt = { question, agent, flags, signal };
      const { refusesEdns: isRefused, ...answered } = await this.#ask({ ...attempt, hasEdns: true });
      if (isRefused !== true) return answered;
      // RFC 6891 section 7, as BIND does: once more without it.
      const { refusesEdns: _, ...plain } = await this.#ask({ ...attempt, hasEdns: false });
      return 'message' in plain ? { ...plain, isPlain: true } : plain;
    } catch (error) {
      return { fault: failureText(error) };
    }
  }

  async #ask(attempt: Attempt): Promise<Attempted> {
    const { agent } = attempt;
    // A scope is part of no datagram address here; servers on a link are asked over TCP.
    if (agent.tls !== undefined || agent.scope !== undefined) return this.#askOverStream(attempt);
    const reply = await this.#askOverUdp(attempt);
    return reply === 'use TCP' ? this.#askOverStream(attempt) : reply;
  }

  #request({ question, agent, flags, hasEdns }: Attempt): Request {
    const [high, low] = this.#random.fill(new Uint8Array(2));
    const id = (high << 8) | low;
    const edns = hasEdns ? { udpSize: UDP_SIZE, version: 0, dnssecOk: true, options: [] } : undefined;
    const octets = writeMessage(makeQuery(id, question, flags, edns));
    return makeRequest(octets, id, question, agent.key, this.#clock.now());
  }

  async #askOverUdp(attempt: Attempt): Promise<Attempted | 'use TCP'> {
    const { agent, hasEdns, signal } = attempt;
    const request = this.#request(attempt);
    const { promise, resolve } = Promise.withResolvers<Attempted | 'use TCP'>();
    let foreign = 0;
    let trouble: Attempted = { fault: 'it does not answer' };
    const take = (reply: Reply): void => {
      // What proves nothing may be a forger's: the true answer is waited for.
      if (reply.kind === 'bad') trouble = outcomeOf(reply, hasEdns);
      else if (reply.kind === 'foreign' && ++foreign >= MOST_FOREIGN) resolve('use TCP');
      else if (reply.kind === 'answer')
        resolve((reply.message.flags & FLAG.TC) === 0 ? outcomeOf(reply, hasEdns) : 'use TCP');
    };
    const source = agent.source ?? (agent.address.length === 4 ? ANY_IPV4 : ANY_IPV6);
    await using lease = await this.#ports.lease(source, request.id, (octets, address, port) => {
      if (port === agent.port && equalOctets(address, agent.address)) take(judgeReply(octets, request, this.#clock));
    });
    let timer: Timer | undefined;
    const send = (sent: number): void => {
      if (sent === this.#options.udpAttempts) return resolve(trouble);
      lease.send(request.octets, agent.address, agent.port);
      timer = this.#clock.after(this.#options.udpWait, () => send(sent + 1));
    };
    const onAbort = (): void => resolve({ fault: 'the question was given up' });
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
    else send(0);
    const answered = await promise;
    timer?.cancel();
    signal.removeEventListener('abort', onAbort);
    return answered;
  }

  async #askOverStream(attempt: Attempt): Promise<Attempted> {
    const { agent, hasEdns, signal } = attempt;
    const request = this.#request(attempt);
    const octets = await exchangeOverStream(request.octets, agent, this.#options.streamLimit, {
      clock: this.#clock,
      signal,
    });
    const reply = judgeReply(octets, request, this.#clock);
    if (reply.kind === 'foreign') return { fault: 'it answers another question over TCP than it was asked' };
    return outcomeOf(reply, hasEdns);
  }
}

function outcomeOf(reply: Exclude<Reply, { kind: 'foreign' }>, hadEdns: boolean): Attempted {
  if (reply.kind === 'bad') return { fault: reply.fault, refusesEdns: hadEdns && reply.refusesEdns === true };
  const { message } = reply;
  return { message, refusesEdns: hadEdns && refusesEdns(message) };
}

function failureText(error: unknown): string {
  if (error instanceof SignetError) return error.message;
  const { code, message } = error as { code?: string; message: string };
  if (code === 'ABORTED') return 'the question was given up';
  if (code === 'ETIMEDOUT') return 'it does not answer over TCP';
  if (code === 'ECONNREFUSED') return 'it takes no connections over TCP';
  if (code === 'ECONNRESET') return 'it closed the connection without an answer';
  return `it cannot be asked over TCP (${code ?? message})`;
}
