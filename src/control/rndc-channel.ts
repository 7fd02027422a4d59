import net from 'node:net';
import { SignetError } from '../base/error.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { AddressMatchList } from '../conf/configuration.ts';
import { parseAddress } from '../net/address.ts';
import { alistNumber, alistText } from './alist.ts';
import type { ControlKey } from './control-key.ts';
import { type ControlMessage, type ControlVerdict, openMessage, sealMessage, textAlist } from './control-message.ts';
import { matchesAddress } from './match-address.ts';
import { ReplayGuard } from './replay-guard.ts';
import { type CommandReply, fail, RESULT, succeed } from './results.ts';

export interface RndcChannelOptions {
  readonly address: string;
  readonly port: number;
  readonly allow: AddressMatchList;
  /** Whoever signs with one of these is obeyed. */
  readonly keys: readonly ControlKey[];
  /** Handed to the handler: it refuses what changes something. */
  readonly readOnly: boolean;
}

export interface RndcChannelDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** `by` is the name of the key that the command was signed with. */
  readonly handler: (command: string, isReadOnly: boolean, by: string) => Promise<CommandReply>;
}

/** Seconds that a message's time may be off. As BIND 9.18. */
const CLOCK_SKEW = 300;
/** Seconds that a message is remembered: longer than its time is accepted. */
const REPLAY_LIFETIME = 2 * CLOCK_SKEW + 60;
const REPLAY_CAPACITY = 65536;
/** Octets of a command message after the length. As BIND 9.18. */
const MAX_MESSAGE = 32768;
/** Seconds a reply may be used, as BIND's replies say in _exp. */
const REPLY_LIFETIME = 60;
/** Milliseconds that a connection may be silent. BIND 9.18's rndc waits 60 s for a reply. */
const IDLE = 60_000;
/** Connections at a time: they cost memory before they prove anything. */
const MAX_CONNECTIONS = 100;

/**
 * The server side of BIND's control channel on one address: messages are obeyed when their signature, time, serial and
 * nonce are good; everything else is logged as BIND logs it and ends the connection.
 */
export class RndcChannel implements AsyncDisposable {
  readonly #options: RndcChannelOptions;
  readonly #dependencies: RndcChannelDependencies;
  readonly #server: net.Server;
  readonly #connections = new Set<net.Socket>();
  readonly #replays = new ReplayGuard(REPLAY_LIFETIME, REPLAY_CAPACITY);

  constructor(options: RndcChannelOptions, dependencies: RndcChannelDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#server = net.createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** The port in use: what the system chose when port 0 was asked for. */
  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === 'object' ? address.port : this.#options.port;
  }

  /** @throws SignetError CONTROL_LISTEN when the address cannot be had */
  async listen(): Promise<void> {
    const { address, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const failed = (cause: NodeJS.ErrnoException): void =>
        reject(
          new SignetError(
            'CONTROL_LISTEN',
            `couldn't add command channel ${address}#${port}: ${cause.code}: stop what listens there or choose another port in the controls statement`,
            { address, port, reason: cause.code },
            cause,
          ),
        );
      this.#server.once('error', failed);
      this.#server.listen({ host: address, port, exclusive: true }, () => {
        this.#server.off('error', failed);
        this.#server.on('error', (error) => this.#log('error', `control channel ${address}#${port}: ${error.message}`));
        resolve();
      });
    });
    this.#log('notice', `command channel listening on ${formatAddress(address, this.port)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#connections) socket.destroySoon();
    await closed;
  }

  #log(severity: 'notice' | 'warning' | 'error', text: string): void {
    this.#dependencies.log.write({ severity, category: 'general', text });
  }

  #accept(socket: net.Socket): void {
    const peer = formatAddress(socket.remoteAddress ?? '', socket.remotePort ?? 0);
    const address = parseAddress(socket.remoteAddress ?? '');
    const refused = address === undefined || !matchesAddress(this.#options.allow, address);
    if (refused || this.#connections.size >= MAX_CONNECTIONS) {
      const why = refused ? '' : ': too many connections';
      this.#log('warning', `rejected command channel message from ${peer}${why}`);
      socket.destroy();
      return;
    }
    this.#connections.add(socket);
    const connection = new Connection(socket, this.#dependencies.clock, (octets) => this.#obey(octets, connection));
    connection.refuse = (verdict) => {
      this.#log('error', `invalid command from ${peer}: ${verdict}`);
      socket.destroy();
    };
    socket.on('close', () => {
      connection.end();
      this.#connections.delete(socket);
    });
    // The peer went away: there is nobody left to tell, and `close` follows.
    socket.on('error', () => socket.destroy());
  }

  async #obey(octets: Uint8Array, connection: Connection): Promise<void> {
    const opened = openMessage(octets, this.#options.keys);
    if (typeof opened === 'string') return connection.refuse(opened);
    const { message, key } = opened;
    const verdict = this.#check(message, connection.nonce);
    if (verdict !== undefined) return connection.refuse(verdict);
    const command = alistText(message.data, 'type');
    if (command === undefined) return connection.refuse('failure');
    // The first message of a connection only fetches the nonce: a command recorded elsewhere cannot know it.
    const isFirst = connection.nonce === undefined;
    connection.nonce ??= this.#makeNonce();
    const reply = isFirst ? succeed() : await this.#run(command, key.name);
    connection.send(sealMessage(this.#reply(message, command, reply, connection.nonce), key));
  }

  async #run(command: string, by: string): Promise<CommandReply> {
    try {
      return await this.#dependencies.handler(command, this.#options.readOnly, by);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      this.#log('error', `control channel command '${command}' failed: ${reason}`);
      return fail(RESULT.failure, reason);
    }
  }

  #check({ control }: ControlMessage, nonce: number | undefined): ControlVerdict | undefined {
    const now = this.#dependencies.clock.now();
    const serial = alistNumber(control, '_ser');
    const sent = alistNumber(control, '_tim');
    const expiry = alistNumber(control, '_exp');
    if (serial === undefined || sent === undefined || control.has('_rpl')) return 'failure';
    if (Math.abs(now - sent) > CLOCK_SKEW) return 'clock skew';
    if (control.has('_exp') && (expiry === undefined || now > expiry)) return 'expired';
    if (!this.#replays.admit(serial, sent, now)) return 'duplicate';
    return nonce !== undefined && alistNumber(control, '_nonce') !== nonce ? 'bad auth' : undefined;
  }

  #makeNonce(): number {
    const octets = this.#dependencies.random.fill(new Uint8Array(4));
    return new DataView(octets.buffer).getUint32(0);
  }

  #reply(request: ControlMessage, command: string, reply: CommandReply, nonce: number): ControlMessage {
    const now = this.#dependencies.clock.now();
    return {
      control: textAlist({
        _ser: alistText(request.control, '_ser'),
        _tim: String(now),
        _exp: String(now + REPLY_LIFETIME),
        _rpl: '1',
        _nonce: String(nonce),
      }),
      data: textAlist({ type: command, result: String(reply.result), err: reply.error, text: reply.text }),
    };
  }
}

/** Cuts the octets of one connection into messages and hands them on, one at a time. */
class Connection {
  nonce: number | undefined;
  refuse: (verdict: ControlVerdict) => void = () => undefined;
  readonly #socket: net.Socket;
  readonly #clock: Clock;
  readonly #message: (octets: Uint8Array) => Promise<void>;
  #pending: Buffer = Buffer.alloc(0);
  #busy = false;
  #idle: Timer | undefined;

  constructor(socket: net.Socket, clock: Clock, message: (octets: Uint8Array) => Promise<void>) {
    this.#socket = socket;
    this.#clock = clock;
    this.#message = message;
    socket.on('data', (octets: Buffer) => {
      // One message can wait while another is worked on; who sends more than that is not an rndc.
      this.#pending = Buffer.concat([this.#pending, octets]);
      if (this.#pending.length > 2 * (MAX_MESSAGE + 4)) this.refuse('out of range');
      else this.#next();
    });
    this.#restartIdle();
  }

  send(octets: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(octets);
  }

  end(): void {
    this.#idle?.cancel();
  }

  #restartIdle(): void {
    this.#idle?.cancel();
    if (!this.#socket.destroyed) this.#idle = this.#clock.after(IDLE, () => this.#socket.destroy());
  }

  #next(): void {
    if (this.#busy || this.#socket.destroyed || this.#pending.length < 4) return;
    const length = this.#pending.readUInt32BE(0);
    if (length > MAX_MESSAGE) return this.refuse('out of range');
    if (length < 4) return this.refuse('unexpected end of input');
    if (this.#pending.length < 4 + length) return;
    const octets = new Uint8Array(this.#pending.subarray(4, 4 + length));
    this.#pending = this.#pending.subarray(4 + length);
    void this.#work(octets);
  }

  async #work(octets: Uint8Array): Promise<void> {
    this.#busy = true;
    this.#idle?.cancel();
    await this.#message(octets);
    this.#busy = false;
    this.#restartIdle();
    this.#next();
  }
}

function formatAddress(address: string, port: number): string {
  return `${address}#${port}`;
}
