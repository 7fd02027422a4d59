import { SignetError } from '../../base/error.ts';
import type { UpdatePart } from '../appliance/appliance.ts';
import type { CommandContext, ConsoleCommand } from './command.ts';
import { printableText, warning } from './console-text.ts';
import { TransferCode, receiveFile, sendFile } from './transfer.ts';

/** Octets of an update, and of a backup: more is a mistake. */
const LARGEST_UPDATE = 256 << 20;
const LARGEST_BACKUP = 64 << 20;

/** Updates, mirroring and backups, the end of work. */
export const MAINTENANCE_COMMANDS: readonly ConsoleCommand[] = [
  {
    words: 'update hsm',
    right: 'update HSM',
    usage: '<path of DKEY-HSM-UPDATE-....tar.gz.signed>',
    help: 'installs a signed update, which is fetched from your end',
    arity: [1, 1],
    run: updateHsm,
  },
  ...(['firmware', 'bootloader', 'fpga', 'tamper'] as const).flatMap((part) =>
    // The vendor's later software puts the word cryptech between.
    [`update ${part}`, `update cryptech ${part}`].map((words) => reinstall(words, part)),
  ),
  {
    words: 'sync cache',
    usage: '',
    help: 'compares the keys of all devices and mirrors what should be mirrored',
    run: async ({ operator, say }) => {
      say('Building HSM Cache');
      await operator.synchronize((line) => say(printableText(line)));
      say('Cache generated');
    },
  },
  {
    words: 'sync oneway',
    usage: '<source> <destination> <most keys, 0: all>',
    help: 'copies exportable keys from one device to another',
    arity: [3, 3],
    run: async ({ operator, say }, args) => {
      const [from, to, limit] = args.map(Number);
      if (!areWhole(from, to, limit))
        return say('Error: give three numbers: source device, destination device, most keys (0: all)');
      say(`Preparing oneway sync transfer from ${from} to ${to}`);
      const count = await operator.copyKeys(from, to, limit, (line) => say(printableText(line)));
      say(`One way backup from ${from} to ${to} complete: ${count} keys`);
    },
  },
  {
    words: 'sync twoway',
    usage: '<device> <device> <most keys, 0: all>',
    help: 'copies exportable keys between two devices, both ways',
    arity: [3, 3],
    run: async ({ operator, say }, args) => {
      const [one, other, limit] = args.map(Number);
      if (!areWhole(one, other, limit)) return say('Error: give three numbers: two devices, most keys (0: all)');
      say(`Preparing twoway sync transfer between ${one} and ${other}`);
      const there = await operator.copyKeys(one, other, limit, (line) => say(printableText(line)));
      const back = await operator.copyKeys(other, one, limit, (line) => say(printableText(line)));
      say(`Two way backup between ${one} to ${other} complete: ${there} and ${back} keys`);
    },
  },
  {
    words: 'sync external import_setup',
    usage: '<device>',
    help: 'makes the key-encryption key of a backup, and sends its public half to your end',
    arity: [1, 1],
    run: async (context, [device]) => {
      const { terminal, operator, say } = context;
      const index = deviceOf(context, device);
      if (index === undefined) return;
      if (
        !(await terminal.confirm(
          `Are you sure you want to generate a KEKEK\nfor device:${index} for an import operation?`,
        ))
      )
        return say('Nothing was made.');
      const path = await askPath(context, 'Path of the setup.json to write at your end: ');
      if (path === undefined) return;
      await sendFile(terminal, TransferCode.LOCAL_KEKEK, path, await operator.makeBackupSetup(index));
      say('HSM: The KEKEK was sent successfully.');
    },
  },
  {
    words: 'sync external export',
    usage: '<device>',
    help: 'makes a backup of the exportable keys under the key of a setup.json',
    arity: [1, 1],
    run: async (context, [device]) => {
      const { terminal, operator, say } = context;
      const index = deviceOf(context, device);
      if (index === undefined) return;
      const setup = await askPath(context, 'Path of the setup.json of the other HSM: ');
      const path = setup && (await askPath(context, 'Path of the export.json to write at your end: '));
      if (setup === undefined || path === undefined) return;
      const kekek = await receiveFile(terminal, TransferCode.REMOTE_KEKEK, setup, LARGEST_BACKUP);
      say('Transfer complete\nReceived KEKEK. This may take a while.');
      const backup = await operator.exportBackup(index, kekek, (line) => say(printableText(line)));
      await sendFile(terminal, TransferCode.EXPORT_DATA, path, backup);
      say('HSM: The backup was sent successfully.');
    },
  },
  {
    words: 'sync external import',
    usage: '<device>',
    help: 'takes keys from the export.json of another HSM',
    arity: [1, 1],
    run: async (context, [device]) => {
      const { terminal, operator, say } = context;
      const index = deviceOf(context, device);
      if (index === undefined) return;
      const path = await askPath(context, 'Path of the export.json of the other HSM: ');
      if (path === undefined) return;
      const backup = await receiveFile(terminal, TransferCode.IMPORT_DATA, path, LARGEST_BACKUP);
      say('Transfer complete\nHSM: Import data received. This may take a while.');
      const count = await operator.importBackup(index, backup, (line) => say(printableText(line)));
      say(`HSM: Import complete: ${count} keys.`);
    },
  },
  {
    words: 'lockout list',
    usage: '',
    help: 'lists who has to wait after wrong PINs',
    run: async ({ operator, clock, say }) => {
      const locked = await operator.listLockOuts();
      if (locked.length === 0) return say('Nobody is locked out.');
      for (const { what, failures, until } of locked) {
        const waits = until > clock.now() ? `waits until ${new Date(1000 * until).toISOString()}` : 'may try again';
        say(`${guardedText(what)}: ${failures} wrong PIN${failures === 1 ? '' : 's'}, ${waits}`);
      }
    },
  },
  {
    words: 'lockout clear',
    usage: '[<wheel|so|user> | <address>]',
    help: 'lifts lock-outs: of a role, of an address, or all',
    arity: [0, 1],
    choices: ['wheel', 'so', 'user'],
    run: async ({ operator, say }, [word]) => {
      const role = (['wheel', 'so', 'user'] as const).find((one) => one === word?.toLowerCase());
      const lifted = await operator.liftLockOut(role ? { role } : word === undefined ? {} : { peer: word });
      say(`${lifted} lock-outs were lifted.`);
    },
  },
  {
    words: 'debug flash system led',
    usage: '',
    help: 'lets the SYSTEM light blink red for some seconds, to find the HSM in its rack',
    run: async ({ operator, say }) => {
      await operator.flashLeds();
      say('OK');
    },
  },
  {
    words: 'shutdown',
    usage: 'YesIAmSure',
    help: 'ends the HSM',
    arity: [1, 1],
    choices: ['YesIAmSure', 'restart'],
    run: async ({ operator, say }, [word]) => {
      if (word !== 'YesIAmSure') return say("Nothing was done: type 'shutdown YesIAmSure'.");
      say('Shutting Down HSM');
      await operator.shutDown('stop');
    },
  },
  {
    words: 'shutdown restart',
    usage: 'YesIAmSure',
    help: 'ends the HSM and starts it again',
    arity: [1, 1],
    choices: ['YesIAmSure'],
    run: async ({ operator, say }, [word]) => {
      if (word !== 'YesIAmSure') return say("Nothing was done: type 'shutdown restart YesIAmSure'.");
      say('Restarting HSM');
      await operator.shutDown('restart');
    },
  },
];

function reinstall(words: string, part: UpdatePart): ConsoleCommand {
  return {
    words,
    right: `update ${part}`,
    usage: '',
    help: `installs the ${part} of the devices again, from what is inside the HSM`,
    run: async ({ terminal, operator, say }) => {
      terminal.write(
        warning([
          `UPDATE ${part.toUpperCase()} WARNING!`,
          'This is not needed under most circumstances. Keys and PINs stay.',
        ]),
      );
      if (!(await terminal.confirm(`Would you like to install the ${part} again?`)))
        return say('Nothing was installed.');
      await operator.reinstall(part);
      say(
        part === 'tamper'
          ? 'The tamper was installed again. Each watchdog takes it at its next start: now, the master key would be lost with it.'
          : `The ${part} was installed again; the devices were restarted one after the other.`,
      );
    },
  };
}

async function updateHsm(context: CommandContext, [path]: readonly string[]): Promise<void> {
  const { terminal, operator, say } = context;
  if (path.includes('~')) return say("You cannot use '~' in the path. You must use the full path.");
  if (!path.endsWith('.tar.gz.signed'))
    return say("You must use a '.tar.gz.signed' file from Diamond Key Security, NFP, or of 'hsmd make-update'");
  say('The HSM is preparing to receive an update');
  const octets = await receiveFile(terminal, TransferCode.UPDATE, path, LARGEST_UPDATE);
  let outcome;
  try {
    outcome = await operator.installUpdate(octets, { isOlderAllowed: false });
  } catch (error) {
    if (!(error instanceof SignetError) || error.code !== 'UPDATE_OLDER') throw error;
    say(error.message);
    if (!(await terminal.confirm('Would you like to install it all the same?'))) return say('Nothing was installed.');
    outcome = await operator.installUpdate(octets, { isOlderAllowed: true });
  }
  say('File transfer complete and verified.');
  say(`Received ${octets.length} bytes`);
  say(
    `Version ${outcome.version} with ${outcome.parts.join(', ')} takes the place of ${outcome.previous} at the next start.`,
  );
  if (!(await terminal.confirm('The HSM will need to restart. Would you like to restart now?'))) return;
  say('Restarting HSM');
  await operator.shutDown('restart');
}

async function askPath({ terminal, say }: CommandContext, question: string): Promise<string | undefined> {
  const path = (await terminal.readLine(`\n${question}`))?.trim();
  if (path !== undefined && path !== '') return path;
  say('Given up: nothing was done.');
  return undefined;
}

function deviceOf({ appliance, say }: CommandContext, text: string): number | undefined {
  const { devices } = appliance.getState();
  if (/^\d{1,3}$/.test(text) && devices.some(({ index }) => index === Number(text))) return Number(text);
  say(`Error: there is no device '${text}': they are numbered from 0 to ${devices.length - 1}`);
  return undefined;
}

function areWhole(...numbers: readonly number[]): boolean {
  return numbers.every((one) => Number.isInteger(one) && one >= 0);
}

/** A name of the login guard, "peer console 192.0.2.7" or "role rpc 0 user", for people. */
function guardedText(what: string): string {
  const [kind, face, ...rest] = what.split(' ');
  const where = face === 'rpc' ? 'on the RPC port' : `at the ${face}`;
  if (kind === 'peer') return printableText(`address ${rest.join(' ')} ${where}`);
  const [partition, role] = rest;
  return printableText(`'${role}' ${where}${partition === '0' ? '' : `, partition ${partition}`}`);
}
