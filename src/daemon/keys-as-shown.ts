import { keyTag } from '../crypto/key-tag.ts';
import type { KeyPair } from '../keys/key-pair.ts';
import type { SigningKey } from '../signer/signing-parameters.ts';
import { isSamePublicKey, type ApexKeyFacts } from './apex-key-facts.ts';

/** What the apex shows and what signs. */
export interface KeyUse {
  readonly dnskey: readonly Uint8Array[];
  readonly cds: readonly Uint8Array[];
  readonly cdnskey: readonly Uint8Array[];
  readonly keys: readonly SigningKey[];
}

/** Nothing changes: each key does what it does in the version that is served, told by its signatures. */
export function useAsShown(pairs: readonly KeyPair[], before: ApexKeyFacts): KeyUse {
  const keys = before.dnskeys.flatMap((rdata) => {
    const pair = pairs.find(({ dnskey }) => isSamePublicKey(dnskey, rdata));
    const roles = { signsKeys: before.signs(rdata, 'keys'), signsZone: before.signs(rdata, 'zone') };
    return pair === undefined ? [] : signingKey(pair, rdata, roles);
  });
  return { dnskey: before.dnskeys, cds: before.cds, cdnskey: before.cdnskey, keys };
}

export function signingKey(
  pair: KeyPair,
  dnskey: Uint8Array,
  roles: { readonly signsKeys: boolean; readonly signsZone: boolean },
): SigningKey[] {
  if (pair.private === undefined || (!roles.signsKeys && !roles.signsZone)) return [];
  return [{ dnskey, tag: keyTag(dnskey), algorithm: pair.algorithm, ...roles, private: pair.private }];
}

/** A DNSKEY that signs in the version that is served, and that nobody here can sign with; undefined: there is none. */
export function signerWithoutKey(pairs: readonly KeyPair[], before: ApexKeyFacts): Uint8Array | undefined {
  return before.dnskeys.find(
    (rdata) =>
      (before.signs(rdata, 'keys') || before.signs(rdata, 'zone')) &&
      !pairs.some((pair) => pair.private !== undefined && isSamePublicKey(pair.dnskey, rdata)),
  );
}
