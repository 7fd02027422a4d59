/** What an operator sets at the console; kept durably by the appliance. Texts in `setSetting` are as typed there. */
export interface Settings {
  /** Keys made from now on may leave the device wrapped (mirrored, backed up). Default false (Diamond-HSM manual section 4.2.5). */
  readonly ENABLE_EXPORTABLE_PRIVATE_KEYS: boolean;
  /** PKEY_EXPORT and PKEY_IMPORT by the RPC port, and backups by the console. Default false. */
  readonly ENABLE_KEY_EXPORT: boolean;
  readonly ENABLE_ZEROCONF: boolean;
  /** so and wheel together for what cannot be undone. Default true. */
  readonly ENABLE_TWO_PERSON_RULE: boolean;
  /** The vendor's client needs 1.2. Default "1.3". */
  readonly TLS_MIN_VERSION: '1.2' | '1.3';
  /** A console without a key stroke for so many seconds is logged out; 0: never. Default 900. */
  readonly CONSOLE_IDLE_TIMEOUT: number;
  /** Also reads what wheel may: the manual lets only wheel log in to the console. Default false. */
  readonly ENABLE_SO_CONSOLE: boolean;
  /** New RPC connections use this device only; undefined: the least busy one. */
  readonly RPC_DEVICE: number | undefined;
  /** The master key outlives a restart of the appliance. Default true. */
  readonly MASTERKEY_BATTERY: boolean;
  readonly MASTERKEY_MEMORY: 'process' | 'kernel keyring';
  readonly IP_MODE: 'host' | 'dhcp' | 'static';
  readonly IP_ADDRESS: string | undefined;
  readonly IP_NETMASK: string | undefined;
  readonly IP_BROADCAST: string | undefined;
  readonly IP_GATEWAY: string | undefined;
  readonly FIREWALL_MGMT: FirewallRule;
  readonly FIREWALL_DATA: FirewallRule;
  readonly FIREWALL_WEB: FirewallRule;
}
export type SettingName = keyof Settings;

/** Addresses are IPv4 or IPv6; both ends of a range belong to it. */
export type FirewallRule =
  | { readonly kind: 'accept' }
  | { readonly kind: 'block' }
  | { readonly kind: 'range'; readonly first: string; readonly last: string }
  | { readonly kind: 'list'; readonly addresses: readonly string[] };
