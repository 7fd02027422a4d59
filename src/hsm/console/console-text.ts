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

/** 64 hexadecimal digits with spaces where one likes; undefined: they are not. */
export function parseMasterKey(text: string): Uint8Array | undefined {
  const digits = text.replaceAll(/\s+/g, '');
  return /^[0-9a-fA-F]{64}$/.test(digits) ? Uint8Array.from(Buffer.from(digits, 'hex')) : undefined;
}
