import type { Log } from '../base/log.ts';
import { DgramEndpoint, type DgramOptions } from './dgram-endpoint.ts';
import { NativeEndpoint } from './native-endpoint.ts';
import { loadNativeModule, type NativeModule, type NativeModuleFound } from './native-module.ts';
import type { UdpEndpoint } from './udp-endpoint.ts';

/** A way to open UDP sockets. */
export interface UdpAdapter {
  readonly kind: 'native' | 'dgram';
  /** One line for people: which it is and why. */
  describe(): string;
  /** @throws SignetError UDP_BIND_FAILED */
  bind(options: DgramOptions): Promise<UdpEndpoint>;
}

export interface UdpAdapterDependencies {
  readonly log: Log;
  /** Default looks for the module that scripts/build-native.ts made. */
  readonly load?: () => NativeModuleFound;
}

/**
 * Picks the adapter for this thread: native/udp where it can be loaded, else node:dgram, and says which in one log line.
 * The module is a file: call this before the root directory changes.
 */
export function chooseUdpAdapter({ log, load = loadNativeModule }: UdpAdapterDependencies): UdpAdapter {
  const found = load();
  const adapter = found.module === undefined ? dgramAdapter(found.reason) : nativeAdapter(found.module, found.file);
  const severity = adapter.kind === 'native' ? 'info' : 'notice';
  log.write({ severity, category: 'network', text: adapter.describe() });
  return adapter;
}

/**
 * Octets that the kernel may queue for a socket of ours, so that a pause of some milliseconds (garbage collection, a large
 * batch) loses no query: Linux gives 208 KiB, less than 300 queries. net.core.rmem_max caps it.
 */
export const RECEIVE_BUFFER = 1024 * 1024;

function nativeAdapter(module: NativeModule, file: string): UdpAdapter {
  return {
    kind: 'native',
    describe: () => `UDP in batches, by ${file}`,
    bind: (options) => NativeEndpoint.bind({ receiveBuffer: RECEIVE_BUFFER, ...options }, module),
  };
}

function dgramAdapter(reason: string): UdpAdapter {
  return {
    kind: 'dgram',
    describe: () => `UDP over node:dgram, slower, because native/udp is not there: ${reason}`,
    bind: (options) => DgramEndpoint.bind({ receiveBuffer: RECEIVE_BUFFER, ...options }),
  };
}
