import net from 'node:net';
import type { ErrorFacts } from '../../base/error.ts';
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
  WrappedKey,
} from './crypto-device.ts';
import { type Call, type CallArguments, type CallName, type CallResult, CALLS } from './device-calls.ts';
import { type FrameCursor, FrameOutbox, FrameSplitter } from './device-frames.ts';

interface Pending {
  /** undefined: octets, as `sign` has them. */
  readonly call: Call<CallName> | undefined;
  resolve(result: unknown): void;
  reject(fault: HalError): void;
}

/** Requests under way on one device: more would only wait. */
const MAX_PENDING = 16_384;

/**
 * A device in a process of its own. It lives as long as the appliance; processes come and go: `connect` gives it the socket of the present one. While
 * there is none, and for what was under way when it went, every call rejects with IO_OS_ERROR.
 */
export class DeviceProcess implements CryptoDevice {
  readonly name: string;
  #socket: net.Socket | undefined;
  #out: FrameOutbox | undefined;
  #pending = new Map<number, Pending>();
  #lastNumber = 0;
  #why = 'it was not started yet';

  constructor(name: string) {
    this.name = name;
  }

  get isConnected(): boolean {
    return this.#out !== undefined;
  }

  /** Requests that wait for an answer. */
  get underWay(): number {
    return this.#pending.size;
  }

  /** Resolves when the process answers at its socket; `closed` is called when it does not any more. @throws Error of the socket */
  async connect(path: string, closed: () => void = () => undefined): Promise<void> {
    this.disconnect('it is connected anew');
    const socket = net.connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    socket.removeAllListeners('error');
    // What went wrong shows in 'close'.
    socket.on('error', () => undefined);
    const splitter = new FrameSplitter();
    const take = (frame: FrameCursor): void => this.#take(frame);
    socket.on('data', (chunk: Buffer) => {
      try {
        splitter.push(chunk, take);
      } catch (fault) {
        this.disconnect((fault as Error).message);
      }
    });
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#forget('its process has ended');
      closed();
    });
    this.#socket = socket;
    this.#out = new FrameOutbox(socket);
  }

  /** Everything under way is refused; the socket is closed. */
  disconnect(why: string): void {
    const socket = this.#socket;
    if (!socket) {
      this.#why = why;
      return;
    }
    this.#forget(why);
    socket.destroy();
  }

  #forget(why: string): void {
    this.#why = why;
    this.#socket = undefined;
    this.#out = undefined;
    const pending = this.#pending;
    this.#pending = new Map();
    for (const { reject } of pending.values()) reject(this.#gone());
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
    return this.#request(call, call.code, (out) => call.args.write(out.frames, args as never)) as Promise<
      CallResult<K>
    >;
  }

  #request(call: Call<CallName> | undefined, code: number, write: (out: FrameOutbox) => void): Promise<unknown> {
    const out = this.#out;
    if (!out) return Promise.reject(this.#gone());
    if (this.#pending.size >= MAX_PENDING)
      return Promise.reject(
        new HalError(
          HalStatus.CORE_BUSY,
          `${this.name} has ${MAX_PENDING} requests to answer already: try again later`,
        ),
      );
    const requestNumber = this.#nextNumber();
    out.frames.begin(requestNumber, code);
    try {
      write(out);
    } catch (cause) {
      out.frames.abandon();
      const text = `an argument cannot be sent to ${this.name}: ${(cause as Error).message}`;
      return Promise.reject(new HalError(HalStatus.BAD_ARGUMENTS, text, {}, cause));
    }
    out.frames.end();
    out.flushSoon();
    return new Promise((resolve, reject) => this.#pending.set(requestNumber, { call, resolve, reject }));
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
      if (code === HalStatus.OK) pending.resolve(pending.call ? pending.call.result.read(frame) : frame.octets());
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
    return this.#request(undefined, CALLS.sign.code, ({ frames }) => {
      frames.u32(client);
      frames.text(uuid);
      frames.u32(mechanism);
      frames.octets(data);
    }) as Promise<Uint8Array>;
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
