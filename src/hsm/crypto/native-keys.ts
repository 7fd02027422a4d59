import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { HalError, HalStatus } from '../hal-status.ts';

declare const keyBrand: unique symbol;

/** A key in OpenSSL's memory: nothing to look into. */
export interface NativeKey {
  readonly [keyBrand]: true;
}

declare const socketBrand: unique symbol;

/** A local socket: nothing to look into. */
export interface NativeSocket {
  readonly [socketBrand]: true;
}

/** A socket, or why there is none: -errno. */
export type OpenedSocket = NativeSocket | number;

/**
 * What native/hsm/sockets.c does: system calls as they are, on the caller's memory. What the kernel refuses is -errno. `onReady` is called with
 * SocketEvent, or with -errno when the socket failed; for reading at first. A socket that is closed throws ERR_SOCKET_CLOSED.
 */
export interface NativeSockets {
  listen(path: string, onReady: (events: number) => void): OpenedSocket;
  connect(path: string, onReady: (events: number) => void): OpenedSocket;
  accept(socket: NativeSocket, onReady: (events: number) => void): OpenedSocket;
  /** Into `octets` from `from` on; gives how many, 0 at the end. */
  read(socket: NativeSocket, octets: Uint8Array, from: number): number;
  /** Gives how many; fewer than there are when the other end does not read. */
  write(socket: NativeSocket, octets: Uint8Array, from: number, to: number): number;
  /** What onReady is called for from now on: bits of SocketEvent. */
  watch(socket: NativeSocket, events: number): number;
  /** More than once does no harm. */
  close(socket: NativeSocket): void;
}

export const SocketEvent = { READABLE: 1, WRITABLE: 2 } as const;

/**
 * What native/hsm/module.c exports. A status is a HalStatus; a length is negative when it is a status. Arguments of another kind
 * throw TypeError, a key that is closed throws ERR_HSM_KEY_CLOSED.
 */
export interface NativeKeys {
  /** PKCS#8, or a status. */
  openPrivate(der: Uint8Array): NativeKey | HalStatus;
  /** SubjectPublicKeyInfo, or a status. */
  openPublic(der: Uint8Array): NativeKey | HalStatus;
  /** Clears the key; more than once does no harm. */
  close(key: NativeKey): void;
  /** That the numbers of a private key belong together. */
  check(key: NativeKey): HalStatus;
  /** SubjectPublicKeyInfo into `out`; gives its length. */
  publicKey(key: NativeKey, out: Uint8Array): number;
  /** Into `out`, 512 octets are always enough; gives the length. */
  sign(key: NativeKey, mechanism: number, data: Uint8Array, out: Uint8Array): number;
  verify(key: NativeKey, mechanism: number, data: Uint8Array, signature: Uint8Array): HalStatus;
  /** Fills `out`: with the message when it has this length, else with random octets. */
  decrypt(key: NativeKey, encrypted: Uint8Array, out: Uint8Array): HalStatus;

  // RFC 8554; `id` is I (16 octets), `seed` and hashes have 32, `y` 32 for each chain.

  hashsigSign(id: Uint8Array, q: number, seed: Uint8Array, w: number, hash: Uint8Array, y: Uint8Array): void;
  hashsigCandidate(id: Uint8Array, q: number, w: number, hash: Uint8Array, y: Uint8Array, key: Uint8Array): void;
  /** Nodes of the subtree of 2^height leaves from `first`, in heap order: 2^(height+1) of 32 octets, the root is node 1. */
  hashsigSubtree(
    id: Uint8Array,
    seed: Uint8Array,
    w: number,
    treeHeight: number,
    height: number,
    first: number,
    nodes: Uint8Array,
  ): void;
  /** The same in a thread of the pool; resolves to `nodes`, which is written at the end. */
  hashsigSubtreeLater(
    id: Uint8Array,
    seed: Uint8Array,
    w: number,
    treeHeight: number,
    height: number,
    first: number,
    nodes: Uint8Array,
  ): Promise<Uint8Array>;

  readonly sockets: NativeSockets;
}

/** Where scripts/build-native.ts puts it in a checkout; beside the bundle in dist/. Nowhere else: it is code. */
const PLACE = import.meta.url.endsWith('.ts') ? '../../../.build/native/hsm.node' : './native/hsm.node';

/** @throws HalError CORE_NOT_FOUND: says which file is missing and how to make it */
export function loadNativeKeys(file = fileURLToPath(new URL(PLACE, import.meta.url))): NativeKeys {
  if (!fs.existsSync(file)) throw unavailable(file, 'it does not exist');
  const loaded = { exports: {} };
  try {
    process.dlopen(loaded, file);
  } catch (error) {
    throw unavailable(file, `it cannot be loaded (${(error as Error).message})`);
  }
  return loaded.exports as NativeKeys;
}

function unavailable(file: string, reason: string): HalError {
  const remedy = 'install a C compiler (Debian: apt-get install gcc libc6-dev), then run `npm rebuild signet`, or `npm install` in a checkout'; // prettier-ignore
  return new HalError(HalStatus.CORE_NOT_FOUND, `the HSM computes with ${file}, but ${reason}; ${remedy}`, { file });
}
