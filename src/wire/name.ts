/**
 * A domain name is its uncompressed wire form (RFC 1035 section 3.1): labels, each after its length octet, ended by the
 * root's zero octet; at most 255 octets, labels of at most 63. It is checked once at its edge (`readName`,
 * `nameFromText`) and trusted afterwards. The case of letters is kept; comparison ignores it for ASCII only (RFC 4343).
 */
declare const checked: unique symbol;
export type Name = Uint8Array & { readonly [checked]: 'Name' };

export const MAX_NAME_LENGTH = 255;
export const MAX_LABEL_LENGTH = 63;

/** The root. */
export const ROOT: Name = uncheckedName(new Uint8Array([0]));

/** Octet to octet: ASCII capitals to small letters, everything else to itself. */
export const LOWER: Uint8Array = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet,
);

/** Takes octets as a name without a look: only for octets that a checked name was copied to. */
export function uncheckedName(octets: Uint8Array): Name {
  return octets as Name;
}

/** Length of the name that begins at `at`, or -1 when it is no uncompressed name within `octets`. */
export function nameLengthAt(octets: Uint8Array, at = 0, end = octets.length): number {
  let here = at;
  while (here < end && here - at < MAX_NAME_LENGTH) {
    const length = octets[here];
    if (length === 0) return here + 1 - at;
    if (length > MAX_LABEL_LENGTH) return -1;
    here += length + 1;
  }
  return -1;
}

/** The octets as a name when they are exactly one, otherwise undefined. */
export function checkName(octets: Uint8Array): Name | undefined {
  return nameLengthAt(octets) === octets.length ? (octets as Name) : undefined;
}

/** Number of labels without the root's: `www.example.` has 2. */
export function labelCount(name: Name): number {
  let count = 0;
  for (let at = 0; name[at] !== 0; at += name[at] + 1) count++;
  return count;
}

export function isWildcard(name: Name): boolean {
  return name[0] === 1 && name[1] === 0x2a;
}

/** The name without its first label. The root has no parent and is returned itself. */
export function parentName(name: Name): Name {
  return name[0] === 0 ? name : (name.subarray(name[0] + 1) as Name);
}

/** The name that the rightmost `labels` labels make, the root's not counted. */
export function rightmostLabels(name: Name, labels: number): Name {
  let at = 0;
  for (let drop = labelCount(name) - labels; drop > 0; drop--) at += name[at] + 1;
  return name.subarray(at) as Name;
}

/** `label` (without length octet, 1 to 63 octets) put before `name`; undefined when that is too long. */
export function prependLabel(label: Uint8Array, name: Name): Name | undefined {
  if (label.length === 0 || label.length > MAX_LABEL_LENGTH) return undefined;
  if (name.length + label.length + 1 > MAX_NAME_LENGTH) return undefined;
  const whole = new Uint8Array(name.length + label.length + 1);
  whole[0] = label.length;
  whole.set(label, 1);
  whole.set(name, label.length + 1);
  return whole as Name;
}

export function wildcardOf(name: Name): Name | undefined {
  return prependLabel(WILDCARD_LABEL, name);
}

const WILDCARD_LABEL = new Uint8Array([0x2a]);

/** Everyday equality: ASCII case does not count. */
export function equalNames(a: Name, b: Name): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (LOWER[a[i]] !== LOWER[b[i]]) return false;
  return true;
}

/** True when `name` is `ancestor` or below it. */
export function isWithin(name: Name, ancestor: Name): boolean {
  const start = name.length - ancestor.length;
  if (start < 0) return false;
  let at = 0;
  while (at < start) at += name[at] + 1;
  if (at !== start) return false;
  for (let i = 0; i < ancestor.length; i++) if (LOWER[name[start + i]] !== LOWER[ancestor[i]]) return false;
  return true;
}

/** The name with small ASCII letters: canonical form (RFC 4034 section 6.2) and a key for maps by `nameKey`. */
export function lowerName(name: Name): Name {
  const lower = new Uint8Array(name.length);
  for (let i = 0; i < name.length; i++) lower[i] = LOWER[name[i]];
  return lower as Name;
}

/** A string equal for equal names and for no others, for Map and Set. Not for people. */
export function nameKey(name: Name): string {
  return Buffer.from(lowerName(name)).toString('latin1');
}

/**
 * Canonical order (RFC 4034 section 6.1): labels from the right, each as lower-case octets, absence first.
 * Negative, zero or positive.
 */
export function compareCanonicalNames(a: Name, b: Name): number {
  const labelsOfA = labelStarts(a, STARTS_A);
  const labelsOfB = labelStarts(b, STARTS_B);
  const shared = Math.min(labelsOfA, labelsOfB);
  for (let i = 1; i <= shared; i++) {
    const difference = compareLabels(a, STARTS_A[labelsOfA - i], b, STARTS_B[labelsOfB - i]);
    if (difference !== 0) return difference;
  }
  return labelsOfA - labelsOfB;
}

// A name has at most 127 labels; the tables are scratch space so that comparing allocates nothing.
const STARTS_A = new Uint8Array(128);
const STARTS_B = new Uint8Array(128);

function labelStarts(name: Name, starts: Uint8Array): number {
  let count = 0;
  for (let at = 0; name[at] !== 0; at += name[at] + 1) starts[count++] = at;
  return count;
}

function compareLabels(a: Name, atA: number, b: Name, atB: number): number {
  const lengthA = a[atA];
  const lengthB = b[atB];
  const shared = Math.min(lengthA, lengthB);
  for (let i = 1; i <= shared; i++) {
    const difference = LOWER[a[atA + i]] - LOWER[b[atB + i]];
    if (difference !== 0) return difference;
  }
  return lengthA - lengthB;
}
