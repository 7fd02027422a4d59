/** The command `hsmd`: the network HSM. */
import path from 'node:path';
import { SystemClock, type Timer } from '../base/clock.ts';
import { SignetError } from '../base/error.ts';
import { NodeDisk } from '../base/node-disk.ts';
import { processOutput } from '../base/process-output.ts';
import { loadProcessSecrets } from '../base/process-secrets.ts';
import { SystemRandom } from '../base/random.ts';
import { HsmLog } from '../hsm/appliance/hsm-log.ts';
import { applianceEvent } from '../hsm/appliance/events.ts';
import { checkStateDirectory } from '../hsm/state-directory.ts';
import { softwareSlots } from '../hsm/update/update-store.ts';
import { ownVersion } from '../hsm/update/version.ts';
import { runSensorCommand } from '../hsm/watchdog/sensor-command.ts';
import { HsmDaemon } from './hsm-daemon.ts';
import { becomeUser, bootSlot, giveUpSlot, packageFacts, startAnew } from './hsmd-boot.ts';
import { auditCommand, makeUpdateCommand, soPinCommand } from './hsmd-commands.ts';
import { partSources } from './hsmd-parts.ts';
import { DEFAULT_STATE, HSMD_USAGE, type HsmdOptions, readHsmdOptions } from './hsmd-options.ts';

/** Milliseconds for which an update may start before the software of before is started again. */
const TRIAL_LIMIT = 300_000;

/** Runs the command; resolves with its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const disk = new NodeDisk();
  const clock = new SystemClock();
  const commandLine = readHsmdOptions(argv, process.getuid?.() === 0);
  switch (commandLine.kind) {
    case 'refused':
      processOutput.complain(commandLine.text);
      return 2;
    case 'help':
      processOutput.print(HSMD_USAGE);
      return 0;
    case 'version':
      processOutput.print(`${ownVersion()}\n`);
      return 0;
    case 'audit':
      return auditCommand(commandLine.words, processOutput, disk);
    case 'so-pin':
      return soPinCommand(commandLine.words, processOutput, { disk, clock });
    case 'make-update':
      return makeUpdateCommand(commandLine.words, processOutput, { disk, now: () => clock.now() });
    case 'sensor':
      return await runSensorCommand(commandLine.words, {
        output: processOutput,
        clock,
        disk,
        defaultState: DEFAULT_STATE,
      });
    case 'run':
      try {
        return await run(commandLine.options);
      } catch (error) {
        if (!(error instanceof SignetError)) throw error;
        processOutput.complain(`hsmd: ${error.message}\n`);
        return 1;
      }
  }
}

async function run(options: HsmdOptions): Promise<number> {
  const disk = new NodeDisk();
  const clock = new SystemClock();
  if (options.user !== undefined) becomeUser(options.user, options);
  process.umask(0o077);
  process.title = 'hsmd';
  loadProcessSecrets().forbidDumps();
  checkStateDirectory(options.state, disk);
  using log = new HsmLog(path.join(options.state, 'hsmd.log'), {
    disk,
    milliseconds: Date.now,
    stderr: (text) => processOutput.complain(text),
  });
  const boot = bootSlot(options.state, disk, log);
  const slots = softwareSlots(options.state, disk);
  let trial: Timer | undefined;
  // An update is not to blame for a cable that is not plugged in.
  const awaitsAddress = (isWaiting: boolean): void => {
    trial?.cancel();
    if (!boot.isTrial || isWaiting) return;
    trial = clock.after(TRIAL_LIMIT, () => giveUpSlot(slots, log, `it was not ready after ${TRIAL_LIMIT / 1000} s`));
  };
  awaitsAddress(false);
  const daemon = new HsmDaemon(options, {
    awaitsAddress,
    disk,
    clock,
    random: new SystemRandom(),
    log,
    version: boot.version ?? ownVersion(),
    partSources: partSources(
      packageFacts(),
      boot.slot && { directory: slots.pathOf(boot.slot), version: boot.version ?? ownVersion() },
      disk,
    ),
  });
  process.on('uncaughtException', (error) => {
    log.write({
      severity: 'critical',
      category: 'hsm',
      text: `internal error, please report it: ${error.stack ?? error.message}`,
    });
    if (slots.active.state === 'trying') giveUpSlot(slots, log, error.message);
    process.exit(1);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => daemon.shutDown('stop'));
  process.on('SIGHUP', () => log.write(applianceEvent.update('SIGHUP: there is nothing to read again')));
  try {
    await daemon.start();
  } catch (error) {
    if (boot.isTrial) giveUpSlot(slots, log, (error as Error).message);
    throw error;
  }
  trial?.cancel();
  slots.confirm();
  const how = await daemon.ended;
  await daemon.stop(how);
  if (how === 'restart') startAnew();
  return 0;
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
