import { parseArgs } from 'node:util';
import { isIP } from 'node:net';
import { LONGEST_INTERFACE_NAME } from '../hsm/appliance/network.ts';

/** What the command line of hsmd asks for. */
export interface HsmdOptions {
  /** Directory of all that the HSM keeps. */
  readonly state: string;
  readonly listen: string;
  /** 0: any free one. */
  readonly ports: {
    readonly rpc: number;
    readonly console: number;
    readonly web: number;
    readonly webTls: number | undefined;
  };
  readonly devices: number;
  /** Serial number of a new appliance; one that has a number keeps it. */
  readonly serial: string | undefined;
  /** Interface whose addresses hsmd may set; undefined: none. */
  readonly interface: string | undefined;
  /** Seconds to wait for DHCP on it. */
  readonly dhcpWait: number;
  /** Goes on as this user. */
  readonly user: string | undefined;
  /** PEM file of the keys that sign updates; undefined: STATE/update-keys.pem. */
  readonly updateKey: string | undefined;
  /** PEM file of authorities: RPC clients need a certificate of theirs. */
  readonly clientAuthorities: string | undefined;
  /** Device like /dev/gpiochip0, or directory like /sys/class/gpio, that has the lines of the LEDs. */
  readonly gpio: string | undefined;
  /** log2 of scrypt's cost N for PINs that are set from now on. */
  readonly pinCost: number | undefined;
}

export type HsmdCommandLine =
  | { readonly kind: 'run'; readonly options: HsmdOptions }
  | { readonly kind: 'sensor' | 'audit' | 'make-update' | 'so-pin'; readonly words: readonly string[] }
  | { readonly kind: 'help' | 'version' }
  /** For standard error, exit code 2. */
  | { readonly kind: 'refused'; readonly text: string };

export const DEFAULT_STATE = '/var/lib/signet-hsm';

export const HSMD_USAGE = `usage: hsmd [run] [options]              runs the network HSM in the foreground
       hsmd sensor [--state DIR] DEVICE [light|temperature|vibe|case|line|battery|bus VALUE]
                                         what the sensors of the simulator show, or one shows from now on
       hsmd audit verify [--key FILE] [--head FILE] [--from-middle] FILE...
                                         checks files of the audit log, oldest first
       hsmd audit verify [--state DIR]   checks the whole audit log of an appliance
       hsmd audit key [--state DIR]      prints the public key of the audit log
       hsmd make-update --version "YYYY-MM-DD-nn - a.b.c.d" --key FILE --output FILE DIRECTORY
                                         makes a signed update of DIRECTORY/{software,firmware,bootloader,fpga,tamper}
       hsmd so-pin permit [--state DIR]  lets wheel set the PIN of so once, within 15 minutes, when so forgot it (as root)
       hsmd so-pin revoke [--state DIR]  takes that back
       hsmd help | version

options of run:
  --state DIR            what the HSM keeps (default ${DEFAULT_STATE})
  --listen ADDRESS       where its ports listen (default 0.0.0.0)
  --rpc-port N           default 8080; 0: any free one, see DIR/run/ports.json
  --console-port N       default 8081
  --web-port N           status page, default 80, or 8088 when it was not started as root
  --web-tls-port N       the same over TLS; default none
  --devices N            crypto devices, 1 to 30 (default 2)
  --serial TEXT          serial number of a new HSM (default: random)
  --interface NAME       hsmd looks after the address of this interface ('set ip' at the console)
  --dhcp-wait SECONDS    for an address by DHCP on it (default 90), then 10.10.10.2
  --user NAME            goes on as this user, with the right to open its ports; needs root to start
  --update-key FILE      public keys (PEM) of those who sign updates (default DIR/update-keys.pem)
  --client-ca FILE       RPC clients need a certificate of these authorities (PEM)
  --gpio PATH            LEDs on the lines of PATH, such as /dev/gpiochip0 or /sys/class/gpio
  --pin-cost N           PINs are hashed by scrypt with a cost of 2^N, 10 to 20 (default 16)
`;

/** @param isRoot may open port 80 */
export function readHsmdOptions(argv: readonly string[], isRoot: boolean): HsmdCommandLine {
  const [first = 'run', ...rest] = argv;
  switch (first) {
    case 'sensor':
    case 'audit':
    case 'make-update':
    case 'so-pin':
      return { kind: first, words: rest };
    case 'help':
    case '--help':
    case '-h':
      return { kind: 'help' };
    case 'version':
    case '--version':
      return { kind: 'version' };
    case 'run':
      return readRun(rest, isRoot);
    default:
      return first.startsWith('-') ? readRun(argv, isRoot) : refuse(`there is no command '${first}'`);
  }
}

function readRun(argv: readonly string[], isRoot: boolean): HsmdCommandLine {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args: [...argv],
      strict: true,
      options: {
        state: text,
        listen: text,
        'rpc-port': text,
        'console-port': text,
        'web-port': text,
        'web-tls-port': text,
        devices: text,
        serial: text,
        interface: text,
        'dhcp-wait': text,
        user: text,
        'update-key': text,
        'client-ca': text,
        gpio: text,
        'pin-cost': text,
      },
    });
    const webTls = values['web-tls-port'];
    return {
      kind: 'run',
      options: {
        state: values.state ?? DEFAULT_STATE,
        listen: address(values.listen ?? '0.0.0.0'),
        ports: {
          rpc: number('--rpc-port', values['rpc-port'], 8080, 0, 65_535),
          console: number('--console-port', values['console-port'], 8081, 0, 65_535),
          // With --user it is root no more, but was.
          web: number('--web-port', values['web-port'], isRoot || values.user !== undefined ? 80 : 8088, 0, 65_535),
          webTls: webTls === undefined ? undefined : number('--web-tls-port', webTls, 0, 0, 65_535),
        },
        devices: number('--devices', values.devices, 2, 1, 30),
        serial: values.serial === undefined ? undefined : serial(values.serial),
        interface: values.interface === undefined ? undefined : interfaceName(values.interface),
        dhcpWait: number('--dhcp-wait', values['dhcp-wait'], 90, 0, 3600),
        user: values.user,
        updateKey: values['update-key'],
        clientAuthorities: values['client-ca'],
        gpio: values.gpio,
        pinCost: values['pin-cost'] === undefined ? undefined : number('--pin-cost', values['pin-cost'], 16, 10, 20),
      },
    };
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function number(name: string, value: string | undefined, initial: number, least: number, most: number): number {
  if (value === undefined) return initial;
  if (!/^\d{1,9}$/.test(value) || Number(value) < least || Number(value) > most)
    throw new TypeError(`${name} takes a number from ${least} to ${most}, not '${value}'`);
  return Number(value);
}

function address(value: string): string {
  if (isIP(value) === 0) throw new TypeError(`--listen takes an IPv4 or IPv6 address, not '${value}'`);
  return value;
}

/** It goes into file names, certificates, XML and DNS labels. */
function serial(value: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,39}$/.test(value))
    throw new TypeError(`--serial takes up to 40 letters, digits and hyphens, not '${value}'`);
  return value;
}

function interfaceName(value: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.@-]*$/.test(value))
    throw new TypeError(`--interface takes the name of an interface, not '${value}'`);
  if (value.length > LONGEST_INTERFACE_NAME)
    throw new TypeError(
      `--interface: '${value}' has more than ${LONGEST_INTERFACE_NAME} characters, which leaves no room for the alias that hsmd marks its addresses with: rename the interface`,
    );
  return value;
}

function refuse(why: string): HsmdCommandLine {
  return { kind: 'refused', text: `hsmd: ${why}\n${HSMD_USAGE}` };
}
