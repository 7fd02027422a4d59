import { checkFixedAddress, type FixedAddress } from '../appliance/fixed-address.ts';
import { SETTING_NAMES, parseSetting, settingHelp, settingNamed, settingWords } from '../appliance/settings-table.ts';
import type { SettingName } from '../appliance/settings.ts';
import type { CommandContext, ConsoleCommand } from './command.ts';
import { firewallLines } from './console-text.ts';

/** Settings, the network and the firewall. */
export const SET_COMMANDS: readonly ConsoleCommand[] = [
  ...SETTING_NAMES.map((name): ConsoleCommand => ({
    words: `set ${name}`,
    usage: `<${settingWords(name)}>`,
    help: settingHelp(name),
    arity: [1, 1100],
    run: (context, args) => change(context, name, args.join(' ')),
  })),
  // Names that the vendor's software has for the same.
  {
    words: 'set',
    usage: '<SETTING> <value>',
    help: "changes a setting of 'show settings'",
    arity: [0, 1100],
    run: async (context, [word = '', ...value]) => {
      if (word === '')
        return context.say(
          "'set' takes a setting and its value: 'help set' tells what there is, 'show settings' what is set.",
        );
      const name = settingNamed(word);
      if (name === undefined) return context.say(`There is no setting '${word}': 'show settings' lists them.`);
      return change(context, name, value.join(' '));
    },
  },
  {
    words: 'set rpc',
    usage: '<device number|auto>',
    help: 'chooses the device of new RPC connections',
    arity: [1, 1],
    choices: ['auto'],
    run: async ({ operator, say }, [word]) => {
      if (!/^(?:auto|\d{1,2})$/i.test(word))
        return say(`invalid argument "${word}": give the number of a device, or auto`);
      await operator.setSetting('RPC_DEVICE', word);
      const device = operator.getSettings().RPC_DEVICE;
      say(`RPC is now: ${device === undefined ? 'auto' : `RPC${device}`}`);
    },
  },
  {
    words: 'set ip',
    usage: '<dhcp|static|host>',
    help: 'sets how the HSM gets its address',
    arity: [1, 1],
    choices: ['dhcp', 'static', 'host'],
    run: async (context, [word]) => {
      const { terminal, operator, say } = context;
      switch (word.toLowerCase()) {
        case 'dhcp':
        case 'host': {
          const mode = word.toLowerCase();
          const what = mode === 'dhcp' ? 'use DHCP' : 'take the addresses of the host as they are';
          if (!(await terminal.confirm(`Would you like to set the HSM to ${what}?`)))
            return say('Nothing was changed.');
          await operator.setSetting('IP_MODE', mode);
          say(mode === 'dhcp' ? 'DHCP set successfully.' : 'The addresses of the host are used.');
          return offerRestart(context);
        }
        case 'static':
          return setStatic(context);
        default:
          return say(`'${word}' is not a way to get an address: give dhcp, static or host`);
      }
    },
  },
  {
    words: 'set firewall settings',
    usage: '<mgmt|data|web> [<rule>]',
    help: 'sets who may connect to a port',
    arity: [1, 1100],
    choices: ['mgmt', 'data', 'web'],
    run: setFirewall,
  },
];

async function change({ operator, say }: CommandContext, name: SettingName, value: string): Promise<void> {
  if (value === '') return say(`${name} takes ${settingWords(name)}`);
  const { needsRestart } = await operator.setSetting(name, value);
  say(`${name} set to ${value}`);
  if (needsRestart)
    say("It holds after a restart: 'shutdown restart YesIAmSure'. The master key does not need to be set again then.");
}

async function setStatic(context: CommandContext): Promise<void> {
  const { terminal, operator, say } = context;
  const questions = [
    ['IP_ADDRESS', 'Please enter the IP address. (ex. 192.0.2.10) '],
    ['IP_NETMASK', 'Please enter the net mask. (ex. 255.255.255.0) '],
    ['IP_BROADCAST', 'Please enter the broadcast address. (blank: the last one of the net) '],
    ['IP_GATEWAY', 'Please enter the gateway. (blank: none) '],
  ] as const;
  const answers: [SettingName, string][] = [];
  for (const [name, question] of questions) {
    const answer = (await terminal.readLine(`\n${question}`))?.trim();
    const isNeeded = name === 'IP_ADDRESS' || name === 'IP_NETMASK';
    if (answer === undefined || (answer === '' && isNeeded)) return notSet(say);
    // A fault is told here: half of the answers must not be kept.
    parseSetting(name, answer);
    answers.push([name, answer === '' ? 'none' : answer]);
  }
  // Each was looked at alone; together they must make a network that the HSM can be reached in.
  checkFixedAddress(
    Object.fromEntries(answers.map(([name, answer]) => [name, parseSetting(name, answer)])) as unknown as FixedAddress,
  );
  for (const [name, answer] of answers) say(`${name.slice(3).toLowerCase().padEnd(10)} ${answer}`);
  if (!(await terminal.confirm('Are these settings correct?'))) return notSet(say);
  for (const [name, answer] of answers) await operator.setSetting(name, answer);
  await operator.setSetting('IP_MODE', 'static');
  say('Static IP set successfully.');
  return offerRestart(context);
}

function notSet(say: CommandContext['say']): void {
  say("Static IP not set.\nPlease use 'set ip static' to try again.");
}

async function offerRestart({ terminal, operator, say }: CommandContext): Promise<void> {
  if (!(await terminal.confirm('The HSM will need to restart. Would you like to restart now?')))
    return say("It holds after the next restart: 'shutdown restart YesIAmSure'.");
  say('Restarting HSM');
  await operator.shutDown('restart');
}

const FIREWALL_SETTINGS = { mgmt: 'FIREWALL_MGMT', data: 'FIREWALL_DATA', web: 'FIREWALL_WEB' } as const;

async function setFirewall(context: CommandContext, [port, ...inline]: readonly string[]): Promise<void> {
  const { terminal, operator, say } = context;
  const name = Object.entries(FIREWALL_SETTINGS).find(([one]) => one === port.toLowerCase())?.[1];
  if (name === undefined) return say("Expected 'mgmt', 'data', or 'web'");
  let rule: string | undefined = inline.join(' ');
  if (rule === '') {
    for (const line of firewallLines(port, operator.getSettings()[name])) say(line);
    if (!(await terminal.confirm('Would you like to change this?'))) return say('Firewall settings not changed.');
    rule = await askRule(context);
    if (rule === undefined || !(await terminal.confirm('Are these settings correct?')))
      return say('Firewall settings not changed.');
  }
  await operator.setSetting(name, rule);
  for (const line of firewallLines(port, operator.getSettings()[name])) say(line);
  say('New connections are checked by it; those that exist go on.');
}

async function askRule({ terminal, say }: CommandContext): Promise<string | undefined> {
  say('What would you like to change this to?');
  for (const line of [
    'A - (A)ccept all',
    'R - IP address (R)ange',
    'L - IP address (L)ist',
    'B - (B)lock all connections',
  ])
    say(` ${line}`);
  const answer = (await terminal.readLine("\n\n'A', 'R', 'L', or 'B' > "))?.trim().toUpperCase();
  switch (answer) {
    case 'A':
      return 'accept';
    case 'B':
      return 'block';
    case 'R': {
      const first = (await terminal.readLine('\nFirst address of the range: '))?.trim();
      const last = (await terminal.readLine('\nLast address of the range: '))?.trim();
      return first === undefined || last === undefined ? undefined : `range ${first} ${last}`;
    }
    case 'L': {
      const addresses: string[] = [];
      for (let i = 0; i < 1024; i++) {
        const address = (
          await terminal.readLine('\nPlease enter one IP address at a time. Enter 0 when done. > ')
        )?.trim();
        if (address === undefined) return undefined;
        if (address === '0' || address === '') break;
        addresses.push(address);
      }
      return `list ${addresses.join(' ')}`;
    }
    default:
      return undefined;
  }
}
