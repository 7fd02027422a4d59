/** The highest key tag (RFC 4034 appendix B). */
export const MOST_TAG = 65_535;

/** With fewer tags to choose from, dozens of keys are made for one that is kept. */
export const FEW_TAGS = 1024;

/** What the REVOKE bit adds to a tag (RFC 5011 section 3); 129 where the sum carries. */
const REVOCATION = 128;

/** How many tags a new key may have so that it stays in the range when it is revoked; 0: it is too narrow. */
export function tagsInRange({ low, high }: { readonly low: number; readonly high: number }): number {
  return Math.max(0, high - low + 1 - REVOCATION);
}
