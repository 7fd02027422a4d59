import type { Socket } from 'node:net';
import { ADDRESS_SLOT, parseAddressInto, type SocketAddress } from './address.ts';
import type { Deadlines, Expiring } from './deadlines.ts';
import type { LiveSettings } from './stream-settings.ts';

/** Octets that wait for a slow client before its next messages are left unread. */
const HIGH_WATER = 262_144;

/** Answers under way on one connection before its next messages are left unread. */
const MOST_UNDER_WAY = 64;

/** Answers that are written together, in octets. */
const OUTBOX = 65_536;

/** Called with a message that stays valid only during the call. */
export type MessageHandler = (connection: TcpConnection, octets: Uint8Array, start: number, length: number) => void;

/** What the connections of a listener share. */
export interface ConnectionDependencies {
  readonly settings: LiveSettings;
  readonly deadlines: Deadlines;
  readonly handler: MessageHandler;
  readonly outbox: Outbox;
}

/** Answers to the messages of one segment, gathered for one write. One connection at a time uses it. */
export class Outbox {
  readonly octets: Buffer = Buffer.allocUnsafeSlow(OUTBOX);
  length = 0;

  /** False when the message does not fit behind those that are there. */
  add(message: Uint8Array): boolean {
    const { octets } = this;
    let at = this.length;
    if (at + 2 + message.length > OUTBOX) return false;
    octets[at++] = message.length >> 8;
    octets[at++] = message.length & 0xff;
    octets.set(message, at);
    this.length = at + message.length;
    return true;
  }

  /** A copy of what was gathered; the box is empty afterwards. */
  take(): Buffer {
    const taken = Buffer.from(this.octets.subarray(0, this.length));
    this.length = 0;
    return taken;
  }
}

/**
 * One connection that carries messages behind their length in two octets (RFC 1035 section 4.2.2), over TCP or TLS:
 * messages in, in order; answers out, in any order (RFC 7766 section 6.2.1.1).
 */
export class TcpConnection implements Expiring {
  readonly peer: SocketAddress;
  /** 4 or 16 octets. */
  readonly peerAddress: Uint8Array;
  /** Undefined over plain TCP. */
  readonly alpn: string | undefined;
  deadline = 0;
  readonly #socket: Socket;
  readonly #shared: ConnectionDependencies;
  readonly #ended = new AbortController();
  readonly #onEnd: () => void;
  /** What came and was not handled yet: #pending[#start, #end). */
  #pending: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #busy = 0;
  /** No messages are taken any more. */
  #finishing = false;
  #delivering = false;
  #keepalive = false;

  /** @param alpn what was agreed on over TLS: "dot", or "" for nothing */
  constructor(socket: Socket, alpn: string | undefined, shared: ConnectionDependencies, onEnd: () => void) {
    this.#socket = socket;
    this.alpn = alpn;
    this.#shared = shared;
    this.#onEnd = onEnd;
    this.peer = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
    const octets = new Uint8Array(ADDRESS_SLOT);
    this.peerAddress = octets.subarray(0, parseAddressInto(this.peer.address, octets));
    socket.on('data', (chunk: Buffer) => this.#data(chunk));
    socket.on('drain', () => this.#resume());
    socket.on('end', () => this.#peerFinished());
    socket.on('error', () => socket.destroy()); // reset by the peer: 'close' follows
    socket.on('close', () => this.#closed());
    shared.deadlines.add(this, shared.deadlines.now() + shared.settings.current.initialTimeout);
    socket.resume();
  }

  get encrypted(): boolean {
    return this.alpn !== undefined;
  }

  /** Aborts when the connection is gone: long answers stop then. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** The client asked how long it may stay (RFC 7828 section 3.3): from now on it has that time. */
  keepAlive(): void {
    this.#keepalive = true;
  }

  /**
   * Sends a message of at most 65535 octets behind its length.
   * @returns false when the client is slow: wait for `drained` before sending much more
   */
  send(octets: Uint8Array): boolean {
    if (this.#socket.destroyed || !this.#socket.writable) return false;
    this.#postpone();
    const { outbox } = this.#shared;
    if (this.#delivering) {
      if (outbox.add(octets)) return true;
      this.#flush();
      if (outbox.add(octets)) return true;
    }
    const framed = Buffer.allocUnsafe(octets.length + 2);
    framed.writeUInt16BE(octets.length, 0);
    framed.set(octets, 2);
    return this.#socket.write(framed);
  }

  /** Resolves when what was sent has left or the connection is gone. */
  async drained(): Promise<void> {
    if (this.#socket.destroyed || !this.#socket.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done);
        this.#socket.off('close', done);
        resolve();
      };
      this.#socket.on('drain', done);
      this.#socket.on('close', done);
    });
  }

  /** Keeps the connection while an answer is made that takes time; give back by calling what is returned. */
  hold(): () => void {
    this.#busy++;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#busy--;
      this.#postpone();
      if (this.#finishing && this.#busy === 0) this.#socket.end();
      else this.#resume();
    };
  }

  /** Ends the connection when what was sent so far has left. */
  close(): void {
    this.#finishing = true;
    if (this.#delivering) this.#flush();
    this.#socket.destroySoon();
  }

  /** Ends the connection now. */
  abort(): void {
    this.#socket.destroy();
  }

  /** An answer may take its time, but not a client that stopped reading it. */
  expire(now: number): void {
    if (this.#busy > 0 && !this.#socket.writableNeedDrain) this.deadline = now + this.#timeout();
    else this.abort();
  }

  #timeout(): number {
    const { idleTimeout, keepaliveTimeout } = this.#shared.settings.current;
    return this.#keepalive ? keepaliveTimeout : idleTimeout;
  }

  #postpone(): void {
    const { deadlines } = this.#shared;
    if (!this.#socket.destroyed) deadlines.move(this, deadlines.now() + this.#timeout());
  }

  #data(chunk: Buffer): void {
    if (this.#finishing) return;
    this.#keep(chunk);
    this.#deliver();
  }

  /** Appends in place, so that a client which drips octets costs no more than one that sends them at once. */
  #keep(chunk: Buffer): void {
    if (this.#start === this.#end) {
      // Nothing is left over: the chunk itself is the buffer.
      this.#pending = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      return;
    }
    const size = this.#end - this.#start + chunk.length;
    if (this.#end + chunk.length > this.#pending.length) {
      const larger = size > this.#pending.length ? Buffer.allocUnsafe(2 * size) : this.#pending;
      larger.set(this.#pending.subarray(this.#start, this.#end));
      this.#pending = larger;
      this.#end -= this.#start;
      this.#start = 0;
    }
    this.#pending.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Handles all whole messages that are there; their answers leave in one write. */
  #deliver(): void {
    this.#delivering = true;
    try {
      while (this.#end - this.#start >= 2 && this.#mayRead()) {
        const length = this.#pending.readUInt16BE(this.#start);
        if (this.#end - this.#start - 2 < length) break;
        this.#postpone();
        this.#start += 2 + length;
        this.#shared.handler(this, this.#pending, this.#start - length, length);
      }
    } finally {
      this.#flush();
      this.#delivering = false;
    }
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
      this.#pending = NOTHING;
    }
  }

  /** Who asks faster than it reads, or for much that takes long, waits: the rest is left in the kernel. */
  #mayRead(): boolean {
    const socket = this.#socket;
    if (this.#finishing || socket.destroyed) return false;
    const backlog = socket.writableLength + this.#shared.outbox.length;
    if (backlog <= HIGH_WATER && this.#busy < MOST_UNDER_WAY) return true;
    socket.pause();
    return false;
  }

  #flush(): void {
    const { outbox } = this.#shared;
    if (outbox.length === 0) return;
    const octets = outbox.take();
    if (!this.#socket.destroyed && this.#socket.writable) this.#socket.write(octets);
  }

  #resume(): void {
    const socket = this.#socket;
    if (socket.destroyed || !socket.isPaused() || this.#delivering) return;
    this.#deliver();
    // What came before may have filled it up again.
    if (socket.writableLength <= HIGH_WATER && this.#busy < MOST_UNDER_WAY) socket.resume();
  }

  /** The client sends no more; answers under way still go out. */
  #peerFinished(): void {
    this.#finishing = true;
    if (this.#busy === 0) this.#socket.end();
  }

  #closed(): void {
    this.#shared.deadlines.delete(this);
    this.#pending = NOTHING;
    this.#onEnd();
    this.#ended.abort();
  }
}

const NOTHING = Buffer.alloc(0);
