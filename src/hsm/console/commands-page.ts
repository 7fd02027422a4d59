import { commandRight, type CommandRight } from '../appliance/rights.ts';
import { CONSOLE_COMMANDS } from './commands.ts';

/** docs/hsm-console.md: every command with what it does and who may. */
export function consolePage(): string {
  const rows = CONSOLE_COMMANDS.map(({ words, right = words, usage, help }) => {
    const typed = usage === '' ? words : `${words} ${usage}`;
    const { so, again } = commandRight(right)!;
    return `| \`${typed.replaceAll('|', '\\|')}\` | ${help} | ${so ? 'wheel, so' : 'wheel'} | ${AGAIN[again]} |`;
  });
  return `${HEAD}${rows.join('\n')}\n`;
}

const AGAIN: Readonly<Record<CommandRight['again'], string>> = {
  none: '',
  wheel: 'wheel; so too under the two-person rule',
  both: 'so and wheel under the two-person rule',
  so: 'so under the two-person rule',
};

const HEAD = `# The console of the HSM

\`dks_setup_console\` connects to the console (TLS, port 8081) of the HSM that \`hsm.conf\` names. It checks the name, the serial number and the key of the
HSM before it sends anything; a key that nobody has vouched for is shown, to be compared with the one on the status page of the HSM.
\`dks_setup_console --batch FILE\` types the lines of a file, each after a prompt, PINs included: keep such a file as you would keep the PINs.

At the prompt \`Diamond-HSM >\`: TAB completes a command, arrows walk through the history (lines that held a PIN or a master key are not in it),
Ctrl-A and Ctrl-E go to the ends of the line, Ctrl-U empties it, and an empty line gives a question up. Several people can be logged in at once. Who types
nothing for as long as \`CONSOLE_IDLE_TIMEOUT\` says (900 seconds) is logged out; the HSM stays unlocked.

Files (updates, backups) go over the same connection: the path is one at your end. The client reads and writes only files that were typed in
the same session, and overwrites none.

\`so\` logs in to the console only where \`ENABLE_SO_CONSOLE\` is set. "PINs again": those that are asked for right before the command, the other person's first;
before \`so\` has a PIN, that of \`wheel\` alone. Commands are taken in any case.

| command | what it does | who | PINs again |
|---|---|---|---|
`;
