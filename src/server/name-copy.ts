/** Copies the uncompressed name at from[at...] to to[toAt...]; returns the first octet behind the copy. */
export function copyName(from: Uint8Array, at: number, to: Uint8Array, toAt: number): number {
  let label: number;
  do {
    label = from[at];
    for (let i = 0; i <= label; i++) to[toAt++] = from[at++];
  } while (label !== 0);
  return toAt;
}

/** First octet after the uncompressed name at `at`. */
export function afterName(octets: Uint8Array, at: number): number {
  while (octets[at] !== 0) at += octets[at] + 1;
  return at + 1;
}
