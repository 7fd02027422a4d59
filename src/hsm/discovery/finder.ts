import net from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { multicastAddresses, openMdns, SERVICE_TYPES, type Mdns } from './mdns.ts';

/** One port of one HSM, as it announces itself. Everything of it is only a claim: the certificate decides. */
export interface FoundPort {
  readonly kind: 'cty' | 'rpc';
  readonly serial: string;
  readonly ip: string;
  readonly port: number;
  readonly servername: string;
  readonly version: string;
}

/** What is remembered of one search. */
const MOST_FOUND = 256;
/** Milliseconds at which the question is asked again: answers get lost. */
const ASK_AT = [0, 250, 1000, 3000, 9000];

/**
 * Looks for HSMs for `seconds`. Rejects with what went wrong when no interface could be asked.
 * @returns consoles first, each kind by serial number and address
 */
export async function findHsms(
  seconds: number,
  dependencies: { readonly clock: Clock; readonly addresses?: readonly string[] },
): Promise<FoundPort[]> {
  const { clock, addresses = multicastAddresses() } = dependencies;
  const found = new Map<string, FoundPort>();
  const failures: Error[] = [];
  const opened: Mdns[] = addresses.map((address) => openMdns(address, dependencies, (cause) => failures.push(cause)));
  try {
    const browsers = opened.flatMap((mdns) =>
      (['cty', 'rpc'] as const).map((kind) =>
        mdns.find({ type: SERVICE_TYPES[kind] }, (service) => {
          const one = portOf(kind, service);
          if (one !== undefined && found.size < MOST_FOUND) found.set(keyOf(one), one);
        }),
      ),
    );
    const timers = ASK_AT.filter((at) => at < seconds * 1000).map((at) =>
      clock.after(at, () => {
        for (const browser of browsers) browser.update();
      }),
    );
    await new Promise<void>((resolve) => clock.after(seconds * 1000, resolve));
    for (const timer of timers) timer.cancel();
    for (const browser of browsers) browser.stop();
  } finally {
    for (const mdns of opened)
      try {
        mdns.destroy();
      } catch {
        // It was never open.
      }
  }
  if (found.size === 0 && failures.length > 0) throw failures[0];
  return [...found.values()].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

interface Announced {
  readonly port?: unknown;
  readonly txt?: unknown;
  readonly addresses?: unknown;
}

/** undefined: not what an HSM announces. */
function portOf(kind: 'cty' | 'rpc', service: Announced): FoundPort | undefined {
  const txt = (service.txt ?? {}) as Readonly<Record<string, unknown>>;
  const text = (name: string, form: RegExp): string | undefined => {
    const value = Object.hasOwn(txt, name) ? txt[name] : undefined;
    return typeof value === 'string' && form.test(value) ? value : undefined;
  };
  const serial = text('serial', /^[A-Za-z0-9._:-]{1,64}$/);
  const announced = [
    text('IP', /^[0-9A-Fa-f.:]{2,45}$/),
    ...(Array.isArray(service.addresses) ? service.addresses : []),
  ];
  const ip = announced.find((one): one is string => typeof one === 'string' && net.isIP(one) !== 0);
  const { port } = service;
  if (serial === undefined || ip === undefined || typeof port !== 'number' || port < 1 || port > 65535)
    return undefined;
  const servername = text('host', /^[A-Za-z0-9.-]{1,253}$/) ?? 'dks-hsm';
  return { kind, serial, ip, port, servername, version: text('firmware', /^[\x20-\x7e]{1,80}$/) ?? '' };
}

function keyOf({ kind, serial, ip, port }: FoundPort): string {
  return [kind, serial, ip, String(port)].join(' ');
}
