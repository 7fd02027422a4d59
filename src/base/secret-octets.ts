/*
 * Memory for secrets. A small array of octets would lie inside the JavaScript heap, where collections move it and leave behind what they moved, and Buffer
 * takes small ones from a pool that it shares: these have memory of their own outside, which is overwritten with `fill(0)` and then nowhere.
 */

/** So many zeros. */
export function secretOctets(length: number): Buffer {
  return Buffer.from(new ArrayBuffer(length));
}

export function secretCopy(octets: Uint8Array): Buffer {
  const copy = secretOctets(octets.length);
  copy.set(octets);
  return copy;
}

/** A text as UTF-8. The text itself stays until it is collected. */
export function secretText(text: string): Buffer {
  const octets = secretOctets(Buffer.byteLength(text));
  octets.write(text);
  return octets;
}
