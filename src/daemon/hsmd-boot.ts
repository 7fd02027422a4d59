/** What hsmd does before it is an appliance: become its user, and start the software of the slot that counts. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { replaceProcess } from '../base/process-image.ts';
import { applianceEvent } from '../hsm/appliance/events.ts';
import { checkContent } from '../hsm/update/slot-content.ts';
import type { SlotName, Slots } from '../hsm/update/slots.ts';
import { softwareSlots } from '../hsm/update/update-store.ts';
import { ownVersion } from '../hsm/update/version.ts';
import type { HsmdOptions } from './hsmd-options.ts';
import type { PackageFacts } from './hsmd-parts.ts';
import { findAccount } from './privileges.ts';

/** In the environment: the entry of the package, when the software of a slot runs. */
const PACKAGE_ENTRY = 'SIGNET_HSM_PACKAGE';
/** In the environment: the version of the package, then. */
const PACKAGE_VERSION = 'SIGNET_HSM_PACKAGE_VERSION';
/** In the environment: the slot that runs. */
const SLOT = 'SIGNET_HSM_SLOT';

/** The file that Node.js was started with; fileURLToPath of this module is another one in a checkout. */
function entry(): string {
  return fs.realpathSync(process.argv[1]);
}

/**
 * Goes on as the user, for good, with the right to open ports below 1024 and, with an interface of its own, to set its addresses:
 * setpriv(1) takes this process's place. Returns when this process is that user already.
 * @throws SignetError UNKNOWN_USER, PRIVILEGES
 */
export function becomeUser(name: string, options: Pick<HsmdOptions, 'state' | 'interface'>): void {
  const account = findAccount(name);
  if (process.getuid?.() === account.userId) return;
  if (process.getuid?.() !== 0)
    throw new SignetError('PRIVILEGES', `cannot become user '${name}': start hsmd as root or as that user`, {
      user: name,
    });
  makeStateFor(options.state, account);
  const keep = options.interface === undefined ? '+net_bind_service' : '+net_bind_service,+net_admin';
  const rights = `-all,${keep}`;
  const identity = [`--reuid=${account.userId}`, `--regid=${account.groupId}`, '--init-groups'];
  const setpriv = findSetpriv();
  for (const file of [process.execPath, entry()])
    if (spawnSync(setpriv, [...identity, '--', 'test', '-r', file]).status !== 0)
      throw new SignetError(
        'PRIVILEGES',
        `user '${name}' cannot read ${file}: install hsmd where all users can go (install.sh --server does), or start it by the command that was installed`,
        { user: name, file },
      );
  replaceProcess(setpriv, [
    'setpriv',
    ...identity,
    `--inh-caps=${rights}`,
    `--ambient-caps=${rights}`,
    `--bounding-set=${rights}`,
    '--no-new-privs',
    '--',
    process.execPath,
    ...process.execArgv,
    entry(),
    ...process.argv.slice(2),
  ]);
}

/**
 * Which software this process is to be. When it is that of a slot, and this is not, the slot's takes this process's place.
 * @throws SignetError UPDATE_SLOTS
 */
export function bootSlot(
  state: string,
  disk: Disk,
  log: Log,
): { readonly slot: SlotName | undefined; readonly version: string | undefined; readonly isTrial: boolean } {
  const slots = softwareSlots(state, disk);
  const running = process.env[SLOT];
  const { active } = slots;
  if (running !== undefined && running === active.slot)
    return { slot: active.slot, version: active.version, isTrial: active.state === 'trying' };
  if (isDamaged(slots, disk, log)) {
    if (running !== undefined) startPackage();
    return { slot: undefined, version: undefined, isTrial: false };
  }
  const { slot, givenUp } = slots.begin();
  if (givenUp !== undefined)
    log.write(applianceEvent.updateWarning(`update ${givenUp} did not start: the software of before is back`));
  if (slot === undefined) {
    if (running !== undefined) startPackage();
    return { slot: undefined, version: undefined, isTrial: false };
  }
  const file = path.join(slots.pathOf(slot), 'software', 'hsmd.js');
  // An update may bring parts for the devices alone.
  if (disk.facts(file) === undefined)
    return { slot, version: slots.active.version, isTrial: slots.active.state === 'trying' };
  log.write(applianceEvent.update(`starting the software of slot ${slot}, ${slots.active.version}`));
  const { entry: from, version } = packageFacts();
  const environment = { ...process.env, [PACKAGE_ENTRY]: from, [PACKAGE_VERSION]: version, [SLOT]: slot };
  replaceProcess(
    process.execPath,
    [process.execPath, ...process.execArgv, file, ...process.argv.slice(2)],
    environment,
  );
}

/** Whether what counts is not what was installed: a trial is given up, and nothing of the other is started. */
function isDamaged(slots: Slots, disk: Disk, log: Log): boolean {
  for (;;) {
    const { slot, version, digest, state } = slots.active;
    // Those that were installed by a version that kept no digest are started as they are.
    if (slot === undefined || digest === undefined) return false;
    try {
      checkContent(slots.pathOf(slot), digest, disk);
      return false;
    } catch (error) {
      log.write(
        applianceEvent.updateWarning(
          `update ${version} in slot ${slot} is damaged (${(error as Error).message}): it is not started; 'update HSM' installs it again`,
        ),
      );
    }
    if (state === 'good') return true;
    slots.rollBack();
  }
}

/** The software of before takes this process's place. */
export function giveUpSlot(slots: Slots, log: Log, why: string): void {
  const { version } = slots.active;
  slots.rollBack();
  log.write(applianceEvent.updateWarning(`update ${version} is given up: ${why}; the software of before is started`));
  startPackage();
}

/** What an operator's restart does: the same command line, from the beginning. */
export function startAnew(): never {
  return startPackage();
}

/** The package that this software was started by, or is. */
export function packageFacts(): PackageFacts {
  return { entry: packageEntry(), version: process.env[PACKAGE_VERSION] ?? ownVersion() };
}

function startPackage(): never {
  const environment = { ...process.env };
  delete environment[SLOT];
  delete environment[PACKAGE_ENTRY];
  delete environment[PACKAGE_VERSION];
  const words = [process.execPath, ...process.execArgv, packageEntry(), ...process.argv.slice(2)];
  return replaceProcess(process.execPath, words, environment);
}

function packageEntry(): string {
  return process.env[PACKAGE_ENTRY] ?? entry();
}

function findSetpriv(): string {
  for (const file of ['/usr/bin/setpriv', '/bin/setpriv']) if (fs.existsSync(file)) return file;
  throw new SignetError('PRIVILEGES', '--user needs the command setpriv (package util-linux)');
}

/** A state directory that root made is the user's; one that is there already stays as it is. */
function makeStateFor(state: string, { userId, groupId }: { readonly userId: number; readonly groupId: number }): void {
  if (fs.existsSync(state)) return;
  fs.mkdirSync(path.dirname(state), { recursive: true, mode: 0o755 });
  fs.mkdirSync(state, { mode: 0o700 });
  fs.chownSync(state, userId, groupId);
}
