import type { TextPosition } from '../../base/error.ts';
import type { ClauseSpec } from './spec.ts';

/*
 * What a configuration says, before anybody asks whether it makes sense. Every value knows where it stands.
 *
 *     map ::= clause*          clause ::= name value          tuple ::= named fields          list ::= value*
 */

export type Value =
  | TextValue
  | NumberValue
  | SizeValue
  | BooleanValue
  | DurationValue
  | AddressValue
  | PrefixValue
  | NegatedValue
  | TupleValue
  | ListValue
  | MapValue
  | VoidValue;

export interface TextValue extends Located {
  readonly kind: 'text';
  readonly text: string;
  /** A word that the grammar names; in lower case. */
  readonly isKeyword?: true;
  /** A keyword in its own case, in which it is printed. */
  readonly written?: string;
}

export interface NumberValue extends Located {
  readonly kind: 'number';
  readonly value: number;
  /** How it is printed when it is not as a plain whole number: 10%, 0.30. */
  readonly text?: string;
}

/** Octets, up to 2^64 - 1. */
export interface SizeValue extends Located {
  readonly kind: 'size';
  readonly value: bigint;
}

export interface BooleanValue extends Located {
  readonly kind: 'boolean';
  readonly value: boolean;
}

export interface DurationValue extends Located {
  readonly kind: 'duration';
  readonly seconds: number;
  /** Canonical form: ISO 8601 when it was written so, else seconds. */
  readonly text: string;
}

/** 4 or 16 octets; `*` is the unspecified address. */
export interface AddressValue extends Located {
  readonly kind: 'address';
  readonly octets: Uint8Array;
  /** Interface name or number of a link-local address. */
  readonly scope?: string;
  readonly port?: number;
  /** The word `address` stood before it. */
  readonly isNamed?: boolean;
}

export interface PrefixValue extends Located {
  readonly kind: 'prefix';
  readonly octets: Uint8Array;
  readonly scope?: string;
  readonly length: number;
}

export interface NegatedValue extends Located {
  readonly kind: 'negated';
  readonly value: Value;
}

/** Optional parts that were not written are absent. */
export interface TupleValue extends Located {
  readonly kind: 'tuple';
  readonly fields: ReadonlyMap<string, Value>;
}

export interface ListValue extends Located {
  readonly kind: 'list';
  readonly elements: readonly Value[];
}

export interface MapValue extends Located {
  readonly kind: 'map';
  readonly clauses: readonly Clause[];
}

/** A clause that is only its name: `null;`. */
export interface VoidValue extends Located {
  readonly kind: 'void';
}

interface Located {
  readonly position: TextPosition;
}

export interface Clause extends Located {
  /** In lower case, as the grammar has it. */
  readonly name: string;
  readonly spec: ClauseSpec;
  readonly value: Value;
}

export function clausesNamed(map: MapValue, name: string): Clause[] {
  return map.clauses.filter((clause) => clause.name === name);
}

export function clauseNamed(map: MapValue, name: string): Clause | undefined {
  return map.clauses.find((clause) => clause.name === name);
}

export function fieldOf(value: Value, name: string): Value | undefined {
  return value.kind === 'tuple' ? value.fields.get(name) : undefined;
}

/** The text of a field that the grammar makes a string, word or name. */
export function textField(value: Value, name: string): string | undefined {
  const field = fieldOf(value, name);
  return field?.kind === 'text' ? field.text : undefined;
}

export function numberField(value: Value, name: string): number | undefined {
  const field = fieldOf(value, name);
  return field?.kind === 'number' ? field.value : undefined;
}
