import { secretOctets } from '../../base/secret-octets.ts';
import type { FirewallRule } from '../appliance/settings.ts';

export const DASHES = '-'.repeat(75);

export const BANNER = `
${DASHES}
Diamond HSM powered by CrypTech
Thank you for using the Diamond HSM by Diamond Key Security, NFP`;

export const PROMPT = '\nDiamond-HSM > ';

export const TAMPER_BANNER = '!!!!!!!!!!TAMPER DETECTED!!!!!!!!!!!!!';

export function deviceHeading(index: number): string {
  return `CTY${index} -----------------------------------`;
}

/** Texts that clients stored or programs wrote: nothing in them moves a cursor. */
export function printableText(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
}

/** What the other end of a connection sent, for a message: ASCII, and not long. */
export function foreignText(text: string): string {
  return text.replaceAll(/[^ -~]/g, '?').slice(0, LONGEST_FOREIGN);
}

/** Characters: a path still tells which one. */
const LONGEST_FOREIGN = 200;

/** A warning in a box. */
export function warning(lines: readonly string[]): string {
  const rule = `!${'-'.repeat(60)}!`;
  return ['', rule, ...lines.map((line) => `! ${line}`), rule].join('\n');
}

export function firewallLines(port: string, rule: FirewallRule): string[] {
  switch (rule.kind) {
    case 'accept':
      return [`Accepting all connections on the ${port} port`];
    case 'block':
      return [`Blocking all connections to the ${port} port`];
    case 'range':
      return [`Accepting connections from ip range, ${rule.first} to ${rule.last} on the ${port} port`];
    case 'list':
      return [
        `Accepting connections from the following ip address on the ${port} port`,
        ...rule.addresses.map((address) => ` > ${address}`),
        '----',
      ];
  }
}

const HEXADECIMAL = '0123456789ABCDEF';

/** Eight groups of eight digits, as a master key is written down. */
export function masterKeyText(key: Uint8Array): string {
  // Not by Buffer's toString('hex'), which leaves the digits in freed memory of the C library.
  const digits = Array.from(key, (octet) => HEXADECIMAL[octet >> 4] + HEXADECIMAL[octet & 15]).join('');
  return (digits.match(/.{8}/g) ?? []).join(' ');
}

/** 64 hexadecimal digits with spaces where one likes; undefined: they are not. The caller overwrites both. */
export function parseMasterKey(typed: Uint8Array): Uint8Array | undefined {
  const key = secretOctets(32);
  let count = 0;
  for (const octet of typed) {
    if (octet === 0x20 || (octet >= 0x09 && octet <= 0x0d)) continue;
    const value = valueOfDigit(octet);
    if (value === undefined || count === 64) {
      key.fill(0);
      return undefined;
    }
    key[count >> 1] |= count % 2 === 0 ? value << 4 : value;
    count++;
  }
  if (count === 64) return key;
  key.fill(0);
  return undefined;
}

/** Of a hexadecimal digit in ASCII. */
function valueOfDigit(octet: number): number | undefined {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const small = octet | 0x20;
  return small >= 0x61 && small <= 0x66 ? small - 0x61 + 10 : undefined;
}
