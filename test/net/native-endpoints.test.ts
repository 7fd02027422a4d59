import { NativeEndpoint } from '../../src/net/native-endpoint.ts';
import { builtModule } from './built-module.ts';
import { settleOnLoopback, udpEndpointSuite, type UdpNetwork } from './udp-endpoint-suite.ts';

const module = builtModule();

const network = (address: string) => async (): Promise<UdpNetwork> => ({
  bind: (port = 0) => NativeEndpoint.bind({ address, port }, module),
  settle: settleOnLoopback,
  [Symbol.asyncDispose]: async () => undefined,
});

udpEndpointSuite('native/udp, IPv4', network('127.0.0.1'));
udpEndpointSuite('native/udp, IPv6', network('::1'));
