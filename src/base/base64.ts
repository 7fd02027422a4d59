/** Base 64 of RFC 4648 section 4. */

export function toBase64(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('base64');
}

/** The octets of a padded base 64 string without white space, or undefined when it is malformed. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const octets = Uint8Array.from(Buffer.from(text, 'base64'));
  // Node ignores stray bits in the last group; a key or signature with such bits is not what somebody wrote.
  return toBase64(octets) === text ? octets : undefined;
}
