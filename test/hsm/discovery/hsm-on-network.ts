/**
 * One HSM of the test network, in a network namespace of its own: `hsm-on-network.ts ADDRESS SERIAL STATE`. Waits for a line before it
 * begins, because its interface is only then there; later lines are commands: withdraw, announce, end.
 */
import { execFileSync } from 'node:child_process';
import readline from 'node:readline';
import tls from 'node:tls';
import { SystemClock } from '../../../src/base/clock.ts';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { SystemRandom } from '../../../src/base/random.ts';
import { ApplianceCertificate } from '../../../src/hsm/certificate/appliance-certificate.ts';
import { Announcer } from '../../../src/hsm/discovery/announcer.ts';
import { multicastAddresses } from '../../../src/hsm/discovery/mdns.ts';
import { FakeAppliance, STATES } from '../web/fake-appliance.ts';

const [address, serial, state] = process.argv.slice(2);
const log = { write: ({ text }: { text: string }) => console.error(`${serial}: ${text}`) };
const clock = new SystemClock();
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
await lines.next();
for (const command of [`addr add ${address}/24 dev eth0`, 'link set lo up', 'link set eth0 up'])
  execFileSync('ip', command.split(' '));

// The system lists an interface when its link is up, a moment after it was asked for.
for (let waited = 0; !multicastAddresses().includes(address); waited++) {
  if (waited > 6000) throw new Error(`eth0 with ${address} does not come up`);
  await new Promise((resolve) => setTimeout(resolve, 10));
}

const disk = new NodeDisk();
const { certificate, key, fingerprint } = await new ApplianceCertificate(
  { stateDirectory: state, serial, servername: 'dks-hsm' },
  { clock, disk, random: new SystemRandom(), log },
).current();
for (const port of [8080, 8081])
  await new Promise<void>((resolve) => tls.createServer({ key, cert: certificate }).listen(port, address, resolve));
const appliance = new FakeAppliance({ ...STATES['ready'], address, fingerprint });
const announcer = new Announcer({}, { appliance: { identity: { ...appliance.identity, serial }, getState: () => appliance.getState(), watch: (changed) => appliance.watch(changed) }, log, clock }); // prettier-ignore
announcer.announce();
announcer.announce();
console.log(`ready ${fingerprint}`);
for (let line = await lines.next(); line.done !== true && line.value !== 'end'; line = await lines.next()) {
  if (line.value === 'withdraw') await announcer.withdraw();
  else announcer.announce();
  console.log('done');
}
process.exit(0);
