import { DNSKEY_FLAG } from '../crypto/dnskey.ts';
import type { PrivateKeyMaterial } from '../crypto/private-key.ts';
import type { Name } from '../wire/name.ts';
import type { KeyState } from './key-state.ts';
import type { KeyTimes } from './key-times.ts';

/** One key of a zone with everything its files say. A value: changes are made on a copy, which is then saved. */
export interface KeyPair {
  /** Owner as written, in its own case. */
  readonly zone: Name;
  /** RDATA. */
  readonly dnskey: Uint8Array;
  readonly tag: number;
  readonly algorithm: number;
  readonly flags: number;
  /** TTL of the DNSKEY record in seconds; undefined: that of the DNSKEY RRset or the SOA. */
  readonly ttl?: number;
  readonly times: KeyTimes;
  /** Tag of the key that this one follows, and of the one that follows it. */
  readonly predecessor?: number;
  readonly successor?: number;
  /** Present for keys under a dnssec-policy. */
  readonly state?: KeyState;
  /** Absent when the private half is missing: the key can be published, but nothing is signed with it. */
  readonly private?: PrivateKeyMaterial;
  /** `Kexample.com.+013+12345`. */
  readonly fileBase: string;
  /** Absolute path of the directory of its files, where a zone's keys may be in several. */
  readonly directory?: string;
  /** Class of the record; default IN. */
  readonly class?: number;
  /** KEY for SIG(0) keys of hosts (RFC 2931); default DNSKEY. */
  readonly recordType?: 'DNSKEY' | 'KEY';
  /** 1.2 is the format without times (dnssec-keygen -C, ldns-keygen); default 1.3. */
  readonly formatVersion?: '1.2' | '1.3';
}

/** True when the key signs the DNSKEY RRset: the state says so, else the SEP flag does. */
export function isKsk(pair: KeyPair): boolean {
  return pair.state?.ksk ?? (pair.flags & DNSKEY_FLAG.SEP) !== 0;
}

/** True when the key signs zone data: the state says so, else a key without the SEP flag does. */
export function isZsk(pair: KeyPair): boolean {
  return pair.state?.zsk ?? (pair.flags & DNSKEY_FLAG.SEP) === 0;
}
