import { SignetError } from '../../base/error.ts';
import { parseAddress } from '../../net/address.ts';
import type { FirewallRule, SettingName, Settings } from './settings.ts';

/** How one setting is written by a person and in the file. */
interface SettingKind<Value> {
  /** Default, with where it comes from beside it. */
  readonly initial: Value;
  /** What may be typed, for the message that refuses something else. */
  readonly words: string;
  /** undefined: `text` is none of the words. */
  parse(text: string): { readonly value: Value } | undefined;
  format(value: Value): string;
  /** Takes effect with the next start only. */
  readonly needsRestart: boolean;
}

type SettingsTable = { readonly [Name in SettingName]: SettingKind<Settings[Name]> };

const SETTINGS_TABLE: SettingsTable = {
  ENABLE_EXPORTABLE_PRIVATE_KEYS: boolean(false), // Diamond-HSM manual section 4.2.5
  ENABLE_KEY_EXPORT: boolean(false), // Diamond-HSM manual section 4.2.5: "only allows internal backing up of keys"
  ENABLE_ZEROCONF: boolean(true), // Diamond-HSM manual section 3.3
  ENABLE_TWO_PERSON_RULE: boolean(true), // the vendor's console asks both roles before what cannot be undone
  TLS_MIN_VERSION: oneOf('1.3', ['1.2', '1.3'], false), // RFC 9325 section 3.1.1 prefers 1.3
  CONSOLE_IDLE_TIMEOUT: wholeNumber(900, 86_400), // practice: a quarter of an hour
  ENABLE_SO_CONSOLE: boolean(false), // Diamond-HSM manual section 2.3.2: so can only set the user PIN
  RPC_DEVICE: {
    initial: undefined,
    words: 'auto, or the number of a device',
    needsRestart: false,
    parse: (text) => {
      if (text.toLowerCase() === 'auto') return { value: undefined };
      const digits = /^(?:rpc)?(\d{1,3})$/i.exec(text)?.[1];
      return digits === undefined ? undefined : { value: Number(digits) };
    },
    format: (value) => (value === undefined ? 'auto' : String(value)),
  },
  MASTERKEY_BATTERY: boolean(true), // Diamond-HSM manual section 2.4: there is a battery backup
  MASTERKEY_MEMORY: oneOf('process', ['process', 'kernel keyring'], true),
  IP_MODE: oneOf('dhcp', ['host', 'dhcp', 'static'], true), // Diamond-HSM manual section 3.8.2; without --interface it is as 'host'
  IP_ADDRESS: address(),
  IP_NETMASK: { ...address(), parse: parseNetmask, words: 'an IPv4 net mask such as 255.255.255.0, or none' },
  IP_BROADCAST: address(),
  IP_GATEWAY: address(),
  FIREWALL_MGMT: firewall(),
  FIREWALL_DATA: firewall(),
  FIREWALL_WEB: firewall(),
};

/** What a person reads about each. */
const SETTING_HELP: Readonly<Record<SettingName, string>> = {
  ENABLE_EXPORTABLE_PRIVATE_KEYS: 'lets keys that are made from now on be mirrored, wrapped and backed up',
  ENABLE_KEY_EXPORT: 'lets exportable keys leave the HSM, wrapped',
  ENABLE_ZEROCONF: 'lets the HSM announce itself, so that findHSM finds it',
  ENABLE_TWO_PERSON_RULE: 'asks so and wheel for their PINs before what cannot be undone',
  TLS_MIN_VERSION: "1.2 lets the vendor's programs in, which know no other; programs of ours go on with 1.3",
  CONSOLE_IDLE_TIMEOUT: 'logs a console out that nobody types at for so many seconds; 0: never',
  ENABLE_SO_CONSOLE: 'lets so log in to the console, to look and to set the PIN of user',
  RPC_DEVICE: 'the device of new RPC connections; auto: the least busy one that has the key',
  MASTERKEY_BATTERY: 'keeps the master key while hsmd does not run',
  MASTERKEY_MEMORY: 'where the master key is kept: in the watchdog, or where a killed watchdog finds it again',
  IP_MODE:
    'where the address of --interface comes from: DHCP (10.10.10.2 when it brings none), the settings IP_..., or whoever sets it',
  IP_ADDRESS: "the fixed address; 'set ip static' asks for it and for the next three",
  IP_NETMASK: 'its net mask',
  IP_BROADCAST: 'its broadcast address; none: the last one of the net',
  IP_GATEWAY: 'the way to other networks',
  FIREWALL_MGMT: 'who may connect to the console',
  FIREWALL_DATA: 'who may connect to the RPC port',
  FIREWALL_WEB: 'who may see the status page',
};

export const SETTING_NAMES = Object.keys(SETTINGS_TABLE) as readonly SettingName[];

export const DEFAULT_SETTINGS: Settings = Object.fromEntries(
  SETTING_NAMES.map((name) => [name, SETTINGS_TABLE[name].initial]),
) as unknown as Settings;

/** Names that the vendor's software uses for the same. */
const ALIASES: Readonly<Record<string, SettingName>> = {
  ZERO_CONFIG_ENABLED: 'ENABLE_ZEROCONF',
  MGMT_FIREWALL_SETTINGS: 'FIREWALL_MGMT',
  DATA_FIREWALL_SETTINGS: 'FIREWALL_DATA',
  WEB_FIREWALL_SETTINGS: 'FIREWALL_WEB',
};

/** The setting of that name, in any case, or undefined. */
export function settingNamed(text: string): SettingName | undefined {
  const name = text.toUpperCase();
  if (Object.hasOwn(ALIASES, name)) return ALIASES[name];
  return SETTING_NAMES.find((one) => one === name);
}

export function settingNeedsRestart(name: SettingName): boolean {
  return SETTINGS_TABLE[name].needsRestart;
}

/** What it is for. */
export function settingHelp(name: SettingName): string {
  return SETTING_HELP[name];
}

/** What may be typed for it. */
export function settingWords(name: SettingName): string {
  return SETTINGS_TABLE[name].words;
}

/** @throws SignetError SETTING_VALUE that says what may be typed */
export function parseSetting<Name extends SettingName>(name: Name, text: string): Settings[Name] {
  const parsed = SETTINGS_TABLE[name].parse(text.trim());
  if (parsed !== undefined) return parsed.value;
  throw new SignetError('SETTING_VALUE', `${name} cannot be '${text}': it takes ${settingWords(name)}`, { name });
}

/** The text that `parseSetting` takes. */
export function formatSetting<Name extends SettingName>(name: Name, value: Settings[Name]): string {
  return SETTINGS_TABLE[name].format(value);
}

function boolean(initial: boolean, needsRestart = false): SettingKind<boolean> {
  return {
    initial,
    words: 'TRUE or FALSE',
    needsRestart,
    parse: (text) => {
      const word = text.toLowerCase();
      return word === 'true' || word === 'false' ? { value: word === 'true' } : undefined;
    },
    format: (value) => (value ? 'TRUE' : 'FALSE'),
  };
}

function oneOf<Word extends string>(initial: Word, words: readonly Word[], needsRestart: boolean): SettingKind<Word> {
  return {
    initial,
    words: words.join(' or '),
    needsRestart,
    parse: (text) => {
      const value = words.find((word) => word === text.toLowerCase().replaceAll(/\s+/g, ' '));
      return value === undefined ? undefined : { value };
    },
    format: (value) => value,
  };
}

function wholeNumber(initial: number, most: number): SettingKind<number> {
  return {
    initial,
    words: `a number of seconds from 0 to ${most}`,
    needsRestart: false,
    parse: (text) => (/^\d{1,9}$/.test(text) && Number(text) <= most ? { value: Number(text) } : undefined),
    format: String,
  };
}

function address(): SettingKind<string | undefined> {
  return {
    initial: undefined,
    words: 'an IPv4 address, or none',
    needsRestart: true,
    parse: (text) => {
      if (text === '' || text.toLowerCase() === 'none') return { value: undefined };
      return parseAddress(text)?.length === 4 ? { value: text } : undefined;
    },
    format: (value) => value ?? 'none',
  };
}

function parseNetmask(text: string): { readonly value: string | undefined } | undefined {
  if (text === '' || text.toLowerCase() === 'none') return { value: undefined };
  return netmaskBits(text) === undefined ? undefined : { value: text };
}

/** 24 of 255.255.255.0; undefined when it is no mask (ones, then zeros, at least one of each). */
export function netmaskBits(text: string): number | undefined {
  const octets = parseAddress(text);
  if (octets?.length !== 4) return undefined;
  const bits = [...octets].map((octet) => octet.toString(2).padStart(8, '0')).join('');
  return /^1+0+$/.test(bits) ? bits.indexOf('0') : undefined;
}

function firewall(): SettingKind<FirewallRule> {
  return {
    initial: { kind: 'accept' }, // the vendor's default; an appliance is behind a firewall of its operator
    words: "accept, block, 'range FIRST LAST' or 'list ADDRESS ...' with IPv4 or IPv6 addresses",
    needsRestart: false,
    parse: parseFirewall,
    format: formatFirewall,
  };
}

/** A list of more is a mistake, and each connection is compared with all of it. */
const MOST_ADDRESSES = 1024;

function parseFirewall(text: string): { readonly value: FirewallRule } | undefined {
  const [kind = '', ...addresses] = text.split(/[\s,]+/).filter((word) => word !== '' && word !== '-');
  const octets = addresses.map(parseAddress);
  const areAddresses = !octets.includes(undefined);
  switch (kind.toLowerCase()) {
    case 'accept':
    case 'block':
      return addresses.length === 0 ? { value: { kind: kind.toLowerCase() as 'accept' | 'block' } } : undefined;
    case 'range': {
      const [first, last] = octets;
      if (!areAddresses || octets.length !== 2 || first?.length !== last?.length) return undefined;
      // In the order of numbers: 10.0.0.9 comes before 10.0.0.10.
      if (Buffer.compare(first!, last!) > 0) return undefined;
      return { value: { kind: 'range', first: addresses[0], last: addresses[1] } };
    }
    case 'list':
      if (!areAddresses || addresses.length === 0 || addresses.length > MOST_ADDRESSES) return undefined;
      return { value: { kind: 'list', addresses } };
    default:
      return undefined;
  }
}

function formatFirewall(rule: FirewallRule): string {
  if (rule.kind === 'range') return `range ${rule.first} ${rule.last}`;
  if (rule.kind === 'list') return `list ${rule.addresses.join(' ')}`;
  return rule.kind;
}
