/** An hsmd in miniature that supervision.test kills: starts one device, sets its master key, says so, goes on. */
import { SystemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { NodeDisk } from '../../../src/base/node-disk.ts';
import { ProcessSupervision } from '../../../src/hsm/supervision/process-supervision.ts';
import { CHEAP, setUp } from '../device/bench-device.ts';

const [, , stateDirectory, battery] = process.argv;
const supervision = new ProcessSupervision(
  { stateDirectory, count: 1, battery: battery === 'battery', memory: 'process', scrypt: CHEAP },
  { clock: new SystemClock(), disk: new NodeDisk(), log: silentLog },
);
await supervision.start();
const [{ device, watchdog }] = supervision.devices;
await setUp(device);
console.log(JSON.stringify({ device: (await device.getStatus()).pid, watchdog: (await watchdog.getStatus()).pid }));
