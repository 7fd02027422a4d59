import type { AddressMatch, AddressMatchList } from '../configuration.ts';
import { fieldOf, textField } from '../syntax/tree.ts';
import type { Clause, ListValue, Value } from '../syntax/tree.ts';
import { canonicalKeyName } from './context.ts';
import type { CheckContext } from './context.ts';

const BUILT_IN = ['any', 'none', 'localhost', 'localnets'] as const;
type BuiltIn = (typeof BUILT_IN)[number];

const isBuiltIn = (name: string): name is BuiltIn => (BUILT_IN as readonly string[]).includes(name);

/** The acl statements by name. Names of the four built-in lists and names that are taken are faults. */
export function collectAcls(clauses: readonly Clause[], faults: CheckContext['faults']): Map<string, Clause> {
  const acls = new Map<string, Clause>();
  for (const clause of clauses) {
    const name = textField(clause.value, 'name') ?? '';
    const before = acls.get(name.toLowerCase());
    if (isBuiltIn(name.toLowerCase()))
      faults.error('CONF_DUPLICATE', clause.position, `attempt to redefine builtin acl '${name}'`);
    else if (before)
      faults.error('CONF_DUPLICATE', clause.position, `attempt to redefine acl '${name}' ${previous(before)}`);
    else acls.set(name.toLowerCase(), clause);
  }
  return acls;
}

export function previous(clause: { readonly position: Clause['position'] }): string {
  return `previous definition: ${clause.position.file}:${clause.position.line}`;
}

/** The list with names replaced by what they stand for. */
export function checkMatchList(value: Value, context: CheckContext, open: readonly string[] = []): AddressMatchList {
  return (value as ListValue).elements.flatMap((element) => checkElement(element, context, open) ?? []);
}

/** The named list; undefined, and a fault, when there is none or it holds itself. */
function resolveAcl(
  name: string,
  at: Value,
  context: CheckContext,
  open: readonly string[],
): AddressMatchList | undefined {
  const known = context.resolvedAcls.get(name);
  if (known) return known;
  const clause = context.acls.get(name);
  const body = clause && fieldOf(clause.value, 'list');
  if (!clause || !body || open.includes(name)) {
    const text = clause ? `acl loop detected: ${name}` : `undefined ACL '${name}'`;
    context.faults.error('CONF_REFERENCE', at.position, text);
    return undefined;
  }
  const list = checkMatchList(body, context, [...open, name]);
  context.resolvedAcls.set(name, list);
  return list;
}

function checkElement(element: Value, context: CheckContext, open: readonly string[]): AddressMatch | undefined {
  const negated = element.kind === 'negated';
  const value = negated ? element.value : element;
  if (value.kind === 'prefix') return checkPrefix(value, negated, context);
  if (value.kind === 'list') return { kind: 'list', list: checkMatchList(value, context, open), negated };
  if (value.kind === 'tuple' && value.fields.has('geoip')) {
    context.faults.error('CONF_UNSUPPORTED', value.position, "'geoip' is known but not supported by this version");
    return undefined;
  }
  if (value.kind === 'tuple') return checkKey(value, negated, context);
  if (value.kind !== 'text') return undefined;
  const name = value.text.toLowerCase();
  if (isBuiltIn(name)) return { kind: name, negated };
  const list = resolveAcl(name, value, context, open);
  return list && { kind: 'list', list, negated };
}

function checkPrefix(value: Extract<Value, { kind: 'prefix' }>, negated: boolean, context: CheckContext) {
  if (value.scope !== undefined) {
    const text = `'%${value.scope}': address scopes are known but not supported by this version in match lists`;
    context.faults.error('CONF_UNSUPPORTED', value.position, text);
  }
  return { kind: 'prefix', address: value.octets, length: value.length, negated } as const;
}

function checkKey(value: Value, negated: boolean, context: CheckContext): AddressMatch | undefined {
  const name = textField(value, 'key') ?? '';
  if (context.keyNames.has(canonicalKeyName(name))) return { kind: 'key', name, negated };
  context.faults.error('CONF_REFERENCE', value.position, `unknown key '${name}'`);
  return undefined;
}
