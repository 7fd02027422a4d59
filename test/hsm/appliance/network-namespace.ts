/** Run in a network namespace of its own: what ApplianceNetwork does to real interfaces. Prints JSON. */
import { execFileSync } from 'node:child_process';
import net from 'node:net';
import { SystemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { ApplianceNetwork, SystemInterfaces } from '../../../src/hsm/appliance/network.ts';
import { DEFAULT_SETTINGS } from '../../../src/hsm/appliance/settings-table.ts';
import type { Settings } from '../../../src/hsm/appliance/settings.ts';

const ip = (words: string): void => void execFileSync('ip', words.split(' '));
ip('link set lo up');
ip('link add hsm0 type veth peer name host0');
ip('link set host0 up');
ip('addr add 10.10.10.1/24 dev host0');

function network(settings: Partial<Settings>): ApplianceNetwork {
  return new ApplianceNetwork(
    { interface: 'hsm0', listen: '0.0.0.0', dhcpWait: 1 },
    {
      settings: () => ({ ...DEFAULT_SETTINGS, ...settings }),
      clock: new SystemClock(),
      log: silentLog,
      interfaces: new SystemInterfaces(),
    },
  );
}

const byDhcp = network({ IP_MODE: 'dhcp' });
await byDhcp.start();
// The system lists an interface when its link is up, a moment after it was asked for.
await byDhcp.awaitAddress();
const { hardwareAddress, ...fallback } = byDhcp.view();
if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(hardwareAddress ?? ''))
  throw new Error(`no hardware address: ${hardwareAddress}`);
// A neighbour with a compatible address reaches it.
const server = net.createServer((socket) => socket.destroy());
await new Promise<void>((resolve) => server.listen({ host: fallback.address, port: 0 }, resolve));
const { port } = server.address() as net.AddressInfo;
await new Promise<void>((resolve, reject) => {
  const socket = net.connect({ host: fallback.address!, port, localAddress: '10.10.10.1' });
  socket.on('connect', () => {
    socket.destroy();
    resolve();
  });
  socket.on('error', reject);
});
server.close();

const byHand = network({
  IP_MODE: 'static',
  IP_ADDRESS: '192.0.2.20',
  IP_NETMASK: '255.255.255.0',
  IP_GATEWAY: '192.0.2.1',
});
ip('addr flush dev hsm0');
await byHand.start();
const { hardwareAddress: _, ...fixed } = byHand.view();

const refused = await new SystemInterfaces().configure(['link', 'set', 'dev', 'nothere', 'up']).then(
  () => false,
  (error: Error) => /'ip link set dev nothere up' failed/.test(error.message),
);
process.stdout.write(JSON.stringify({ fallback, fixed, refused }));
