import dgram from 'node:dgram';
import net from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeQuery, parseMessage, writeMessage } from '../src/wire/message.ts';
import { mustName } from '../src/wire/name-text.ts';
import { CLASS } from '../src/wire/type-codes.ts';

/* Honest clients: they ask at a steady rate, know the answers, and ask again when none comes. */

export interface GoodQuestion {
  readonly name: string;
  readonly type: number;
  readonly rcode: number;
  /** Records in the answer section, signatures among them. */
  readonly answers: number;
}

export interface GoodReport {
  asked: number;
  answered: number;
  /** Sent again because there was no answer in time. */
  repeated: number;
  /** Connections that ended before all was answered, and were made anew. */
  reconnected: number;
  wrong: string[];
}

/** Connections until all is answered. */
const TRIES = 25;
/** Milliseconds until a question is asked again; each time half as much more, up to MOST_PATIENCE. */
const PATIENCE = 400;
const MOST_PATIENCE = 5000;
/** Milliseconds after which a question is lost for good: longer than a server stands still on a machine that has other work. */
const LONGEST = 120_000;
const MOST_WRONG = 5;

interface Prepared {
  readonly question: GoodQuestion;
  readonly octets: Buffer;
  /** The answer at rest, with ID 0. */
  rest: Buffer | undefined;
}

export class GoodClient {
  readonly report: GoodReport = { asked: 0, answered: 0, repeated: 0, reconnected: 0, wrong: [] };
  readonly #port: number;
  readonly #questions: readonly Prepared[];
  readonly #waiting = new Map<number, (octets: Buffer) => void>();
  readonly #socket = dgram.createSocket('udp4');
  #id = 0;

  constructor(port: number, questions: readonly GoodQuestion[]) {
    this.#port = port;
    this.#questions = questions.map((question) => {
      const edns = { udpSize: 1232, version: 0, dnssecOk: true, options: [] };
      const asked = { name: mustName(question.name), type: question.type, class: CLASS.IN };
      return { question, octets: Buffer.from(writeMessage(makeQuery(0, asked, 0, edns))), rest: undefined };
    });
  }

  /** Asks each question once, while nothing else happens: what is answered then is right for good. */
  async learn(): Promise<void> {
    this.#socket.connect(this.#port, '127.0.0.1');
    await once(this.#socket, 'connect');
    this.#socket.on('error', () => undefined); // ECONNREFUSED of a server that has ended: the question is repeated in vain
    this.#socket.on('message', (octets: Buffer) => this.#waiting.get(octets.readUInt16BE(0))?.(octets));
    for (const one of this.#questions) {
      const octets = await this.#ask(one);
      if (octets === undefined) throw new Error(`${one.question.name} is not answered at rest`);
      const { rcode, answers } = parseMessage(octets);
      const { question } = one;
      if (rcode !== question.rcode || answers.length !== question.answers)
        throw new Error(`${question.name}: rcode ${rcode} and ${answers.length} answers at rest`);
      one.rest = octets;
    }
  }

  /** Waits until a question is answered at the first try: nothing of before is in the way any more. */
  async atRest(): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const { repeated } = this.report;
      await this.#askAndLook(this.#questions[0]);
      if (this.report.repeated === repeated) return;
    }
    throw new Error(`no question was answered at once in ${TRIES} tries`);
  }

  /** Asks so many questions a second until the signal. @param patience milliseconds after which a question is asked again */
  async askSteadily(rate: number, signal: AbortSignal, patience = PATIENCE): Promise<void> {
    const pending = new Set<Promise<void>>();
    const begun = performance.now();
    for (let count = 0; !signal.aborted;) {
      const due = ((performance.now() - begun) / 1000) * rate;
      for (; count < due; count++) {
        const one = this.#questions[count % this.#questions.length];
        const asking = this.#askAndLook(one, patience).finally(() => pending.delete(asking));
        pending.add(asking);
      }
      await sleep(5);
    }
    await Promise.all(pending);
  }

  async #askAndLook(one: Prepared, patience = PATIENCE): Promise<void> {
    this.report.asked++;
    const octets = await this.#ask(one, patience);
    if (octets === undefined) this.#wrong(one, `no answer in ${LONGEST / 1000} s`);
    else this.#look(one, octets);
  }

  #look(one: Prepared, octets: Buffer): void {
    this.report.answered++;
    if (one.rest === undefined || !octets.equals(one.rest))
      this.#wrong(one, `${octets.toString('hex')}\nat rest ${one.rest?.toString('hex')}`);
  }

  #wrong({ question }: Prepared, text: string): void {
    if (this.report.wrong.length < MOST_WRONG) this.report.wrong.push(`${question.name} ${question.type}: ${text}`);
  }

  /** The answer with ID 0; undefined when none comes. */
  async #ask({ octets }: Prepared, patience = PATIENCE): Promise<Buffer | undefined> {
    const end = performance.now() + LONGEST;
    let wait = patience;
    for (let attempt = 0; attempt === 0 || performance.now() < end; attempt++) {
      if (attempt > 0) this.report.repeated++;
      if (attempt > 0) wait = Math.max(wait, Math.min(wait * 1.5, MOST_PATIENCE));
      const id = (this.#id = (this.#id + 1) & 0xffff);
      const query = Buffer.from(octets);
      query.writeUInt16BE(id, 0);
      const answer = await new Promise<Buffer | undefined>((resolve) => {
        const timer = setTimeout(() => resolve(undefined), wait);
        this.#waiting.set(id, (got) => {
          clearTimeout(timer);
          resolve(got);
        });
        this.#socket.send(query);
      });
      this.#waiting.delete(id);
      if (answer === undefined) continue;
      answer.writeUInt16BE(0, 0);
      return answer;
    }
    return undefined;
  }

  /** Asks over one TCP connection, some questions at once, until the signal. */
  async askOverTcp(signal: AbortSignal): Promise<void> {
    for (let turn = 0; !signal.aborted; turn++) {
      const asked = Array.from({ length: 5 }, (_, i) => this.#questions[(turn * 5 + i) % this.#questions.length]);
      this.report.asked += asked.length;
      let done = false;
      for (let attempt = 0; attempt < TRIES && !done; attempt++) {
        if (attempt > 0) this.report.reconnected++;
        done = await this.#exchange(asked);
        if (!done) await sleep(PATIENCE);
      }
      if (!done) this.#wrong(asked[0], `no answer over TCP after ${TRIES} connections`);
      await sleep(20);
    }
  }

  async #exchange(asked: readonly Prepared[]): Promise<boolean> {
    const socket = net.connect(this.#port, '127.0.0.1');
    socket.setTimeout(10_000, () => socket.destroy());
    socket.on('error', () => undefined);
    asked.forEach(({ octets }, id) => {
      const query = Buffer.from(octets);
      query.writeUInt16BE(id, 0);
      socket.write(Buffer.concat([Buffer.of(query.length >> 8, query.length & 255), query]));
    });
    const answers = new Map<number, Buffer>();
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const message = Buffer.from(rest.subarray(2, 2 + rest.readUInt16BE(0)));
        rest = rest.subarray(2 + message.length);
        answers.set(message.readUInt16BE(0), message);
      }
      if (answers.size === asked.length) socket.end();
    });
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    if (answers.size < asked.length) return false;
    for (const [id, message] of answers) {
      message.writeUInt16BE(0, 0);
      this.#look(asked[id], message);
    }
    return true;
  }

  close(): void {
    this.#socket.close();
  }
}
