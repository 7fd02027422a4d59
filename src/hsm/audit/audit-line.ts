import { createHash, sign, verify, type KeyObject } from 'node:crypto';
import type { AuditEvent } from './audit-log.ts';

/*
 * A line of the audit log, one JSON object:
 *
 *   {"n":17,"at":"2026-11-21T17:30:00Z","kind":"login","by":"console 10.0.0.7","role":"wheel","facts":{...},
 *    "prev":"<SHA-256 of the line before, hexadecimal>","sig":"<Ed25519 over the octets before ,"sig", base64>"}
 *
 * `prev` covers the whole line before with its signature and without its end of line. The first line of all has 64 zeros. So a signature
 * vouches for its own line and for all before it.
 */

export const FIRST_PREVIOUS = '0'.repeat(64);

const SIGNATURE_PART = /,"sig":"([A-Za-z0-9+/]{86}==)"\}$/;

/** What a line says, when it is well-formed. */
export interface AuditLine {
  readonly n: number;
  readonly at: string;
  readonly kind: string;
  readonly by: string;
  readonly role?: string;
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
  readonly prev: string;
}

/** The line without its end of line. @param at Unix time */
export function writeAuditLine(event: AuditEvent, n: number, at: number, prev: string, key: KeyObject): string {
  const { kind, by, role, facts } = event;
  const line = {
    n,
    at: new Date(at * 1000).toISOString().replace('.000', ''),
    kind,
    by,
    ...(role !== undefined && { role }),
    ...(facts !== undefined && Object.keys(facts).length > 0 && { facts }),
    prev,
  };
  const signed = JSON.stringify(line).slice(0, -1);
  return `${signed},"sig":"${sign(null, Buffer.from(signed), key).toString('base64')}"}`;
}

/** What the next line has as `prev`. */
export function hashOfLine(line: string): string {
  return createHash('sha256').update(line).digest('hex');
}

/** The line's content, or what is wrong with it. A signature that does not fit is wrong, too. */
export function readAuditLine(line: string, key: KeyObject): AuditLine | { readonly fault: string } {
  const signature = SIGNATURE_PART.exec(line);
  if (signature === null) return { fault: 'it has no signature at its end' };
  const signed = line.slice(0, signature.index);
  if (!verify(null, Buffer.from(signed), key, Buffer.from(signature[1], 'base64')))
    return { fault: 'its signature does not fit: it was changed, or another appliance wrote it' };
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return { fault: 'it is no JSON' };
  }
  const { n, at, kind, by, prev } = parsed as Partial<AuditLine>;
  if (!Number.isSafeInteger(n) || [at, kind, by, prev].some((one) => typeof one !== 'string'))
    return { fault: 'it lacks n, at, kind, by or prev' };
  return parsed as AuditLine;
}
