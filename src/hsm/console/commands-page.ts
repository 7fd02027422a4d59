import { commandRight, type CommandRight } from '../appliance/rights.ts';
import {
  DEFAULT_SETTINGS,
  formatSetting,
  SETTING_NAMES,
  settingHelp,
  settingNeedsRestart,
  settingWords,
} from '../appliance/settings-table.ts';
import { CONSOLE_COMMANDS } from './commands.ts';

/** docs/hsm-console.md: every command with what it does and who may. */
export function consolePage(): string {
  const listed = CONSOLE_COMMANDS.filter(({ words }) => !SETTING_NAMES.some((name) => words === `set ${name}`));
  const rows = listed.map(({ words, right = words, usage, help }) => {
    const typed = usage === '' ? words : `${words} ${usage}`;
    const { so, again } = commandRight(right)!;
    return `| \`${typed.replaceAll('|', '\\|')}\` | ${help} | ${so ? 'wheel, so' : 'wheel'} | ${AGAIN[again]} |`;
  });
  const settings = SETTING_NAMES.map((name) => {
    const when = settingNeedsRestart(name) ? 'the next start' : 'at once';
    const initial = formatSetting(name, DEFAULT_SETTINGS[name]);
    return `| \`${name}\` | ${settingWords(name)} | ${initial} | ${settingHelp(name)} | ${when} |`;
  });
  return `${HEAD}${rows.join('\n')}\n${SETTINGS_HEAD}${settings.join('\n')}\n`;
}

const AGAIN: Readonly<Record<CommandRight['again'], string>> = {
  none: '',
  wheel: 'wheel; so too under the two-person rule',
  both: 'so and wheel under the two-person rule',
  so: 'so under the two-person rule',
};

const HEAD = `# The console of the HSM

\`dks_setup_console\` connects to the console (TLS, port 8081) of the HSM that \`hsm.conf\` names. It checks the name, the serial number and the key of the
HSM before it sends anything; a key that nobody has vouched for is shown, to be compared with the one that the HSM itself shows ([where](hsm-status.md#the-certificate)).
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

const SETTINGS_HEAD = `
## Settings

wheel sets them by \`set NAME VALUE\`; \`show settings\` shows what is set, \`help set\` this list. \`set rpc\`, \`set ip\` and \`set firewall settings\` are the same by questions.
ENABLE_KEY_EXPORT and ENABLE_TWO_PERSON_RULE need the PINs of so and wheel again. \`restore\` brings the defaults back.

| setting | takes | default | what it does | holds |
|---|---|---|---|---|
`;
