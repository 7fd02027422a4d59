/** Octets that presentation form escapes with a backslash, as nameToText does. */
const ESCAPED = '".;\\@$()';
const LONGEST_LABEL = 63;
const LONGEST_NAME = 255;

/**
 * The absolute presentation form, with final dot, of a domain name in a configuration (RFC 1035 section 5.1), in the form
 * of nameToText; undefined when it is not a name. A missing final dot means the root.
 */
export function normalizeZoneName(text: string): string | undefined {
  if (text === '.') return '.';
  const labels = splitLabels(text);
  if (!labels || labels.some((label) => label.length === 0 || label.length > LONGEST_LABEL)) return undefined;
  // RFC 1035 section 3.1: a length octet before each label and one for the root.
  const octets = labels.reduce((sum, label) => sum + label.length + 1, 1);
  return octets <= LONGEST_NAME ? labels.map((label) => `${label.map(escapeOctet).join('')}.`).join('') : undefined;
}

/** Two spellings of one name have one key. */
export function zoneNameKey(normalized: string): string {
  return normalized.toLowerCase();
}

function splitLabels(text: string): number[][] | undefined {
  const labels: number[][] = [[]];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '.') {
      if (i + 1 < text.length) labels.push([]);
      // Only what ends the name may be empty, and a name that is only that is the root.
      else if (labels.at(-1)!.length === 0) return undefined;
      continue;
    }
    if (text[i] !== '\\') {
      labels.at(-1)!.push(text.charCodeAt(i));
      continue;
    }
    const digits = /^\d{3}/.exec(text.slice(i + 1, i + 4))?.[0];
    const octet = digits === undefined ? text.charCodeAt(i + 1) : Number(digits);
    const isBare = digits === undefined && /\d/.test(text[i + 1] ?? '0');
    if (isBare || octet > 255) return undefined;
    labels.at(-1)!.push(octet);
    i += digits === undefined ? 1 : 3;
  }
  return labels;
}

function escapeOctet(octet: number): string {
  if (octet <= 0x20 || octet >= 0x7f) return `\\${String(octet).padStart(3, '0')}`;
  const character = String.fromCharCode(octet);
  return ESCAPED.includes(character) ? `\\${character}` : character;
}
