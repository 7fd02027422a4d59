import type { ConsoleCommand } from './command.ts';
import { usageLine } from './command.ts';
import { KEY_COMMANDS } from './commands-keys.ts';
import { MAINTENANCE_COMMANDS } from './commands-maintenance.ts';
import { SET_COMMANDS } from './commands-set.ts';
import { SHOW_COMMANDS } from './commands-show.ts';
import { TAMPER_COMMANDS } from './commands-tamper.ts';

const HELP: ConsoleCommand = {
  words: 'help',
  usage: '[<words>]',
  help: 'lists the commands, or those that begin so',
  arity: [0, 8],
  run: async ({ commands, say }, words) => {
    const begin = words.join(' ').toLowerCase();
    const listed = commands.filter((one) => one.words.toLowerCase().startsWith(begin));
    if (listed.length === 0) return say(`No command begins with '${begin}'.`);
    say('Usage:');
    for (const one of listed) say(usageLine(one));
    say('-------');
  },
};

/** `logout` is obeyed by the session itself. */
const LOGOUT: readonly ConsoleCommand[] = ['logout', 'exit'].map((words) => ({
  words,
  right: 'logout',
  usage: '',
  help: 'ends the login; the HSM stays as it is',
  run: async ({ operator }) => operator.logout(),
}));

/** Every command of the console: help, completion, rights and docs/hsm-console.md come from here. */
export const CONSOLE_COMMANDS: readonly ConsoleCommand[] = [
  HELP,
  ...LOGOUT,
  ...SHOW_COMMANDS,
  ...KEY_COMMANDS,
  ...SET_COMMANDS,
  ...MAINTENANCE_COMMANDS,
  ...TAMPER_COMMANDS,
].toSorted((one, other) => (one.words.toLowerCase() < other.words.toLowerCase() ? -1 : 1));
