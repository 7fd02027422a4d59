import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

declare const socketBrand: unique symbol;

/** A socket of the module: nothing to look into. */
export interface NativeSocket {
  readonly [socketBrand]: true;
}

/** The memory of a batch, for 64 datagrams; it may not be transferred while the socket is open. See DatagramBatch. */
export interface NativeMemory {
  /** 64 slots of equal size, one behind the other. */
  readonly received: Uint8Array;
  readonly receivedLength: Uint32Array;
  readonly peers: Uint8Array;
  readonly peerLength: Uint8Array;
  readonly peerPort: Uint16Array;
  readonly answers: Uint8Array;
  readonly answerLength: Uint32Array;
  /** As `counterNames`. */
  readonly counters: BigUint64Array;
}

/** What native/udp/module.c exports. Failing calls throw as node's do, with `code` and `syscall`. */
export interface NativeModule {
  /** Opens and binds. `flags`: 1 is SO_REUSEPORT; `receiveBuffer` in octets, 0 is the system's default. */
  open(
    address: string,
    port: number,
    flags: number,
    receiveBuffer: number,
    memory: NativeMemory,
    onBatch: (count: number) => void,
  ): NativeSocket;
  localAddress(socket: NativeSocket): { address: string; port: number };
  start(socket: NativeSocket): void;
  send(socket: NativeSocket, octets: Uint8Array, address: Uint8Array, port: number): void;
  /** Datagrams that found the receive buffer full; also after closing. */
  dropped(socket: NativeSocket): number;
  /** False when it is closed already, by a failure: then `onClosed` is not called. */
  close(socket: NativeSocket, onClosed: () => void): boolean;
  readonly counterNames: readonly string[];
}

export type NativeModuleFound =
  { readonly module: NativeModule; readonly file: string } | { readonly module: undefined; readonly reason: string };

/** Where scripts/build-native.ts puts it in a checkout; beside the bundle in dist/. Nowhere else: it is code. */
const PLACE = import.meta.url.endsWith('.ts') ? '../../.build/native/udp.node' : './native/udp.node';

/** Loads native/udp into this thread, or says why that cannot be done. */
export function loadNativeModule(file = fileURLToPath(new URL(PLACE, import.meta.url))): NativeModuleFound {
  if (!fs.existsSync(file)) return { module: undefined, reason: `there is no ${file}` };
  const loaded = { exports: {} };
  try {
    process.dlopen(loaded, file);
  } catch (error) {
    return { module: undefined, reason: `${file} cannot be loaded: ${(error as Error).message}` };
  }
  return { module: loaded.exports as NativeModule, file };
}
