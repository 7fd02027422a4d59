import { printableText } from './console-text.ts';
import type { CommandContext, ConsoleCommand } from './command.ts';
import { DASHES, deviceHeading, firewallLines } from './console-text.ts';
import { SETTING_NAMES, formatSetting } from '../appliance/settings-table.ts';
import type { Led } from '../appliance/leds.ts';

/** What only looks. */
export const SHOW_COMMANDS: readonly ConsoleCommand[] = [
  {
    words: 'show devices',
    usage: '',
    help: 'lists the crypto devices with their state',
    run: async ({ appliance, operator, say }) => {
      say('Crypto devices of this HSM:');
      const { devices, whyLocked } = appliance.getState();
      for (const { index, condition, text, status, busy } of devices) {
        say(` > Device ${index}: ${text}${condition === 'up' ? '' : ` (${condition})`}`);
        if (status === undefined) continue;
        const { serial, version, pid, tokenKeys, volatileKeys, logins } = status;
        say(`     serial ${printableText(serial)}, version ${printableText(version)}, process ${pid ?? 'of hsmd'}`);
        say(
          `     ${tokenKeys} token keys, ${volatileKeys} session keys, ${logins} logins, ${busy} operations under way`,
        );
      }
      if (whyLocked.length === 0) return;
      say('The HSM is locked:');
      for (const why of whyLocked) say(` - ${why}`);
      if (operator.role === 'so') say(" - A login of 'so' does not unlock it: that takes 'wheel'.");
    },
  },
  {
    words: 'show key count',
    usage: '',
    help: 'counts the keys of each device',
    run: async ({ appliance, say }) => {
      say('Key Count: --------');
      for (const { index, status } of appliance.getState().devices)
        say(`--Device ${index} count == ${status === undefined ? 'unknown: it does not answer' : status.tokenKeys}`);
      say('--------');
    },
  },
  {
    words: 'show cache',
    usage: '',
    help: 'lists the keys with the devices that hold them',
    run: async ({ operator, say }) => {
      const holders = new Map<string, { readonly text: string; readonly devices: number[] }>();
      for (const { device, keys } of await operator.listKeys()) {
        for (const { uuid, type, flags } of keys) {
          const known = holders.get(uuid) ?? { text: `Type: ${type}, Flags: ${flags}`, devices: [] };
          known.devices.push(device);
          holders.set(uuid, known);
        }
      }
      for (const [uuid, { text, devices }] of holders) {
        say(DASHES);
        say(`UUID: ${uuid}, ${text}`);
        for (const device of devices) say(`-> ${uuid} in RPC:${device}`);
      }
      say(`${DASHES}\n${holders.size} keys`);
    },
  },
  {
    words: 'show fpga cores',
    usage: '',
    help: 'lists what computes in each device',
    run: async ({ appliance, say }) => {
      say('='.repeat(45));
      for (const { index, status } of appliance.getState().devices) {
        say(deviceHeading(index));
        if (status === undefined) say('does not answer');
        for (const [number, { name, version }] of (status?.cores ?? []).entries())
          say(`${number.toString(16).padStart(4, '0')}: ${printableText(name)} ${printableText(version)}`);
      }
      say('--------');
    },
  },
  {
    words: 'show leds',
    usage: '',
    help: 'shows the lights of the front panel',
    run: async ({ appliance, say }) => {
      const { leds } = appliance.getState();
      say(`POWER:  ${ledText(leds.power)}`);
      say(`SYSTEM: ${ledText(leds.system)}`);
      say(`TAMPER: ${ledText(leds.tamper)}`);
    },
  },
  {
    words: 'show status',
    usage: '',
    help: 'tells whether the HSM is locked, and why',
    run: async (context) => tellState(context),
  },
  {
    words: 'show rpc',
    usage: '',
    help: 'shows which device new RPC connections use',
    run: async ({ operator, say }) => {
      const device = operator.getSettings().RPC_DEVICE;
      say(`Current RPC mode: ${device === undefined ? 'auto' : `RPC${device}`}`);
    },
  },
  {
    words: 'show time',
    usage: '',
    help: 'shows the clock of the HSM, in UTC',
    run: async ({ clock, say }) =>
      say(new Date(1000 * clock.now()).toISOString().replace('T', ' ').slice(0, 19) + ' UTC'),
  },
  {
    words: 'show ipaddr',
    usage: '',
    help: 'shows the address of the HSM',
    run: async ({ operator, localAddress, say }) => {
      const { address, netmask, gateway, mode } = operator.network();
      say(mode === 'host' ? localAddress : (address ?? localAddress));
      if (mode === 'host') return say('(the addresses of the host as they are)');
      say(
        `net mask ${netmask ?? 'unknown'}, gateway ${gateway ?? 'none'}, by ${mode === 'dhcp' ? 'DHCP' : 'static settings'}`,
      );
    },
  },
  {
    words: 'show macaddr',
    usage: '',
    help: 'shows the hardware address of the interface in use',
    run: async ({ operator, say }) =>
      say(operator.network().hardwareAddress ?? 'The interface has no hardware address.'),
  },
  {
    words: 'show version',
    usage: '',
    help: 'shows the version of the software, and of what the devices run',
    run: async ({ appliance, say }) => {
      say(appliance.identity.version);
      for (const { index, programs } of appliance.getState().devices)
        for (const [part, { version, slot }] of Object.entries(programs ?? {}))
          say(` > Device ${index}: ${part} ${version} (${slot === undefined ? 'of the package' : `slot ${slot}`})`);
    },
  },
  {
    words: 'show serial-number',
    usage: '',
    help: 'shows the serial number of the HSM',
    run: async ({ appliance, say }) => say(appliance.identity.serial),
  },
  {
    words: 'show fingerprint',
    usage: '',
    help: 'shows the fingerprint of the TLS key, which clients pin',
    run: async ({ appliance, say }) => say(appliance.getState().fingerprint),
  },
  {
    words: 'show settings',
    usage: '',
    help: 'shows all settings',
    run: async ({ operator, say }) => {
      const settings = operator.getSettings();
      say('HSM Settings:\n');
      for (const name of SETTING_NAMES) say(`[${name}] = ${formatSetting(name, settings[name])}`);
    },
  },
  {
    words: 'show firewall settings',
    usage: '<mgmt|data|web>',
    help: 'shows who may connect to a port',
    arity: [1, 1],
    choices: ['mgmt', 'data', 'web'],
    run: async ({ operator, say }, [port]) => {
      const settings = operator.getSettings();
      const rules = { mgmt: settings.FIREWALL_MGMT, data: settings.FIREWALL_DATA, web: settings.FIREWALL_WEB };
      const rule = Object.entries(rules).find(([name]) => name === port.toLowerCase());
      if (rule === undefined) return say("Expected 'mgmt', 'data', or 'web'");
      for (const line of firewallLines(...rule)) say(line);
    },
  },
  {
    words: 'show log',
    usage: '',
    help: 'shows the last lines of the log',
    run: async ({ operator, say }) => {
      for await (const line of operator.showLog()) say(` > ${printableText(line)}`);
    },
  },
  {
    words: 'list keys',
    usage: '',
    help: 'lists the keys of each device by UUID',
    run: async ({ operator, say }) => {
      say('CrypTech Device UUIDs---');
      for (const { device, keys } of await operator.listKeys()) {
        say(`\nDevice:${device}------------`);
        for (const { uuid, type, label } of keys)
          say(`${uuid}  ${type}${label === '' ? '' : `  ${printableText(label)}`}`);
        say(`${keys.length} keys`);
      }
    },
  },
];

/** Each device's state, and why the HSM is locked. */
export async function tellState({ appliance, say }: CommandContext): Promise<void> {
  const { devices, isLocked, whyLocked, troubles } = appliance.getState();
  for (const { index, text } of devices) say(`Device ${index}: ${text}`);
  for (const trouble of troubles) say(trouble);
  if (!isLocked && whyLocked.length === 0) return say('The HSM is unlocked and ready.');
  say('The HSM is locked:');
  for (const why of whyLocked) say(` - ${why}`);
}

function ledText({ colour, isBlinking }: Led): string {
  return isBlinking ? `${colour}, blinking` : colour;
}
