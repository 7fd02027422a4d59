import type { TLSSocket } from 'node:tls';
import type { Deadlines, Expiring } from '../../net/deadlines.ts';
import { HalError, HalStatus } from '../hal-status.ts';
import { functionByCode, type FunctionName, FUNCTIONS, isOwn } from '../protocol/functions.ts';
import { mostRequestOctets, OWN_HEADER, VENDOR_HEADER } from '../protocol/message.ts';
import { mostFramed, SlipDecoder, writeFrame } from '../protocol/slip.ts';
import type { XdrWriter } from '../protocol/xdr.ts';
import { type CallHead, perform, readHead, writeReply } from './dispatch.ts';
import type { RpcSession } from './rpc-session.ts';
import { SESSION_LIMITS } from './rpc-services.ts';
import { performSign, type SignReplies, writeSignature } from './sign-call.ts';
import type { Wakefulness } from './wakefulness.ts';

/** Milliseconds. */
export interface RpcTimes {
  /** From the connection to its first whole request, the TLS handshake included. The vendor's library connects long before it asks. */
  readonly initial: number;
  /** From the first octet of a request to its last. */
  readonly request: number;
  /** Between two requests; 0: any time, since the vendor's library never connects again. */
  readonly idle: number;
  /** For which a client may leave its replies unread. */
  readonly stalled: number;
}

export const RPC_TIMES: RpcTimes = { initial: 300_000, request: 30_000, idle: 0, stalled: 60_000 };

/** Octets that wait for a slow client before its next requests are left unread. */
const HIGH_WATER = 262_144;
const FIRST_REPLY_ROOM = 1024;

/** What the connections of a port share. */
export interface ConnectionShared {
  readonly times: RpcTimes;
  readonly deadlines: Deadlines;
  /** Replies are made in it, one at a time. */
  readonly writer: XdrWriter;
  /** Asks for one `flush` when all that is ready now has been done. */
  flushSoon(connection: RpcConnection): void;
  readonly wakefulness: Wakefulness;
}

/**
 * One client of the RPC port: requests in, in frames; replies out. Of libhal's functions one is under way at a time, as its clients are
 * written; of ours many, and their replies come as they are ready. All replies of one turn of the event loop leave in one write.
 */
export class RpcConnection implements Expiring, SignReplies {
  deadline = 0;
  readonly session: RpcSession;
  readonly #socket: TLSSocket;
  readonly #shared: ConnectionShared;
  readonly #acknowledge: () => void;
  readonly #decoder = new SlipDecoder(mostRequestOctets);
  /** What came and was not read yet; the first one from #at on. */
  readonly #chunks: Buffer[] = [];
  #at = 0;
  #isVendorBusy = false;
  #ownBusy = 0;
  /** The client sends no more. */
  #isEnding = false;
  #isClosed = false;
  #out: Buffer | undefined;
  #outLength = 0;
  /** Monotonic times; undefined: not so. */
  #requestSince: number | undefined;
  #stalledSince: number | undefined;
  #idleSince: number;
  #isFirst = true;
  #isAdvancing = false;
  #isToFlush = false;

  /** @param acknowledge tells the peer's TCP at once that what was sent has come */
  constructor(
    socket: TLSSocket,
    session: RpcSession,
    shared: ConnectionShared,
    acknowledge: () => void,
    onEnd: () => void,
  ) {
    this.#socket = socket;
    this.#acknowledge = acknowledge;
    this.session = session;
    this.#shared = shared;
    this.#idleSince = shared.deadlines.now();
    socket.on('data', (chunk: Buffer) => this.#data(chunk));
    socket.on('drain', () => this.#drained());
    socket.on('end', () => this.#peerEnded());
    socket.on('error', () => socket.destroy()); // reset by the peer: 'close' follows
    socket.on('close', () => {
      this.#close();
      onEnd();
    });
    shared.deadlines.add(this, this.#due());
  }

  get underWay(): number {
    return this.#ownBusy + (this.#isVendorBusy ? 1 : 0);
  }

  /** Ends the connection now. */
  abort(): void {
    this.#socket.destroy();
  }

  expire(now: number): void {
    const due = this.#due();
    if (due <= now) this.abort();
    else this.deadline = due;
  }

  /** Sends the replies that were gathered; where there are none and will be none soon, says that what came has come. */
  flush(): void {
    this.#isToFlush = false;
    const octets = this.#out?.subarray(0, this.#outLength);
    if (this.#isClosed) return;
    if (octets === undefined) {
      if (this.underWay === 0) this.#acknowledge();
      return;
    }
    this.#out = undefined;
    this.#outLength = 0;
    if (!this.#socket.write(octets) && this.#stalledSince === undefined) {
      this.#stalledSince = this.#shared.deadlines.now();
      this.#shared.deadlines.move(this, this.#due());
    }
    if (this.#isEnding) this.#endWhenDone();
  }

  /** When what is awaited must have happened. A call under way may take its time. */
  #due(): number {
    const { times } = this.#shared;
    let due = Infinity;
    if (this.#stalledSince !== undefined) due = this.#stalledSince + times.stalled;
    if (this.underWay > 0) return due;
    if (this.#requestSince !== undefined) due = Math.min(due, this.#requestSince + times.request);
    if (this.#isFirst) return Math.min(due, this.#idleSince + times.initial);
    return times.idle === 0 ? due : Math.min(due, this.#idleSince + times.idle);
  }

  #data(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#advance();
  }

  /** Reads requests as far as they may be begun now. */
  #advance(): void {
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    try {
      this.#readOn();
    } finally {
      this.#isAdvancing = false;
    }
  }

  #readOn(): void {
    while (this.#chunks.length > 0) {
      if (!this.#mayRead()) {
        this.#socket.pause();
        return;
      }
      const [chunk] = this.#chunks;
      this.#at = this.#decoder.read(chunk, this.#at);
      if (this.#at >= 0) this.#begin();
      else {
        // It may have held a PIN or a key.
        chunk.fill(0);
        this.#chunks.shift();
        this.#at = 0;
      }
      if (this.#isClosed) return;
    }
    this.#noteProgress();
    if (this.#socket.isPaused()) this.#socket.resume();
    if (this.#isEnding) this.#endWhenDone();
  }

  /** Who asks faster than it reads, or for much at once, waits: the rest is left in the kernel. */
  #mayRead(): boolean {
    return (
      !this.#isVendorBusy &&
      this.#ownBusy < SESSION_LIMITS.calls &&
      this.#socket.writableLength + this.#outLength < HIGH_WATER
    );
  }

  /** A request that has begun must come to its end, else nothing has to. */
  #noteProgress(): void {
    // The vendor's library writes octet by octet, and its TCP keeps the rest back (RFC 896) until the first one is acknowledged.
    if (this.underWay === 0 && this.#outLength === 0) this.#flushSoon();
    if (!this.#decoder.isInside) this.#requestSince = undefined;
    else if (this.#requestSince === undefined) {
      this.#requestSince = this.#shared.deadlines.now();
      this.#shared.deadlines.move(this, this.#due());
    }
  }

  /** A frame is complete. */
  #begin(): void {
    const { frame, isMalformed, isOverflow } = this.#decoder;
    this.#requestSince = undefined;
    // libhal ignores these, too.
    if (frame.length < VENDOR_HEADER) return;
    this.#isFirst = false;
    const head = readHead(frame);
    const name = functionByCode(head.code);
    const refusal = this.#refusalOf(head, frame.length, isMalformed, isOverflow);
    if (refusal !== undefined || name === undefined) {
      this.#decoder.clear();
      this.#reply(head, undefined, refusal ?? new HalError(HalStatus.RPC_BAD_FUNCTION, UNKNOWN), undefined);
      return;
    }
    // Calls go on after the decoder reads the next frame.
    const message = Buffer.from(frame);
    if (FUNCTIONS[name].isSecret) {
      this.#decoder.clear();
      this.session.services.onSecret?.();
    }
    this.#count(head, 1);
    if (name === 'KEY_SIGN' && performSign(this.session, head, message, this)) return;
    perform(this.session, name, message, (failure, results) => {
      this.#count(head, -1);
      this.#reply(head, name, failure, results);
      this.#goOn();
    });
  }

  replySignature(head: CallHead, signature: Uint8Array): void {
    this.#count(head, -1);
    if (this.#isClosed) return;
    const { writer } = this.#shared;
    writer.cut(0);
    writeSignature(head, signature, writer);
    this.#gather(writer.written);
    this.#goOn();
  }

  replyRefusal(head: CallHead, failure: HalError): void {
    this.#count(head, -1);
    this.#reply(head, 'KEY_SIGN', failure, undefined);
    this.#goOn();
  }

  /** There is room for the next request now. */
  #goOn(): void {
    if (!this.#isAdvancing && !this.#isClosed && this.#chunks.length > 0) this.#advance();
  }

  #refusalOf(head: CallHead, length: number, isMalformed: boolean, isOverflow: boolean): HalError | undefined {
    if (isMalformed)
      return new HalError(HalStatus.RPC_PROTOCOL_ERROR, 'The frame has an escape that is none (RFC 1055).');
    if (isOverflow) return new HalError(HalStatus.RPC_PACKET_OVERFLOW, 'The request is too long.');
    if (isOwn(head.code) && length < OWN_HEADER)
      return new HalError(HalStatus.XDR_BUFFER_OVERFLOW, 'The request has no number.');
    const { status } = this.session.services.gate;
    if (status === HalStatus.OK) return undefined;
    const name = functionByCode(head.code);
    if (name !== undefined && FUNCTIONS[name].needs === 'nothing, always') return undefined;
    return new HalError(status, 'The HSM does not serve now: its console and its status page say why and what to do.');
  }

  #count(head: CallHead, change: 1 | -1): void {
    this.#shared.wakefulness.count(change);
    if (isOwn(head.code)) this.#ownBusy += change;
    else this.#isVendorBusy = change === 1;
  }

  #reply(
    head: CallHead,
    name: FunctionName | undefined,
    failure: HalError | undefined,
    results: object | undefined,
  ): void {
    if (this.#isClosed) return;
    const { writer } = this.#shared;
    writer.cut(0);
    writeReply(head, name, failure, results, writer);
    this.#gather(writer.written);
  }

  /** A reply is ready: it goes out with the others of this turn. */
  #gather(octets: Uint8Array): void {
    const room = this.#outLength + mostFramed(octets.length);
    if (this.#out === undefined) this.#out = Buffer.allocUnsafe(Math.max(FIRST_REPLY_ROOM, room));
    else if (this.#out.length < room) {
      const larger = Buffer.allocUnsafe(2 * room);
      larger.set(this.#out.subarray(0, this.#outLength));
      this.#out = larger;
    }
    this.#outLength = writeFrame(octets, this.#out, this.#outLength);
    const { deadlines, times } = this.#shared;
    this.#idleSince = deadlines.now();
    if (times.idle > 0 || this.#requestSince !== undefined) deadlines.move(this, this.#due());
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#isToFlush) return;
    this.#isToFlush = true;
    this.#shared.flushSoon(this);
  }

  #drained(): void {
    this.#stalledSince = undefined;
    this.#advance();
  }

  /** The client sends no more; replies to what it asked still go out. */
  #peerEnded(): void {
    this.#isEnding = true;
    this.#endWhenDone();
  }

  #endWhenDone(): void {
    if (this.underWay === 0 && this.#chunks.length === 0 && this.#outLength === 0) this.#socket.end();
  }

  #close(): void {
    this.#isClosed = true;
    this.#shared.deadlines.delete(this);
    for (const chunk of this.#chunks.splice(0)) chunk.fill(0);
    this.#decoder.clear();
    this.#out = undefined;
    // A device that is gone has forgotten the client; nothing rejects here.
    void this.session.end();
  }
}

const UNKNOWN = 'This HSM has no such function.';
