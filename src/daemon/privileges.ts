import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { DiskError } from '../base/disk-error.ts';
import { SignetError } from '../base/error.ts';

/** A user to become. */
export interface Account {
  readonly name: string;
  readonly userId: number;
  readonly groupId: number;
}

/** Looks the user up as the system does (files, LDAP ...). Call it before chroot. @throws SignetError UNKNOWN_USER */
export function findAccount(name: string): Account {
  const unknown = (cause?: unknown): SignetError =>
    new SignetError('UNKNOWN_USER', `user '${name}' unknown`, { user: name }, cause);
  // Option -u of id(1) must not be what the user's name looks like.
  if (name === '' || name.startsWith('-')) throw unknown();
  try {
    const ask = (option: string): number =>
      Number(execFileSync('id', [option, '--', name], { encoding: 'latin1', stdio: ['ignore', 'pipe', 'ignore'] }));
    return { name, userId: ask('-u'), groupId: ask('-g') };
  } catch (cause) {
    throw unknown(cause);
  }
}

/**
 * Becomes the user for good, with all threads (the C library tells each of them). Sockets on ports below 1024 must be
 * bound before; after a change of addresses a restart is needed, unless the service manager grants CAP_NET_BIND_SERVICE.
 * @throws SignetError PRIVILEGES when this process may not
 */
export function becomeAccount(account: Account): void {
  if (process.getuid?.() === account.userId) return;
  try {
    initialiseGroups(account);
    process.setgid?.(account.groupId);
    process.setuid?.(account.userId);
  } catch (cause) {
    throw new SignetError(
      'PRIVILEGES',
      `cannot become user '${account.name}': start named as root or as that user`,
      { user: account.name },
      cause,
    );
  }
}

/** Makes a directory that the user will write in, such as /run/named after a boot. One that is there stays as it is. */
export function makeDirectoryFor(account: Account, directory: string): void {
  if (fs.existsSync(directory) || process.getuid?.() !== 0) return;
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o755 });
    fs.chownSync(directory, account.userId, account.groupId);
  } catch (cause) {
    throw new DiskError('make directory', directory, cause);
  }
}

/** initgroups(3); the type declarations of Node.js 26 lack it. */
function initialiseGroups({ name, groupId }: Account): void {
  const { initgroups } = process as typeof process & { initgroups?: (user: string, group: number) => void };
  initgroups?.call(process, name, groupId);
}
