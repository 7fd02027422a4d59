/*
 * One message of the control channel, either way:
 *
 *   length(4)     octets that follow
 *   version(4)    1
 *   _auth         alist with the signature over everything that follows it
 *   _ctrl         alist: _ser serial, _tim time sent, _exp time of expiry, _nonce, _rpl "1" in replies
 *   _data         alist: type the command; in replies result, err, text
 */
import { concatOctets } from '../base/octets.ts';
import { type Alist, type AlistValue, alistTable, decodeAlist, encodeAlist } from './alist.ts';
import { type ControlKey, signControl, verifyControl } from './control-key.ts';

const VERSION = 1;
/** "_auth" with its length octet, tag and length: where the alist of the signature begins in a message. */
const AUTH_KEY = '_auth';
const AUTH_HEAD = 1 + AUTH_KEY.length + 5;

/** Why a message is not obeyed, in the words that BIND logs. */
export type ControlVerdict =
  | 'unknown version'
  | 'unexpected end of input'
  | 'bad auth'
  | 'failure'
  | 'clock skew'
  | 'expired'
  | 'duplicate'
  | 'out of range';

export interface ControlMessage {
  readonly control: Alist;
  readonly data: Alist;
}

/**
 * Parses and authenticates the octets after the length. The first of `keys` that made the signature is returned with
 * the message; a verdict for everything else.
 */
export function openMessage(
  octets: Uint8Array,
  keys: readonly ControlKey[],
): { readonly message: ControlMessage; readonly key: ControlKey } | ControlVerdict {
  if (octets.length < 4) return 'unexpected end of input';
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  if (view.getUint32(0) !== VERSION) return 'unknown version';
  const alist = decodeAlist(octets, 4);
  if (alist === undefined) return 'unexpected end of input';
  const key = keyThatSigned(octets, alist, keys);
  if (key === undefined) return 'bad auth';
  const control = alistTable(alist, '_ctrl');
  const data = alistTable(alist, '_data');
  return control && data ? { message: { control, data }, key } : 'failure';
}

function keyThatSigned(octets: Uint8Array, alist: Alist, keys: readonly ControlKey[]): ControlKey | undefined {
  const auth = alistTable(alist, AUTH_KEY);
  // What is signed is what follows _auth, so that has to come first.
  if (auth === undefined || alist.keys().next().value !== AUTH_KEY) return undefined;
  const field = auth.has('hsha') ? 'hsha' : 'hmd5';
  const signature = auth.get(field);
  if (!(signature instanceof Uint8Array)) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const signed = octets.subarray(4 + AUTH_HEAD + view.getUint32(4 + AUTH_HEAD - 4));
  return keys.find((key) => verifyControl(key, field, signature, signed));
}

/** Signed wire form with the length in front. */
export function sealMessage(message: ControlMessage, key: ControlKey): Uint8Array<ArrayBuffer> {
  const signed = encodeAlist(
    new Map<string, AlistValue>([
      ['_ctrl', message.control],
      ['_data', message.data],
    ]),
  );
  const signature = signControl(key, signed);
  const auth = encodeAlist(new Map([[AUTH_KEY, new Map([[signature.field, signature.octets]])]]));
  const head = new Uint8Array(8);
  const view = new DataView(head.buffer);
  view.setUint32(0, 4 + auth.length + signed.length);
  view.setUint32(4, VERSION);
  return concatOctets([head, auth, signed]);
}

/** An alist of texts as UTF-8, in order; undefined ones are left out. */
export function textAlist(fields: Readonly<Record<string, string | undefined>>): Alist {
  const alist = new Map<string, AlistValue>();
  for (const [key, text] of Object.entries(fields)) if (text !== undefined) alist.set(key, Buffer.from(text, 'utf8'));
  return alist;
}
