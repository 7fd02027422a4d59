import { boolean, duration, durationOrUnlimited, integer, text, unquotedText, word } from '../syntax/scalar-specs.ts';
import { one } from '../syntax/spec.ts';
import type { ClauseTable, Spec } from '../syntax/spec.ts';
import { block, field, list, optional, required, trailing, tuple } from '../syntax/structure-specs.ts';
import type { Part } from '../syntax/structure-specs.ts';
import { textList } from './value-kinds.ts';

/** `key-directory` or, since BIND 9.20, `key-store "name"`; absent means key-directory. */
const storage: Spec = {
  read(reader) {
    const token = reader.peek();
    const kind = token.kind === 'word' ? token.text.toLowerCase() : '';
    if (kind === 'key-directory') return word('key-directory').read(reader);
    return kind === 'key-store' ? keyStore.read(reader) : { kind: 'void', position: token.position };
  },
  print: (value, printer) => (value.kind === 'tuple' ? keyStore : word('key-directory')).print(value, printer),
};
const keyStore = tuple([required('key-store', text)]);

const keyParts: readonly Part[] = [
  field('role', word('csk', 'ksk', 'zsk')),
  field('storage', storage),
  required('lifetime', durationOrUnlimited),
  required('algorithm', unquotedText),
  optional('tag-range', tuple([field('low', integer), field('high', integer)])),
  trailing('length', integer),
];

/** One line of `keys`. */
const keyLine = tuple(keyParts);

/** Clauses of `dnssec-policy`: those of BIND 9.18 and, from `cdnskey` on, those that 9.20 and 9.21 add. */
const dnssecPolicyClauses: ClauseTable = {
  'dnskey-ttl': one(duration),
  keys: one(list(keyLine)),
  'max-zone-ttl': one(duration),
  nsec3param: one(
    tuple([optional('iterations', integer), optional('optout', boolean), optional('salt-length', integer)]),
  ),
  'parent-ds-ttl': one(duration),
  'parent-propagation-delay': one(duration),
  'parent-registration-delay': one(duration, 'obsolete'),
  'publish-safety': one(duration),
  'purge-keys': one(duration),
  'retire-safety': one(duration),
  'signatures-jitter': one(duration),
  'signatures-refresh': one(duration),
  'signatures-validity': one(duration),
  'signatures-validity-dnskey': one(duration),
  'zone-propagation-delay': one(duration),
  cdnskey: one(boolean),
  'cds-digest-types': one(textList),
  'inline-signing': one(boolean),
  'manual-mode': one(boolean),
  'offline-ksk': one(boolean),
};

/** `dnssec-policy "name" { ... }` */
export const dnssecPolicyStatement = tuple([field('name', text), field('body', block(dnssecPolicyClauses))]);
