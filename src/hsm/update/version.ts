import { productVersion } from '../../base/product-version.ts';

/** The day of this software, and which of that day. Raised with each release. */
const RELEASE = '2026-11-21-01';

/** "2026-11-21-01 - 0.1.0.0" (Diamond-HSM manual section 3.9): day, number of the day, and the version of the package. */
export function ownVersion(): string {
  return `${RELEASE} - ${productVersion().replace(/[-+].*$/, '')}.0`;
}

interface VersionNumbers {
  /** Year, month, day, number of the day, and the four of the version: in the order in which they count. */
  readonly numbers: readonly number[];
}

const FORM = /^(\d{4})-(\d{2})-(\d{2})-(\d{2}) - (\d{1,5})\.(\d{1,5})\.(\d{1,5})\.(\d{1,5})$/;

/** undefined: it has not the form. */
export function parseVersion(text: string): VersionNumbers | undefined {
  const match = FORM.exec(text);
  return match === null ? undefined : { numbers: match.slice(1).map(Number) };
}

/** Below zero: `a` is older. */
export function compareVersions(a: VersionNumbers, b: VersionNumbers): number {
  for (const [i, number] of a.numbers.entries()) {
    const difference = number - b.numbers[i];
    if (difference !== 0) return difference;
  }
  return 0;
}
