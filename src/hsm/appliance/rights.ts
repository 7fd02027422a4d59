import type { Role } from '../hal-constants.ts';
import type { Need } from '../protocol/functions.ts';
import type { Settings } from './settings.ts';

/**
 * Who may do what, as data: the appliance asks it, the tests walk through it, and docs/hsm-rights.md is made from it.
 */

/** What a console command asks of the person who types it. */
export interface CommandRight {
  /** As typed, without arguments; a command stands for those that begin with its words unless these have a line of their own. */
  readonly command: string;
  readonly wheel: boolean;
  /** For `so`, where ENABLE_SO_CONSOLE lets this role log in to the console at all. */
  readonly so: boolean;
  /**
   * PINs that must be entered again right before. `both`: those of so and wheel under ENABLE_TWO_PERSON_RULE, else none; `wheel`: the same,
   * else wheel's; `so`: that of so under the rule, else none.
   */
  readonly again: 'none' | 'wheel' | 'both' | 'so';
  /** What it does, in few words. */
  readonly what: string;
}

/** Diamond-HSM manual sections 2.3 and 4.2, and what the vendor's console has beside. */
export const COMMAND_RIGHTS = [
  right('help', 'all', 'none', 'lists the commands'),
  right('logout', 'all', 'none', 'ends the login'),
  right('show', 'all', 'none', 'shows devices, addresses, settings, LEDs, log and so on'),
  right('list keys', 'all', 'none', 'lists the keys of each device'),
  right('lockout list', 'all', 'none', 'lists who has to wait after wrong PINs'),
  right('lockout clear', 'wheel', 'none', 'lifts lock-outs'),
  right('set pin wheel', 'wheel', 'none', 'changes the PIN of wheel'),
  // A wheel that could put in a PIN of its own for so would be both persons.
  right('set pin so', 'wheel', 'so', 'changes the PIN of so'),
  right('set pin user', 'all', 'none', 'changes the PIN of user'),
  right('set ip', 'wheel', 'none', 'sets how the appliance gets its address'),
  right('set rpc', 'wheel', 'none', 'chooses the device of new RPC connections'),
  right('set firewall settings', 'wheel', 'none', 'sets who may connect'),
  right('set', 'wheel', 'none', 'changes a setting'),
  right('set ENABLE_TWO_PERSON_RULE', 'wheel', 'both', 'switches the two-person rule'),
  right('set ENABLE_KEY_EXPORT', 'wheel', 'both', 'lets keys leave the appliance, wrapped'),
  right('masterkey status', 'all', 'none', 'tells on which devices a master key is set'),
  right('masterkey set', 'wheel', 'both', 'sets the master key of all devices'),
  right('masterkey erase', 'wheel', 'both', 'clears the master key of all devices'),
  right('keystore erase', 'wheel', 'both', 'deletes all keys'),
  right('restore', 'wheel', 'both', 'goes back to the settings of the factory'),
  right('sync', 'wheel', 'none', 'compares the devices and mirrors keys between them'),
  right('sync external import_setup', 'wheel', 'both', 'makes the key-encryption key of a backup'),
  right('sync external export', 'wheel', 'both', 'makes a backup of the exportable keys'),
  right('sync external import', 'wheel', 'both', 'takes keys from a backup'),
  right('update HSM', 'wheel', 'wheel', 'installs a signed update'),
  right('update firmware', 'wheel', 'wheel', 'installs the firmware of the devices again'),
  right('update bootloader', 'wheel', 'wheel', 'installs the bootloader of the devices again'),
  right('update fpga', 'wheel', 'wheel', 'installs the bit stream of the devices again'),
  right('update tamper', 'wheel', 'wheel', 'installs the program of the tamper circuits again'),
  right('tamper check', 'all', 'none', 'tells whether a device was tampered with'),
  right('tamper faults', 'all', 'none', 'tells what the sensors saw'),
  right('tamper extended faults', 'all', 'none', 'tells what the sensors saw, with values and times'),
  right('tamper config status', 'all', 'none', 'tells whether the tamper circuits watch'),
  right('tamper get', 'all', 'none', 'reads a sensor'),
  right('tamper set', 'wheel', 'both', 'sets thresholds, enables and disables sensors, arms the circuits'),
  right('tamper test', 'wheel', 'both', 'raises a tamper event, which clears the master keys'),
  right('tamper reset', 'wheel', 'both', 'ends the state after a tamper event'),
  right('battery set', 'wheel', 'both', 'watches the battery, or not'),
  right('debug', 'wheel', 'none', 'helps to find the appliance and its faults'),
  right('shutdown', 'wheel', 'none', 'ends or restarts the appliance'),
] as const satisfies readonly CommandRight[];

/** A command that has a line of its own in the table. */
export type Command = (typeof COMMAND_RIGHTS)[number]['command'];

/** The line for what was typed, the longest that fits: `set pin so` for "set pin so 1234". undefined: no such command. */
export function commandRight(typed: string): CommandRight | undefined {
  const words = typed.trim().split(/\s+/);
  let best: CommandRight | undefined;
  let bestLength = 0;
  for (const one of COMMAND_RIGHTS) {
    const own = one.command.split(' ');
    if (own.length > bestLength && own.every((word, i) => word === words[i])) {
      best = one;
      bestLength = own.length;
    }
  }
  return best;
}

/** Whether the role may log in to the console: wheel, and so by setting (Diamond-HSM manual section 2.3.1). */
export function mayUseConsole(role: Role, settings: Settings): boolean {
  return role === 'wheel' || (role === 'so' && settings.ENABLE_SO_CONSOLE);
}

export function mayRun(command: CommandRight, role: Role, settings: Settings): boolean {
  return mayUseConsole(role, settings) && (role === 'wheel' ? command.wheel : command.so);
}

/**
 * The roles whose PINs must be entered again, in that order: the other person first.
 * @param isSoReady so has a PIN; before that there is no second person, as in the first set-up
 */
export function rolesToConfirm(
  { again }: CommandRight,
  settings: Settings,
  isSoReady: boolean,
): readonly ('so' | 'wheel')[] {
  const isRuled = settings.ENABLE_TWO_PERSON_RULE;
  switch (again) {
    case 'none':
      return [];
    case 'so':
      return isRuled && isSoReady ? ['so'] : [];
    case 'wheel':
      return isRuled && isSoReady ? ['so', 'wheel'] : ['wheel'];
    case 'both':
      if (!isRuled) return [];
      return isSoReady ? ['so', 'wheel'] : ['wheel'];
  }
}

/** What the RPC port lets a role do, once the HSM is unlocked: `yes`, `no`, or under which condition. */
export interface FunctionRight {
  readonly nobody: string;
  readonly user: string;
  readonly so: string;
  readonly wheel: string;
}

const VOLATILE_PUBLIC = 'volatile public objects of its own';
const HANDLES = 'handles of its own; the device looks at the key';

/** By what src/hsm/protocol/functions.ts says that a function needs. Keys are those of the partition of the login. */
export const NEED_RIGHTS: Readonly<Record<Need, FunctionRight>> = {
  'nothing, always': { nobody: 'yes, also while locked', user: 'yes', so: 'yes', wheel: 'yes' },
  nothing: { nobody: 'yes', user: 'yes', so: 'yes', wheel: 'yes' },
  'write access': { nobody: VOLATILE_PUBLIC, user: 'yes', so: VOLATILE_PUBLIC, wheel: 'yes' },
  'user or wheel': { nobody: 'no', user: 'yes', so: 'no', wheel: 'yes' },
  handle: { nobody: HANDLES, user: HANDLES, so: HANDLES, wheel: HANDLES },
  wheel: { nobody: 'no', user: 'no', so: 'no', wheel: 'yes' },
  'wheel, or so for user': { nobody: 'no', user: 'no', so: 'for user', wheel: 'yes' },
  nobody: { nobody: 'no', user: 'no', so: 'no', wheel: 'no' },
};

function right<const Name extends string>(
  command: Name,
  who: 'all' | 'wheel',
  again: CommandRight['again'],
  what: string,
): CommandRight & { readonly command: Name } {
  return { command, wheel: true, so: who === 'all', again, what };
}
