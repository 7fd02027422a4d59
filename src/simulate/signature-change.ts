import { isoTime } from '../base/iso-time.ts';
import type { Simulation } from './simulation.ts';
import { namesOf } from './words.ts';

/** What there is to be replaced in a signed zone. */
export interface SignatureStock {
  /** By the id of the signing key; signatures of keys without files are not among them. */
  readonly byKey: ReadonlyMap<string, { readonly keys: number; readonly data: number }>;
  readonly signatures: number;
  /** RRsets of zone data that have a signature. */
  readonly signedRRsets: number;
  readonly chainSignatures: number;
  readonly denial: 'none' | 'nsec' | 'nsec3';
}

/** What becomes of the signatures that one key made, or is to make. */
export interface SignatureFate {
  readonly key: string;
  /** Signatures over zone data, and over DNSKEY, CDS and CDNSKEY. */
  readonly data: number;
  readonly keys: number;
  readonly fate: 'kept' | 'replaced at once' | 'replaced as they come due' | 'made at once';
  /** When the key signs no more, in the time that is simulated; Unix seconds. */
  readonly from: number | undefined;
}

/** What the beginning of a simulation does to the signatures of a zone. */
export function signatureFates(simulation: Simulation, stock: SignatureStock): SignatureFate[] {
  const { signers, keys } = simulation;
  const [first] = signers;
  if (first === undefined) return [];
  const fates: SignatureFate[] = [];
  for (const [key, { data, keys: ofKeys }] of stock.byKey) {
    const signs = first.data.includes(key) || first.keys.includes(key);
    const stops = signers.find((one) => !one.data.includes(key) && !one.keys.includes(key));
    const fate = signs ? 'kept' : first.retiring.includes(key) ? 'replaced as they come due' : 'replaced at once';
    fates.push({ key, data, keys: ofKeys, fate, from: stops?.from });
  }
  const algorithms = new Set([...stock.byKey.keys()].map((key) => keys.find(({ id }) => id === key)?.algorithm));
  for (const key of first.data) {
    const algorithm = keys.find(({ id }) => id === key)!.algorithm;
    if (algorithms.has(algorithm)) continue;
    fates.push({ key, data: stock.signedRRsets, keys: 0, fate: 'made at once', from: undefined });
  }
  return fates;
}

/** The lines of a report that are about signatures. */
export function signatureLines(simulation: Simulation, stock: SignatureStock, isNsec3Wanted: boolean): string[] {
  const nameOf = namesOf(simulation);
  const lines = signatureFates(simulation, stock).map(({ key, data, keys, fate, from }) => {
    const end =
      fate === 'kept' && from !== undefined ? ` until ${isoTime(from)}, ${endText(from, data, simulation)}` : '';
    return `  ${data} over zone data and ${keys} over key records by ${nameOf(key)}: ${fate}${end}`;
  });
  const wanted = isNsec3Wanted ? 'nsec3' : 'nsec';
  const isOther =
    stock.denial !== 'none' && stock.denial !== wanted && simulation.signers.some(({ data }) => data.length > 0);
  const chain = `  ${stock.chainSignatures} over ${stock.denial.toUpperCase()} records: replaced at once by those of a new chain of ${wanted.toUpperCase()}`;
  return [`signatures in the signed zone: ${stock.signatures}`, ...lines, ...(isOther ? [chain] : [])];
}

/** What becomes of the signatures of a key over zone data, or of none but those over key records, when it signs no more. */
function endText(at: number, data: number, { signers }: Simulation): string {
  const then = signers.findLast(({ from }) => from <= at);
  if (then === undefined || (then.data.length === 0 && then.keys.length === 0)) return 'removed then, as all are';
  return data > 0 ? 'replaced as they come due then' : 'replaced then';
}

/** The same as plain data for JSON. */
export function signatureFatesJson(simulation: Simulation, stock: SignatureStock): unknown[] {
  const nameOf = namesOf(simulation);
  return signatureFates(simulation, stock).map(({ key, data, keys, fate, from }) => ({
    key: nameOf(key),
    zoneData: data,
    keyRecords: keys,
    fate,
    signsUntil: from === undefined ? null : isoTime(from),
  }));
}
