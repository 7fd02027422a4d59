import path from 'node:path';
import { buildNative } from '../../scripts/build-native.ts';
import { NativeEndpoint } from '../../src/net/native-endpoint.ts';
import { loadNativeModule, type NativeModule } from '../../src/net/native-module.ts';
import { udpEndpointSuite, type UdpNetwork } from './udp-endpoint-suite.ts';

const root = path.resolve(import.meta.dirname, '../..');
const output = path.join(root, '.build/native/udp.node');

function builtModule(): NativeModule {
  const built = buildNative({ root, output });
  if (!built.built) throw new Error(built.reason);
  const found = loadNativeModule(output);
  if (found.module === undefined) throw new Error(found.reason);
  return found.module;
}

const module = builtModule();

const network = (address: string) => async (): Promise<UdpNetwork> => ({
  bind: (port = 0) => NativeEndpoint.bind({ address, port }, module),
  settle: () => new Promise((resolve) => setTimeout(resolve, 150)),
  [Symbol.asyncDispose]: async () => undefined,
});

udpEndpointSuite('native/udp, IPv4', network('127.0.0.1'));
udpEndpointSuite('native/udp, IPv6', network('::1'));
