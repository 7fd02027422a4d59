import { SignetError } from '../base/error.ts';
import { serialLess } from '../base/serial.ts';
import { FLAG } from '../wire/header.ts';
import { nameToText } from '../wire/name-text.ts';
import { CLASS, TYPE } from '../wire/type-codes.ts';
import type { Arena, NodeRef, VersionRef } from '../zone/store/arena.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import { TransferMessage } from './transfer-message.ts';

/** Where the messages of a transfer go: a TCP connection. */
export interface TransferSink {
  /** False when the client is slow: then `drained` is waited for. */
  send(message: Uint8Array): boolean;
  drained(): Promise<void>;
  readonly signal: AbortSignal;
}

/** What an answer repeats of the request (RFC 5936 section 2.2). */
export interface TransferRequest {
  /** The question's name, in the client's letters. */
  readonly name: Uint8Array;
  readonly recursionDesired: boolean;
  /** For the OPT record; undefined when the request had none. */
  readonly edns: { readonly udpSize: number; readonly dnssecOk: boolean } | undefined;
}

export interface ZoneTransfer {
  /** Of the request's header. */
  readonly id: number;
  readonly type: 'AXFR' | 'IXFR';
  /** What else of the request the answer repeats; without it the question is the apex, and there is no OPT. */
  readonly request?: TransferRequest;
  /** The version to send. The caller keeps it readable (a ReaderEpoch, or ZoneStore.hold) until this is over. */
  readonly version: VersionRef;
  /** Serial that the client of an IXFR has. */
  readonly clientSerial?: number | undefined;
  /** Signs the messages one after another (RFC 8945 section 5.3.1); what it returns is sent. */
  readonly sign?: ((message: Uint8Array) => Uint8Array) | undefined;
  /** Octets of a message without its TSIG record. */
  readonly messageLimit?: number;
}

export interface TransferStatistics {
  readonly messages: number;
  readonly records: number;
  readonly octets: number;
  /** Of the version that was sent. */
  readonly serial: number;
  /** False when the client went away before the end. */
  readonly complete: boolean;
}

/** Leaves room for OPT and the largest TSIG record: two names of 255 octets, a 64-octet MAC and what is fixed. */
const MESSAGE_LIMIT = 65_535 - 700;
/** Messages after which other work of the thread gets its turn. */
const MESSAGES_A_TURN = 4;

/**
 * Sends a zone (RFC 5936): SOA, everything else, SOA again, as many records in a message as fit. An IXFR request gets the
 * single SOA when the client is up to date (RFC 1995 section 2), and otherwise the whole zone (section 4), in the same form.
 */
export async function sendZone(
  transfer: ZoneTransfer,
  dependencies: { readonly arena: Arena; readonly sink: TransferSink },
): Promise<TransferStatistics> {
  return new ZoneSender(transfer, dependencies.arena, dependencies.sink).run();
}

class ZoneSender {
  readonly #transfer: ZoneTransfer;
  readonly #sink: TransferSink;
  readonly #reader: ZoneReader;
  readonly #message: TransferMessage;
  #messages = 0;
  #records = 0;
  #octets = 0;
  /** The client is slow, or others shall have a turn. */
  #pausing = false;

  constructor(transfer: ZoneTransfer, arena: Arena, sink: TransferSink) {
    this.#transfer = transfer;
    this.#sink = sink;
    this.#reader = new ZoneReader(arena).open(transfer.version);
    this.#message = new TransferMessage(arena, this.#reader);
  }

  async run(): Promise<TransferStatistics> {
    const reader = this.#reader;
    this.#begin(true);
    this.#addSoa();
    if (!this.#isUpToDate()) {
      reader.first();
      if (!(await this.#addNodes(false))) return this.#statistics(false);
      reader.firstHash();
      if (!(await this.#addNodes(true))) return this.#statistics(false);
      this.#addSoa();
    }
    this.#flush();
    return this.#statistics(!this.#sink.signal.aborted);
  }

  #statistics(complete: boolean): TransferStatistics {
    const { serial } = this.#reader;
    return { messages: this.#messages, records: this.#records, octets: this.#octets, serial, complete };
  }

  #isUpToDate(): boolean {
    const { type, clientSerial } = this.#transfer;
    return type === 'IXFR' && clientSerial !== undefined && !serialLess(clientSerial, this.#reader.serial);
  }

  /** @returns false when the client is gone */
  async #addNodes(hashed: boolean): Promise<boolean> {
    while (!this.#addSome(hashed)) {
      await this.#pause();
      if (this.#sink.signal.aborted) return false;
    }
    return true;
  }

  /**
   * Adds nodes until there are no more, or others shall have a turn. No closures and nothing asynchronous in here: with either, the
   * optimized code was thrown away after some transfers, and the next ones took three times as long.
   * @returns true when there are no more
   */
  #addSome(hashed: boolean): boolean {
    const reader = this.#reader;
    while (!this.#pausing) {
      const node = hashed ? reader.nextHash() : reader.next();
      if (node === 0) return true;
      this.#addNode(node);
    }
    return false;
  }

  async #pause(): Promise<void> {
    this.#pausing = false;
    await this.#sink.drained();
    await new Promise((resolve) => setImmediate(resolve));
  }

  #addNode(node: NodeRef): void {
    const reader = this.#reader;
    this.#message.setOwner(node);
    for (let i = 0; i < reader.rrsetCount(node); i++) {
      const rrset = reader.rrsetAt(node, i);
      const type = reader.type(rrset);
      const ttl = reader.ttl(rrset);
      if (type !== TYPE.SOA) this.#addRecords(type, ttl, reader.firstRdata(rrset));
      this.#addRecords(TYPE.RRSIG, ttl, reader.firstSignature(rrset));
    }
  }

  /** The SOA marks both ends (RFC 5936 section 2.2); its signatures are sent once, with the rest of the apex. */
  #addSoa(): void {
    const reader = this.#reader;
    const soa = reader.rrset(reader.apexNode, TYPE.SOA);
    this.#message.setOwner(reader.apexNode);
    this.#addRecords(TYPE.SOA, reader.ttl(soa), reader.firstRdata(soa));
  }

  #addRecords(type: number, ttl: number, first: number): void {
    for (let position = first; position !== 0; position = this.#reader.nextRdata(position)) {
      if (this.#message.add(type, CLASS.IN, ttl, position)) continue;
      this.#flush();
      this.#begin(false);
      if (!this.#message.add(type, CLASS.IN, ttl, position))
        throw this.#tooLarge(type, this.#reader.rdataLength(position));
    }
  }

  #begin(withQuestion: boolean): void {
    const { id, type, messageLimit, request } = this.#transfer;
    // RFC 5936 section 2.2.1: RD is copied.
    this.#message.begin(
      id,
      FLAG.QR | FLAG.AA | (request?.recursionDesired ? FLAG.RD : 0),
      messageLimit ?? MESSAGE_LIMIT,
    );
    if (!withQuestion) return;
    // RFC 5936 section 2.2.3: the first message has the question, copied; later ones may leave it out.
    this.#message.question(request?.name ?? this.#reader.apex, type === 'AXFR' ? TYPE.AXFR : TYPE.IXFR, CLASS.IN);
  }

  #flush(): void {
    this.#records += this.#message.records;
    // RFC 6891 section 6.1.1: a request with OPT gets answers with OPT. Room for it was kept.
    const edns = this.#transfer.request?.edns;
    if (edns !== undefined) this.#message.opt(edns.udpSize, edns.dnssecOk);
    const octets = this.#message.end();
    const message = this.#transfer.sign?.(octets) ?? octets;
    this.#messages++;
    this.#octets += message.length;
    if (!this.#sink.send(message) || this.#messages % MESSAGES_A_TURN === 0) this.#pausing = true;
  }

  /** Only a record of nearly 65,535 octets does not fit an empty message. */
  #tooLarge(type: number, length: number): SignetError {
    return new SignetError(
      'TRANSFER_RECORD_TOO_LARGE',
      `a record of type ${type} with ${length} octets in zone ${nameToText(this.#reader.apex)} does not fit a DNS message: remove or shorten it`,
      { type, length },
    );
  }
}
