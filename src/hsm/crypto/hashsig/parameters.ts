/** Parameter sets of RFC 8554 with SHA-256 and n = m = 32, by their IANA numbers. */

/** LM-OTS, table 1: bits of a digit and number of chains. */
export interface LmotsParameters {
  readonly type: number;
  readonly w: number;
  readonly p: number;
}

/** LMS, table 2: the height of the tree. */
export interface LmsParameters {
  readonly type: number;
  readonly h: number;
}

export const N = 32;
export const ID_LENGTH = 16;
export const MAX_LEVELS = 8;

const LMOTS: readonly LmotsParameters[] = [
  { type: 1, w: 1, p: 265 },
  { type: 2, w: 2, p: 133 },
  { type: 3, w: 4, p: 67 },
  { type: 4, w: 8, p: 34 },
];

const LMS: readonly LmsParameters[] = [5, 10, 15, 20, 25].map((h, i) => ({ type: 5 + i, h }));

export function lmotsParameters(type: number): LmotsParameters | undefined {
  return LMOTS.find((parameters) => parameters.type === type);
}

export function lmsParameters(type: number): LmsParameters | undefined {
  return LMS.find((parameters) => parameters.type === type);
}

/** Octets of an LM-OTS signature: u32str(type) || C || y (section 4.5). */
export function lmotsSignatureLength({ p }: LmotsParameters): number {
  return 4 + N + p * N;
}

/** Octets of an LMS signature: u32str(q) || LM-OTS signature || u32str(type) || path (section 5.4). */
export function lmsSignatureLength({ h }: LmsParameters, lmots: LmotsParameters): number {
  return 4 + lmotsSignatureLength(lmots) + 4 + h * N;
}

/** Octets of an LMS public key: u32str(type) || u32str(LM-OTS type) || I || T[1] (section 5.3). */
export const LMS_PUBLIC_LENGTH = 4 + 4 + ID_LENGTH + N;

/** Octets of an HSS public key: u32str(L) and the LMS public key of the highest level (section 6.1). */
export const HSS_PUBLIC_LENGTH = 4 + LMS_PUBLIC_LENGTH;

export function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
