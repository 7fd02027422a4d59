import { SimulatedClock } from '../../src/base/clock.ts';
import { SeededRandom } from '../../src/base/random.ts';
import { DgramEndpoint } from '../../src/net/dgram-endpoint.ts';
import { SimulatedNetwork } from '../../src/net/simulated-network.ts';
import { settleOnLoopback, udpEndpointSuite, type UdpNetwork } from './udp-endpoint-suite.ts';

const realNetwork = (address: string) => async (): Promise<UdpNetwork> => ({
  bind: (port = 0) => DgramEndpoint.bind({ address, port }),
  settle: settleOnLoopback,
  [Symbol.asyncDispose]: async () => undefined,
});

const simulatedNetwork = (batch: number) => async (): Promise<UdpNetwork> => {
  const clock = new SimulatedClock(0);
  const network = new SimulatedNetwork({ latency: 10, batch }, { clock, random: new SeededRandom(1) });
  return {
    bind: async (port) => network.bind('192.0.2.1', port),
    settle: () => clock.advance(1),
    [Symbol.asyncDispose]: async () => undefined,
  };
};

udpEndpointSuite('node:dgram, IPv4', realNetwork('127.0.0.1'));
udpEndpointSuite('node:dgram, IPv6', realNetwork('::1'));
udpEndpointSuite('simulated, one by one', simulatedNetwork(1));
udpEndpointSuite('simulated, in batches', simulatedNetwork(8));
