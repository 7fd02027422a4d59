import type { ErrorFacts } from '../../base/error.ts';
import { loadNativeKeys } from '../crypto/native-keys.ts';
import type { KeyType, Mechanism, Role } from '../hal-constants.ts';
import { HalError, HalStatus, halStatusName } from '../hal-status.ts';
import type {
  Attribute,
  AttributeChange,
  CryptoDevice,
  DeviceStatus,
  KeyInfo,
  KeyQuery,
  KeySpec,
  KeyUse,
  Partition,
  PartitionRecord,
  PinRecord,
  RecordHead,
  SignatureTaker,
  WrappedKey,
} from './crypto-device.ts';
import { type Call, type CallArguments, type CallName, type CallResult, CALLS } from './device-calls.ts';
import { type FrameCursor, FrameOutbox, FrameSplitter, type FrameWriter } from './device-frames.ts';
import { LocalSocket, type SocketUser } from './local-socket.ts';

/** What waits for an answer. One of both is called, once. */
interface Pending {
  /** Reads the result of the call. @throws SignetError DEVICE_FRAME */
  answered(frame: FrameCursor): void;
  reject(fault: HalError): void;
}

/** A call that a promise stands for. */
class PromisedCall implements Pending {
  readonly #call: Call<CallName>;
  readonly #resolve: (result: unknown) => void;
  readonly reject: (fault: HalError) => void;

  constructor(call: Call<CallName>, resolve: (result: unknown) => void, reject: (fault: HalError) => void) {
    this.#call = call;
    this.#resolve = resolve;
    this.reject = reject;
  }

  answered(frame: FrameCursor): void {
    this.#resolve(this.#call.result.read(frame));
  }
}

/** A signature, for which nothing is made that the garbage collector would have to look at more than once. */
class SignatureCall implements Pending {
  readonly #taker: SignatureTaker;

  constructor(taker: SignatureTaker) {
    this.#taker = taker;
  }

  answered(frame: FrameCursor): void {
    this.#taker.signed(frame.view());
  }

  reject(fault: HalError): void {
    this.#taker.refused(fault);
  }
}

/** Requests under way on one device: more would only wait. */
const MAX_PENDING = 16_384;

/**
 * A device in a process of its own. It lives as long as the appliance; processes come and go: `connect` gives it the socket of the present one. While
 * there is none, and for what was under way when it went, every call rejects with IO_OS_ERROR.
 */
export class DeviceProcess implements CryptoDevice {
  readonly name: string;
  #connection: Connection | undefined;
  #pending = new Map<number, Pending>();
  #lastNumber = 0;
  #why = 'it was not started yet';

  constructor(name: string) {
    this.name = name;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** Requests that wait for an answer. */
  get underWay(): number {
    return this.#pending.size;
  }

  /** Resolves when the process is there at its socket; `closed` is called when it is not any more. @throws SignetError LOCAL_SOCKET */
  async connect(path: string, closed: () => void = () => undefined): Promise<void> {
    this.disconnect('it is connected anew');
    const connection: Connection = new Connection(path, {
      take: (frame) => this.#take(frame),
      malformed: (why) => this.disconnect(why),
      closed: () => {
        if (this.#connection !== connection) return;
        this.#forget('its process has ended');
        closed();
      },
    });
    this.#connection = connection;
  }

  /** Everything under way is refused; the socket is closed. */
  disconnect(why: string): void {
    const connection = this.#connection;
    if (!connection) {
      this.#why = why;
      return;
    }
    this.#forget(why);
    connection.close();
  }

  #forget(why: string): void {
    this.#why = why;
    this.#connection = undefined;
    const pending = this.#pending;
    this.#pending = new Map();
    for (const one of pending.values()) one.reject(this.#gone());
  }

  #gone(): HalError {
    return new HalError(
      HalStatus.IO_OS_ERROR,
      `${this.name} does not answer (${this.#why}): it is started again by itself; keys that are only there cannot be used until then`,
      { device: this.name },
    );
  }

  #call<K extends CallName>(name: K, ...args: CallArguments<K>): Promise<CallResult<K>> {
    const call = CALLS[name] as unknown as Call<'getStatus'>;
    return new Promise<unknown>((resolve, reject) => {
      const frames = this.#begin(new PromisedCall(call, resolve, reject), call.code);
      if (!frames) return;
      try {
        call.args.write(frames, args as never);
      } catch (cause) {
        frames.abandon();
        this.#pending.delete(this.#lastNumber);
        const text = `an argument cannot be sent to ${this.name}: ${(cause as Error).message}`;
        reject(new HalError(HalStatus.BAD_ARGUMENTS, text, {}, cause));
        return;
      }
      this.#end(frames);
    }) as Promise<CallResult<K>>;
  }

  /** Begins the frame of a request, or rejects: then there is nothing to write to. */
  #begin(pending: Pending, code: number): FrameWriter | undefined {
    const connection = this.#connection;
    if (!connection) {
      pending.reject(this.#gone());
      return undefined;
    }
    if (this.#pending.size >= MAX_PENDING) {
      const text = `${this.name} has ${MAX_PENDING} requests to answer already: try again later`;
      pending.reject(new HalError(HalStatus.CORE_BUSY, text));
      return undefined;
    }
    const requestNumber = this.#nextNumber();
    this.#pending.set(requestNumber, pending);
    const { frames } = connection.out;
    frames.begin(requestNumber, code);
    return frames;
  }

  #end(frames: FrameWriter): void {
    frames.end();
    this.#connection!.out.flushSoon();
  }

  #nextNumber(): number {
    do this.#lastNumber = (this.#lastNumber + 1) >>> 0;
    while (this.#pending.has(this.#lastNumber));
    return this.#lastNumber;
  }

  #take(frame: FrameCursor): void {
    const { requestNumber, code } = frame;
    const pending = this.#pending.get(requestNumber);
    if (!pending) return;
    this.#pending.delete(requestNumber);
    try {
      if (code === HalStatus.OK) pending.answered(frame);
      else pending.reject(refusal(frame));
    } catch (fault) {
      pending.reject(new HalError(HalStatus.IO_UNEXPECTED, `${this.name}: ${(fault as Error).message}`, {}, fault));
      throw fault;
    }
  }

  getStatus(): Promise<DeviceStatus> {
    return this.#call('getStatus');
  }

  checkTamper(): Promise<void> {
    return this.#call('checkTamper');
  }

  login(client: number, partition: number, role: Role, pin: Uint8Array): Promise<void> {
    return cleared(pin, this.#call('login', client, partition, role, pin));
  }

  resumeLogin(client: number, partition: number, role: Role, pinVersion: number): Promise<void> {
    return this.#call('resumeLogin', client, partition, role, pinVersion);
  }

  /** A process that is gone has forgotten it. */
  async logout(client: number): Promise<void> {
    if (this.isConnected) await this.#call('logout', client);
  }

  roleOf(client: number): Promise<Role | undefined> {
    return this.#call('roleOf', client);
  }

  setPin(client: number, partition: number, role: Role, pin: Uint8Array): Promise<void> {
    return cleared(pin, this.#call('setPin', client, partition, role, pin));
  }

  resetPins(client: number): Promise<void> {
    return this.#call('resetPins', client);
  }

  readPins(): Promise<readonly PinRecord[]> {
    return this.#call('readPins');
  }

  writePins(pins: readonly PinRecord[]): Promise<void> {
    return this.#call('writePins', pins);
  }

  listPartitions(): Promise<readonly Partition[]> {
    return this.#call('listPartitions');
  }

  writePartition(client: number, partition: Partition): Promise<void> {
    return this.#call('writePartition', client, partition);
  }

  readPartitions(): Promise<readonly PartitionRecord[]> {
    return this.#call('readPartitions');
  }

  writePartitions(records: readonly PartitionRecord[]): Promise<void> {
    return this.#call('writePartitions', records);
  }

  deletePartition(client: number, number: number): Promise<void> {
    return this.#call('deletePartition', client, number);
  }

  generateKey(client: number, uuid: string, partition: number, spec: KeySpec): Promise<KeyInfo> {
    return this.#call('generateKey', client, uuid, partition, spec);
  }

  loadKey(
    client: number,
    uuid: string,
    partition: number,
    der: Uint8Array,
    flags: number,
    type?: KeyType,
  ): Promise<KeyInfo> {
    return this.#call('loadKey', client, uuid, partition, der, flags, type);
  }

  openKey(client: number, uuid: string): Promise<KeyInfo> {
    return this.#call('openKey', client, uuid);
  }

  deleteKey(client: number, uuid: string): Promise<void> {
    return this.#call('deleteKey', client, uuid);
  }

  getPublicKey(client: number, uuid: string): Promise<Uint8Array> {
    return this.#call('getPublicKey', client, uuid);
  }

  sign(client: number, uuid: string, mechanism: Mechanism, data: Uint8Array): Promise<Uint8Array> {
    return this.#call('sign', client, uuid, mechanism, data);
  }

  signFor(client: number, uuid: string, mechanism: Mechanism, data: Uint8Array, taker: SignatureTaker): void {
    const frames = this.#begin(new SignatureCall(taker), CALLS.sign.code);
    if (!frames) return;
    frames.u32(client);
    frames.text(uuid);
    frames.u32(mechanism);
    frames.octets(data);
    this.#end(frames);
  }

  verify(client: number, uuid: string, mechanism: Mechanism, data: Uint8Array, signature: Uint8Array): Promise<void> {
    return this.#call('verify', client, uuid, mechanism, data, signature);
  }

  setAttributes(client: number, uuid: string, attributes: readonly AttributeChange[]): Promise<void> {
    return this.#call('setAttributes', client, uuid, attributes);
  }

  getAttributes(client: number, uuid: string, types: readonly number[]): Promise<readonly Attribute[]> {
    return this.#call('getAttributes', client, uuid, types);
  }

  listAttributes(client: number, uuid: string): Promise<readonly Attribute[]> {
    return this.#call('listAttributes', client, uuid);
  }

  matchKeys(client: number, partition: number, query: KeyQuery): Promise<readonly string[]> {
    return this.#call('matchKeys', client, partition, query);
  }

  exportKey(client: number, uuid: string, kekek: string): Promise<WrappedKey> {
    return this.#call('exportKey', client, uuid, kekek);
  }

  importKey(
    client: number,
    uuid: string,
    partition: number,
    kekek: string,
    key: WrappedKey,
    flags: number,
  ): Promise<KeyInfo> {
    return this.#call('importKey', client, uuid, partition, kekek, key, flags);
  }

  random(octets: number): Promise<Uint8Array> {
    return this.#call('random', octets);
  }

  setMasterKey(client: number, key: Uint8Array | undefined): Promise<Uint8Array | undefined> {
    return this.#call('setMasterKey', client, key);
  }

  eraseMasterKey(client: number): Promise<void> {
    return this.#call('eraseMasterKey', client);
  }

  eraseKeystore(client: number, preservePins: boolean): Promise<void> {
    return this.#call('eraseKeystore', client, preservePins);
  }

  listRecords(after: string | undefined, limit: number): Promise<readonly RecordHead[]> {
    return this.#call('listRecords', after, limit);
  }

  readRecord(uuid: string): Promise<Uint8Array> {
    return this.#call('readRecord', uuid);
  }

  writeRecord(record: Uint8Array): Promise<void> {
    return this.#call('writeRecord', record);
  }

  takeKeyUses(): Promise<readonly KeyUse[]> {
    return this.#call('takeKeyUses');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disconnect('it is not used any more');
  }
}

interface ConnectionOwner {
  take(frame: FrameCursor): void;
  malformed(why: string): void;
  closed(): void;
}

/** The way to one process of the device. */
class Connection implements SocketUser {
  readonly #splitter = new FrameSplitter();
  readonly #socket: LocalSocket;
  readonly #owner: ConnectionOwner;
  readonly #take = (frame: FrameCursor): void => this.#owner.take(frame);
  readonly out = new FrameOutbox((octets, from, to) => this.#socket.write(octets, from, to));

  /** @throws SignetError LOCAL_SOCKET */
  constructor(path: string, owner: ConnectionOwner) {
    this.#owner = owner;
    this.#socket = LocalSocket.connect(path, loadNativeKeys().sockets, this);
  }

  get octets(): Uint8Array {
    return this.#splitter.octets;
  }

  get filled(): number {
    return this.#splitter.filled;
  }

  received(count: number): void {
    try {
      this.#splitter.received(count, this.#take);
    } catch (fault) {
      this.#owner.malformed((fault as Error).message);
    }
  }

  writable(): void {
    this.out.unblock();
  }

  closed(): void {
    this.#owner.closed();
  }

  close(): void {
    this.#socket.close();
  }
}

function refusal(frame: FrameCursor): HalError {
  const status = halStatusName(frame.code).startsWith('status ') ? HalStatus.IO_UNEXPECTED : (frame.code as HalStatus);
  const message = frame.text();
  return new HalError(status, message, JSON.parse(frame.text()) as ErrorFacts);
}

/** The frame has its own copy, which is overwritten when it was sent. */
function cleared<T>(pin: Uint8Array, called: Promise<T>): Promise<T> {
  pin.fill(0);
  return called;
}
