/**
 * The HSM for bench/hsm.ts, as hsmd composes it: RPC port, pool, device and watchdog processes; open, with a user's PIN. Usage:
 * hsm-run.ts STATE-DIRECTORY DEVICES [MILLISECONDS]. With MILLISECONDS each device makes one signature after the other and spends so long on each, as
 * a chip does: waiting, not computing. Prints one line of JSON when it serves, ends when its standard input does.
 */
import { SystemClock } from '../src/base/clock.ts';
import { silentLog } from '../src/base/log.ts';
import { NodeDisk } from '../src/base/node-disk.ts';
import { SystemRandom } from '../src/base/random.ts';
import { DEFAULT_SETTINGS } from '../src/hsm/appliance/settings-table.ts';
import type { AuditLog } from '../src/hsm/audit/audit-log.ts';
import { ApplianceCertificate } from '../src/hsm/certificate/appliance-certificate.ts';
import { DEFAULT_WHEEL_PIN, type Mechanism } from '../src/hsm/hal-constants.ts';
import { HalStatus } from '../src/hsm/hal-status.ts';
import type { CryptoDevice, SignatureTaker } from '../src/hsm/device/crypto-device.ts';
import { DevicePool } from '../src/hsm/pool/device-pool.ts';
import { RpcListener } from '../src/hsm/rpc/rpc-listener.ts';
import { runDirectory } from '../src/hsm/state-directory.ts';
import { ProcessSupervision } from '../src/hsm/supervision/process-supervision.ts';
import { USER_PIN } from './hsm-kinds.ts';

/** Keys are on all devices. */
const MIRRORING = { ...DEFAULT_SETTINGS, ENABLE_EXPORTABLE_PRIVATE_KEYS: true };

const [, , stateDirectory, devices, serviceTime] = process.argv;
const identity = { serial: 'bench-0001', version: 'bench', servername: 'dks-hsm' };
const [clock, random, disk, log] = [new SystemClock(), new SystemRandom(), new NodeDisk(), silentLog];
const audit: AuditLog = { append: () => Promise.resolve(), ready: () => Promise.resolve() };

await using stack = new AsyncDisposableStack();
runDirectory(stateDirectory, disk);
const supervision = stack.use(
  new ProcessSupervision(
    { stateDirectory, count: Number(devices), battery: false, memory: 'process', scrypt: { logN: 10, r: 8, p: 1 } },
    { clock, disk, log },
  ),
);
await supervision.start();
const pool = stack.use(
  new DevicePool(
    {
      devices: supervision.devices.map(({ device }) =>
        serviceTime === undefined ? device : withServiceTime(device, Number(serviceTime)),
      ),
    },
    { clock, random, log, audit },
  ),
);

const masterKey = random.fill(new Uint8Array(32));
const WHEEL = 0x7fff0000;
for (const { device } of supervision.devices) {
  await device.login(WHEEL, 0, 'wheel', Buffer.from(DEFAULT_WHEEL_PIN));
  await device.setMasterKey(WHEEL, masterKey.slice());
  await device.logout(WHEEL);
}
for (const { index } of supervision.devices) await pool.markUp(index);
const operator = pool.newClient();
await pool.login(operator, 0, 'wheel', Buffer.from(DEFAULT_WHEEL_PIN));
await pool.setPin(operator, 0, 'user', Buffer.from(USER_PIN));
await pool.closeClient(operator);

const material = await new ApplianceCertificate(
  { stateDirectory, ...identity },
  { clock, disk, random, log },
).current();
const listener = stack.use(
  await RpcListener.listen(
    { address: '127.0.0.1', port: 0, tls: { ...material, minVersion: 'TLSv1.3' } },
    {
      pool,
      gate: { status: HalStatus.OK },
      guard: { attempt: (_who, login) => login() },
      firewall: { accepts: () => true },
      audit,
      identity,
      clock,
      random,
      log,
      settings: () => MIRRORING,
      deviceTexts: () => [],
      address: () => '127.0.0.1',
    },
  ),
);
process.stdout.write(
  `${JSON.stringify({ port: listener.local.port, fingerprint: material.fingerprint, ...identity })}\n`,
);
for await (const _ of process.stdin);

/** A device whose signatures take a time of their own, one after the other. */
function withServiceTime(device: CryptoDevice, milliseconds: number): CryptoDevice {
  let free = 0;
  const signFor = (
    client: number,
    uuid: string,
    mechanism: Mechanism,
    data: Uint8Array,
    taker: SignatureTaker,
  ): void => {
    // When it is done is counted from when it is free, so that what timers are late does not add up.
    free = Math.max(free, clock.monotonic()) + milliseconds;
    clock.after(free - clock.monotonic(), () => {
      device.sign(client, uuid, mechanism, data).then(
        (signature) => taker.signed(signature),
        (fault: unknown) => taker.refused(fault),
      );
    });
  };
  return new Proxy(device, {
    get(target, name) {
      if (name === 'signFor') return signFor;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
