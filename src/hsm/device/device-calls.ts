import type { Curve, KeyType, Mechanism, Role } from '../hal-constants.ts';
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
import type { FrameCursor, FrameWriter } from './device-frames.ts';

/** How a value goes over the local socket. */
interface Codec<T> {
  write(frame: FrameWriter, value: T): void;
  read(frame: FrameCursor): T;
}

type Methods = {
  [K in keyof CryptoDevice as CryptoDevice[K] extends (...args: never) => unknown ? K : never]: CryptoDevice[K];
};
/** Every function of a device. */
export type CallName = Exclude<keyof Methods, typeof Symbol.asyncDispose>;
export type CallArguments<K extends CallName> = Parameters<Methods[K]>;
export type CallResult<K extends CallName> = Awaited<ReturnType<Methods[K]>>;

export interface Call<K extends CallName> {
  readonly code: number;
  readonly args: Codec<CallArguments<K>>;
  readonly result: Codec<CallResult<K>>;
}

const u32: Codec<number> = { write: (frame, value) => frame.u32(value), read: (frame) => frame.u32() };
/** Versions, which are times in milliseconds, and what a caller may get wrong: the device says what is wrong with it. */
const number: Codec<number> = { write: (frame, value) => frame.number(value), read: (frame) => frame.number() };
const text: Codec<string> = { write: (frame, value) => frame.text(value), read: (frame) => frame.text() };
const ascii: Codec<string> = { write: (frame, value) => frame.text(value), read: (frame) => frame.asciiText() };
const octets: Codec<Uint8Array> = { write: (frame, value) => frame.octets(value), read: (frame) => frame.octets() };
const secret: Codec<Uint8Array> = { write: (frame, value) => frame.octets(value), read: (frame) => frame.secret() };
const flag: Codec<boolean> = { write: (frame, value) => frame.u8(value ? 1 : 0), read: (frame) => frame.u8() === 1 };
const nothing: Codec<void> = { write: () => undefined, read: () => undefined };

function optional<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    write: (frame, value) => {
      frame.u8(value === undefined ? 0 : 1);
      if (value !== undefined) codec.write(frame, value);
    },
    read: (frame) => (frame.u8() === 0 ? undefined : codec.read(frame)),
  };
}

function list<T>(codec: Codec<T>): Codec<readonly T[]> {
  return {
    write: (frame, values) => {
      frame.u32(values.length);
      for (const value of values) codec.write(frame, value);
    },
    read: (frame) => Array.from({ length: frame.count() }, () => codec.read(frame)),
  };
}

/** Members in the order in which they are given here. */
function struct<T extends object>(members: { readonly [K in keyof Required<T>]: Codec<T[K]> }): Codec<T> {
  const names = Object.keys(members) as (keyof T)[];
  return {
    write: (frame, value) => {
      for (const name of names) members[name].write(frame, value[name]);
    },
    read: (frame) => {
      const value: Partial<T> = {};
      for (const name of names) value[name] = members[name].read(frame);
      return value as T;
    },
  };
}

function tuple<T extends readonly unknown[]>(...codecs: { readonly [I in keyof Required<T>]: Codec<T[I]> }): Codec<T> {
  const all = codecs as readonly Codec<unknown>[];
  return {
    write: (frame, values) => {
      for (const [i, codec] of all.entries()) codec.write(frame, values[i]);
    },
    read: (frame) => all.map((codec) => codec.read(frame)) as readonly unknown[] as T,
  };
}

/** For what is asked now and then. */
function json<T>(): Codec<T> {
  return {
    write: (frame, value) => frame.text(JSON.stringify(value)),
    read: (frame) => JSON.parse(frame.text()) as T,
  };
}

const role = text as Codec<Role>;
const type = u32 as Codec<KeyType>;
const curve = u32 as Codec<Curve>;
const mechanism = u32 as Codec<Mechanism>;
const attribute = struct<Attribute>({ type: u32, value: octets });
const change = struct<AttributeChange>({ type: u32, value: optional(octets) });
const info = struct<KeyInfo>({ uuid: ascii, partition: u32, type, curve, flags: u32 });
const partition = struct<Partition>({ number, label: text });
const partitions = list(
  struct<PartitionRecord>({ number, label: optional(text), version: number, proof: optional(octets) }),
);
const pins = list(
  struct<PinRecord>({ partition: u32, role, version: number, hash: optional(text), proof: optional(octets) }),
);
const wrappedKey = struct<WrappedKey>({ pkcs8: octets, kek: octets });
const query = struct<KeyQuery>({
  type,
  curve,
  mask: u32,
  flags: u32,
  attributes: list(attribute),
  after: optional(ascii),
  limit: number,
});

const rsa = struct<Extract<KeySpec, { kind: 'rsa' }>>({
  kind: text as never,
  bits: number,
  exponent: octets,
  flags: u32,
});
const ec = struct<Extract<KeySpec, { kind: 'ec' }>>({ kind: text as never, curve, flags: u32 });
const hashsig = struct<Extract<KeySpec, { kind: 'hashsig' }>>({
  kind: text as never,
  levels: number,
  lms: number,
  lmots: number,
  flags: u32,
});
const KINDS: readonly KeySpec['kind'][] = ['rsa', 'ec', 'hashsig'];
const SPECS = [rsa, ec, hashsig] as readonly Codec<KeySpec>[];
const spec: Codec<KeySpec> = {
  write: (frame, value) => {
    const kind = KINDS.indexOf(value.kind);
    frame.u8(kind);
    SPECS[kind].write(frame, value);
  },
  read: (frame) => {
    const codec = SPECS[frame.u8()];
    if (!codec) throw new RangeError('a kind of key that does not exist');
    return codec.read(frame);
  },
};

/** The functions of a device, by name: their numbers, arguments and results on the socket. */
export const CALLS: { readonly [K in CallName]: Call<K> } = {
  getStatus: { code: 1, args: nothingAtAll(), result: json<DeviceStatus>() },
  checkTamper: { code: 2, args: nothingAtAll(), result: nothing },
  login: { code: 3, args: tuple(u32, u32, role, secret), result: nothing },
  resumeLogin: { code: 4, args: tuple(u32, u32, role, number), result: nothing },
  logout: { code: 5, args: tuple(u32), result: nothing },
  roleOf: { code: 6, args: tuple(u32), result: optional(role) },
  setPin: { code: 7, args: tuple(u32, u32, role, secret), result: nothing },
  resetPins: { code: 8, args: tuple(u32), result: nothing },
  readPins: { code: 9, args: nothingAtAll(), result: pins },
  writePins: { code: 10, args: tuple(pins), result: nothing },
  listPartitions: { code: 11, args: nothingAtAll(), result: list(partition) },
  writePartition: { code: 12, args: tuple(u32, partition), result: nothing },
  deletePartition: { code: 13, args: tuple(u32, u32), result: nothing },
  generateKey: { code: 14, args: tuple(u32, ascii, u32, spec), result: info },
  loadKey: { code: 15, args: tuple(u32, ascii, u32, octets, u32, optional(type)), result: info },
  openKey: { code: 16, args: tuple(u32, ascii), result: info },
  deleteKey: { code: 17, args: tuple(u32, ascii), result: nothing },
  getPublicKey: { code: 18, args: tuple(u32, ascii), result: octets },
  sign: { code: 19, args: tuple(u32, ascii, mechanism, octets), result: octets },
  verify: { code: 20, args: tuple(u32, ascii, mechanism, octets, octets), result: nothing },
  setAttributes: { code: 21, args: tuple(u32, ascii, list(change)), result: nothing },
  getAttributes: { code: 22, args: tuple(u32, ascii, list(u32)), result: list(attribute) },
  listAttributes: { code: 23, args: tuple(u32, ascii), result: list(attribute) },
  matchKeys: { code: 24, args: tuple(u32, u32, query), result: list(ascii) },
  exportKey: { code: 25, args: tuple(u32, ascii, ascii), result: wrappedKey },
  importKey: { code: 26, args: tuple(u32, ascii, u32, ascii, wrappedKey, u32), result: info },
  random: { code: 27, args: tuple(number), result: octets },
  setMasterKey: { code: 28, args: tuple(u32, optional(secret)), result: optional(secret) },
  eraseMasterKey: { code: 29, args: tuple(u32), result: nothing },
  eraseKeystore: { code: 30, args: tuple(u32, flag), result: nothing },
  listRecords: {
    code: 31,
    args: tuple(optional(ascii), number),
    result: list(struct<RecordHead>({ uuid: ascii, version: number, isDeleted: flag, isExportable: flag })),
  },
  readRecord: { code: 32, args: tuple(ascii), result: octets },
  writeRecord: { code: 33, args: tuple(octets), result: nothing },
  takeKeyUses: { code: 34, args: nothingAtAll(), result: list(struct<KeyUse>({ uuid: ascii, uses: number })) },
  readPartitions: { code: 35, args: nothingAtAll(), result: partitions },
  writePartitions: { code: 36, args: tuple(partitions), result: nothing },
};

function nothingAtAll(): Codec<[]> {
  return { write: () => undefined, read: () => [] };
}

export const CALL_NAMES: ReadonlyMap<number, CallName> = new Map(
  (Object.keys(CALLS) as CallName[]).map((name) => [CALLS[name].code, name]),
);
