import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import { SignetError } from '../../base/error.ts';
import { Deadlines, type Expiring } from '../../net/deadlines.ts';
import { checkPeer, type ExpectedPeer, type PeerIdentity } from '../certificate/peer-identity.ts';
import { HalError, HalStatus, halStatusName } from '../hal-status.ts';
import { type ArgumentsOf, type FunctionName, FUNCTIONS, isOwn, type ResultsOf } from '../protocol/functions.ts';
import { codeOf, isBareCall, readResults, wordAt, writeArguments } from '../protocol/message.ts';
import { OWN_ALPN } from '../protocol/client-hello.ts';
import { mostFramed, SlipDecoder, writeFrame } from '../protocol/slip.ts';
import { XdrReader, XdrWriter } from '../protocol/xdr.ts';

export interface HsmClientOptions {
  readonly host: string;
  readonly port: number;
  /** What hsm.conf says; without a fingerprint `isTrusted` is asked. */
  readonly expected: ExpectedPeer;
  /** Whether a key that nobody vouched for yet is the HSM's: a person decides. */
  readonly isTrusted?: (identity: PeerIdentity) => boolean | Promise<boolean>;
  /** TLS 1.3 unless the HSM is an old one. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** Of the client, PEM, where the HSM asks for one. The key is secret. */
  readonly certificate?: string;
  readonly key?: string;
  /** Milliseconds for which the HSM may say nothing while it owes replies, the handshake included. */
  readonly timeout?: number;
}

export interface HsmClientDependencies {
  readonly clock: Clock;
}

/** Making an RSA key of 4,096 bits takes some ten seconds on a slow machine. */
const TIMEOUT = 120_000;
const EMPTY = Buffer.alloc(0);
/** A page of all keys. */
const MOST_REPLY = 16 * 1024 * 1024;

interface Pending {
  readonly name: FunctionName;
  readonly isBare: boolean;
  readonly resolve: (results: object) => void;
  readonly reject: (error: Error) => void;
}

interface WaitingCall extends Pending {
  /** Its request, until it is sent. */
  readonly message: Buffer;
}

/** Octets of memory for the requests of a turn; more is made when it is needed. */
const FIRST_ROOM = 512;

/**
 * Our client of the RPC port. The HSM's name, serial number and key are compared before anything is sent. Calls of our own functions
 * go out at once, all that are made in one turn in one write; libhal's go one after the other.
 */
export class HsmClient implements AsyncDisposable, Expiring {
  deadline = 0;
  readonly identity: PeerIdentity;
  readonly #socket: TLSSocket;
  readonly #where: string;
  readonly #timeout: number;
  readonly #deadlines: Deadlines;
  readonly #decoder = new SlipDecoder(() => MOST_REPLY);
  readonly #writer = new XdrWriter();
  /** Our functions under way, by request number. */
  readonly #pending = new Map<number, Pending>();
  #request = 0;
  /** libhal's: the first one is under way. */
  readonly #vendor: WaitingCall[] = [];
  /** Requests that leave at the end of this turn. */
  #out: Buffer | undefined;
  #outLength = 0;
  readonly #flush = (): void => this.#writeOut();
  #lost: Error | undefined;

  private constructor(
    socket: TLSSocket,
    identity: PeerIdentity,
    where: string,
    timeout: number,
    { clock }: HsmClientDependencies,
  ) {
    this.#socket = socket;
    this.identity = identity;
    this.#where = where;
    this.#timeout = timeout;
    this.#deadlines = new Deadlines(clock);
    socket.on('data', (chunk: Buffer) => this.#data(chunk));
    socket.on('error', (error) => this.#lose(error.message));
    socket.on('end', () => this.#lose('the HSM closed the connection'));
    socket.on('close', () => this.#lose('the connection is closed'));
  }

  /** @throws SignetError HSM_CONNECT, HSM_IDENTITY */
  static async connect(options: HsmClientOptions, dependencies: HsmClientDependencies): Promise<HsmClient> {
    const { host, port, expected, certificate, key } = options;
    const where = `${host} port ${port}`;
    const timeout = options.timeout ?? TIMEOUT;
    const socket = connectTls({
      host,
      port,
      servername: expected.servername,
      ALPNProtocols: [OWN_ALPN],
      // Nobody signs these certificates: name, serial number and key are compared below, before the first octet is sent.
      rejectUnauthorized: false,
      minVersion: options.minVersion ?? 'TLSv1.3',
      maxVersion: options.maxVersion ?? 'TLSv1.3',
      ...(certificate !== undefined && { cert: certificate }),
      ...(key !== undefined && { key }),
    });
    socket.setNoDelay(true);
    try {
      await secured(socket, where, timeout, dependencies.clock);
      const shown = socket.getPeerX509Certificate();
      if (shown === undefined)
        throw new SignetError('HSM_IDENTITY', `${where} shows no certificate: it is not an HSM.`, { host, port });
      const identity = checkPeer(shown, expected, where);
      if (expected.fingerprint === undefined && !(await options.isTrusted?.(identity)))
        throw new SignetError(
          'HSM_IDENTITY',
          `The key of ${where} has fingerprint ${identity.fingerprint}, which is not pinned: compare it with the console of the HSM, and pin it with findHSM.`,
          { host, port, fingerprint: identity.fingerprint },
        );
      return new HsmClient(socket, identity, where, timeout, dependencies);
    } catch (error) {
      socket.on('error', () => undefined);
      socket.destroy();
      throw error;
    }
  }

  /** Does one call. @throws HalError with the HSM's status and words; RPC_TRANSPORT when the connection is lost */
  call<Name extends FunctionName>(name: Name, values: ArgumentsOf<Name>): Promise<ResultsOf<Name>> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const { code, isSecret } = FUNCTIONS[name];
    const { promise, resolve, reject } = Promise.withResolvers<object>();
    const isBare = isBareCall(name, values);
    const request = isOwn(code) ? this.#nextRequest() : 0;
    this.#write(name, values, request);
    if (this.#isIdle) this.#expect();
    if (isOwn(code)) {
      this.#pending.set(request, { name, isBare, resolve, reject });
      this.#send(this.#writer.written);
    } else {
      const isFirst = this.#vendor.length === 0;
      const message = isFirst ? EMPTY : Buffer.from(this.#writer.written);
      this.#vendor.push({ name, isBare, resolve, reject, message });
      if (isFirst) this.#send(this.#writer.written);
    }
    if (isSecret) this.#writer.clear();
    return promise as Promise<ResultsOf<Name>>;
  }

  expire(): void {
    this.#socket.destroy();
    this.#lose(`the HSM did not answer within ${this.#timeout / 1000} s`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lose('the client was closed');
    if (this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#socket.once('close', () => resolve());
      this.#socket.end();
      this.#socket.resume();
      // The HSM may be hung.
      this.#socket.destroySoon();
    });
  }

  get #isIdle(): boolean {
    return this.#pending.size === 0 && this.#vendor.length === 0;
  }

  #nextRequest(): number {
    do this.#request = (this.#request + 1) >>> 0;
    while (this.#pending.has(this.#request));
    return this.#request;
  }

  #write<Name extends FunctionName>(name: Name, values: ArgumentsOf<Name>, request: number): void {
    const { code } = FUNCTIONS[name];
    const writer = this.#writer;
    writer.cut(0);
    writer.u32(code);
    writer.u32(0);
    if (isOwn(code)) writer.u32(request);
    writeArguments(name, values, writer);
  }

  #send(message: Uint8Array): void {
    const room = this.#outLength + mostFramed(message.length);
    if (this.#out === undefined) {
      this.#out = Buffer.allocUnsafe(Math.max(FIRST_ROOM, room));
      process.nextTick(this.#flush);
    } else if (this.#out.length < room) {
      const larger = Buffer.allocUnsafe(2 * room);
      larger.set(this.#out.subarray(0, this.#outLength));
      this.#out = larger;
    }
    this.#outLength = writeFrame(message, this.#out, this.#outLength);
  }

  #writeOut(): void {
    const octets = this.#out!.subarray(0, this.#outLength);
    this.#out = undefined;
    this.#outLength = 0;
    if (this.#lost === undefined) this.#socket.write(octets);
  }

  /** Until when the HSM must have said something. The timer stays while nothing is under way: setting it costs more than a call. */
  #expect(): void {
    this.#deadlines.add(this, this.#deadlines.now() + this.#timeout);
  }

  #data(chunk: Buffer): void {
    for (let at = this.#decoder.read(chunk, 0); at >= 0; at = this.#decoder.read(chunk, at)) {
      this.#reply(Buffer.from(this.#decoder.frame));
      if (this.#lost !== undefined) return;
    }
    this.deadline = this.#isIdle ? Infinity : this.#deadlines.now() + this.#timeout;
  }

  #reply(message: Buffer): void {
    const isOurs = message.length >= 12 && isOwn(codeOf(message));
    const statusAt = isOurs ? 12 : 8;
    const call = isOurs ? this.#pending.get(wordAt(message, 8)) : this.#vendor[0];
    if (message.length < statusAt + 4 || call === undefined || FUNCTIONS[call.name].code !== codeOf(message)) {
      this.#socket.destroy();
      this.#lose('the HSM sent a reply to nothing that was asked');
      return;
    }
    if (isOurs) this.#pending.delete(wordAt(message, 8));
    else {
      this.#vendor.shift();
      this.#sendWaiting();
    }
    const status = wordAt(message, statusAt) as HalStatus;
    if (status !== HalStatus.OK) {
      call.reject(refusalOf(call.name, status, message, statusAt + 4));
      return;
    }
    const results = readResults(call.name, message, statusAt + 4, call.isBare);
    if (results.status === HalStatus.OK) call.resolve(results.values);
    else call.reject(new HalError(results.status, `${this.#where} answers ${call.name} in a form of its own.`));
  }

  #sendWaiting(): void {
    if (this.#vendor.length === 0) return;
    const [{ message }] = this.#vendor;
    this.#send(message);
    // It may have held a PIN.
    message.fill(0);
  }

  #lose(why: string): void {
    if (this.#lost !== undefined) return;
    this.#lost = new HalError(HalStatus.RPC_TRANSPORT, `The connection to the HSM at ${this.#where} is lost: ${why}.`, {
      where: this.#where,
    });
    this.#deadlines.delete(this);
    for (const { reject } of [...this.#pending.values(), ...this.#vendor.splice(0)]) reject(this.#lost);
    this.#pending.clear();
  }
}

function refusalOf(name: FunctionName, status: HalStatus, message: Uint8Array, at: number): HalError {
  const words = message.length > at ? Buffer.from(new XdrReader(message, at).opaque()).toString('utf8') : '';
  return new HalError(status, words === '' ? `The HSM refuses ${name}: ${halStatusName(status)}.` : words, { name });
}

async function secured(socket: TLSSocket, where: string, timeout: number, clock: Clock): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (why: string): void =>
    reject(
      new SignetError('HSM_CONNECT', `No connection to the HSM at ${where}: ${why}. Look at <IP> in hsm.conf.`, {
        where,
      }),
    );
  const timer = clock.after(timeout, () => fail(`it did not answer within ${timeout / 1000} s`));
  const failed = (error: Error): void => fail(error.message);
  const closed = (): void => fail('it closed the connection');
  socket.once('secureConnect', resolve);
  socket.once('error', failed);
  socket.once('close', closed);
  try {
    await promise;
  } finally {
    timer.cancel();
    socket.off('error', failed);
    socket.off('close', closed);
  }
}
