import { serialLess } from '../base/serial.ts';
import { SigningInput, signedLabels } from '../crypto/signing-input.ts';
import type { ResourceRecord } from '../wire/message.ts';
import { equalNames, type Name } from '../wire/name.ts';
import { decodeRrsig, type Rrsig } from '../wire/rdata/rrsig.ts';
import { CLASS, TYPE } from '../wire/type-codes.ts';
import type { KeyCircle } from './key-circle.ts';
import type { SignatureTrouble } from './zone-verdict.ts';

/** RRSIGs of an answer that are looked at for one RRset: more are an attempt to keep us busy (CVE-2023-50387). */
const MOST_SIGNATURES = 8;

/** RRSIG RDATA up to the signer's name, the root's name, and an octet of signature. */
const LEAST_RRSIG = 20;

/** What has to have signed. */
export interface ExpectedSigner {
  /** Apex of the zone. */
  readonly zone: Name;
  readonly keys: KeyCircle;
}

/**
 * Whether RRsets of one answer are signed by a zone (RFC 4035 section 5.3). Owners that were expanded from a wildcard are refused: DS,
 * DNSKEY and denial records never are.
 */
export class RecordVerifier {
  readonly #records: readonly ResourceRecord[];
  readonly #now: number;
  readonly #input = new SigningInput();

  /** @param records a section of the answer; @param now Unix seconds */
  constructor(records: readonly ResourceRecord[], now: number) {
    this.#records = records;
    this.#now = now;
  }

  /** RDATA of the RRset, whoever signed it. */
  rrset(owner: Name, type: number): readonly Uint8Array[] {
    return this.#of(owner, type).map(({ rdata }) => rdata);
  }

  /** 'good', or the most telling of what is wrong with its signatures. */
  verify(owner: Name, type: number, signer: ExpectedSigner): 'good' | SignatureTrouble {
    const signatures = this.signatures(owner, type);
    let trouble: SignatureTrouble = 'missing';
    for (const rrsig of signatures.slice(0, MOST_SIGNATURES)) {
      const found = this.#fields(owner, rrsig, signer.zone) ?? this.#signature(owner, type, rrsig, signer);
      if (found === 'good') return 'good';
      trouble = found;
    }
    return trouble;
  }

  /** The RRSIGs that cover an RRset. */
  signatures(owner: Name, type: number): Rrsig[] {
    return this.#of(owner, TYPE.RRSIG).flatMap(({ rdata }) => {
      const rrsig = rdata.length < LEAST_RRSIG ? undefined : decodeRrsig(rdata);
      return rrsig?.typeCovered === type ? [rrsig] : [];
    });
  }

  #of(owner: Name, type: number): ResourceRecord[] {
    return this.#records.filter(
      (record) => record.type === type && record.class === CLASS.IN && equalNames(record.owner, owner),
    );
  }

  /** RFC 4035 section 5.3.1. */
  #fields(owner: Name, rrsig: Rrsig, zone: Name): SignatureTrouble | undefined {
    if (!equalNames(rrsig.signer, zone)) return 'wrong signer';
    if (rrsig.labels !== signedLabels(owner)) return 'wrong labels';
    const now = this.#now >>> 0;
    if (serialLess(rrsig.expiration, now)) return 'expired';
    return serialLess(now, rrsig.inception) ? 'not yet valid' : undefined;
  }

  #signature(owner: Name, type: number, rrsig: Rrsig, { keys }: ExpectedSigner): 'good' | SignatureTrouble {
    const { algorithm, keyTag, labels, originalTtl, signer, signature } = rrsig;
    const input = this.#input;
    input.clear();
    for (const rdata of this.rrset(owner, type)) input.addRdata(type, rdata);
    input.build({ owner, type, labels, originalTtl, signer });
    input.setKey(algorithm, keyTag);
    input.setTimes(rrsig.expiration, rrsig.inception);
    return keys.check(algorithm, keyTag, input.octets(), signature);
  }
}
