import type { Printer } from './printer.ts';
import type { ClauseSpec, ClauseTable, Spec } from './spec.ts';
import type { TreeReader } from './tree-reader.ts';
import type { Clause, MapValue, TupleValue, Value } from './tree.ts';

/** `{ element; ... }` */
export function list(element: Spec): Spec {
  return {
    read(reader) {
      const position = reader.peek().position;
      const elements: Value[] = [];
      reader.expect('{');
      reader.nested(() => {
        while (!reader.take('}')) {
          if (reader.peek().kind === 'end') throw reader.fault(`'}' expected`);
          elements.push(element.read(reader));
          reader.expectSemicolon();
        }
      });
      return { kind: 'list', elements, position };
    },
    print(value, printer) {
      if (value.kind !== 'list') return;
      printer.block(() => {
        for (const one of value.elements) {
          printer.indent();
          element.print(one, printer);
          printer.write(';\n');
        }
      });
    },
  };
}

/** One part of a tuple: a value in a fixed place, or a keyword with its value that may come in any order. */
export interface Part {
  readonly name: string;
  readonly spec: Spec;
  readonly keyword?: true;
  readonly optional?: true;
  /** Reads the part only when the next token is not `;` or a block: for optional values without a keyword. */
  readonly trailing?: true;
}

/** A value that must be there. */
export function field(name: string, spec: Spec): Part {
  return { name, spec };
}

/** `keyword value`, which may be left out. */
export function optional(name: string, spec: Spec): Part {
  return { name, spec, keyword: true, optional: true };
}

/** `keyword value`, which must be there. */
export function required(name: string, spec: Spec): Part {
  return { name, spec, keyword: true };
}

/** A value without keyword at the end, which may be left out. */
export function trailing(name: string, spec: Spec): Part {
  return { name, spec, optional: true, trailing: true };
}

/**
 * Parts one after the other. Keyword parts that follow each other may come in any order when `anyOrder` is set (as
 * BIND takes `versions`, `size` and `suffix`, or `keys` and `allow`).
 */
export function tuple(parts: readonly Part[], options: { anyOrder?: boolean; gap?: boolean } = {}): Spec {
  return {
    read: (reader) => readTuple(reader, parts, options.anyOrder ?? false),
    print(value, printer) {
      if (value.kind !== 'tuple') return;
      // BIND leaves the place of keywords that were not written empty in some statements.
      if (options.gap && value.fields.size === 1) printer.write(' ');
      printTuple(value, parts, printer);
    },
  };
}

function readTuple(reader: TreeReader, parts: readonly Part[], anyOrder: boolean): TupleValue {
  const position = reader.peek().position;
  const fields = new Map<string, Value>();
  const firstKeyword = parts.findIndex((part) => part.keyword);
  const ordered = anyOrder ? parts.slice(0, firstKeyword) : parts;
  for (const part of ordered) readPart(reader, part, fields);
  if (anyOrder) readKeywords(reader, parts.slice(firstKeyword), fields);
  return { kind: 'tuple', fields, position };
}

function readPart(reader: TreeReader, part: Part, fields: Map<string, Value>): void {
  if (part.keyword) {
    if (reader.takeWord(part.name)) fields.set(part.name, part.spec.read(reader));
    else if (!part.optional) throw reader.fault(`expected '${part.name}'`);
  } else if (!part.trailing || startsValue(reader)) fields.set(part.name, part.spec.read(reader));
}

function readKeywords(reader: TreeReader, parts: readonly Part[], fields: Map<string, Value>): void {
  for (;;) {
    const token = reader.peek();
    const part = parts.find((one) => token.kind === 'word' && one.name === token.text.toLowerCase());
    if (!part) break;
    if (fields.has(part.name)) throw reader.fault(`'${part.name}' redefined`);
    reader.next();
    fields.set(part.name, part.spec.read(reader));
  }
  const missing = parts.find((part) => !part.optional && !fields.has(part.name));
  if (missing) throw reader.fault(`expected '${missing.name}'`);
}

function startsValue(reader: TreeReader): boolean {
  const token = reader.peek();
  return token.kind === 'word' || token.kind === 'quoted';
}

function printTuple(value: TupleValue, parts: readonly Part[], printer: Printer): void {
  let isFirst = true;
  for (const part of parts) {
    const inside = value.fields.get(part.name);
    if (!inside || inside.kind === 'void') continue;
    if (!isFirst) printer.write(' ');
    isFirst = false;
    if (part.keyword) printer.write(`${part.name} `);
    part.spec.print(inside, printer);
  }
}

/** `{ clause; ... }` */
export function block(table: ClauseTable): Spec {
  return {
    read(reader) {
      reader.expect('{');
      return reader.nested(() => {
        const map = readClauses(reader, table);
        reader.expect('}');
        return map;
      });
    },
    print(value, printer) {
      if (value.kind === 'map') printer.block(() => printClauses(value, table, printer));
    },
  };
}

/** The text between braces, kept as it is: parameters of plugins. */
export const unspecified: Spec = {
  read(reader) {
    const position = reader.peek().position;
    const words: string[] = [];
    reader.expect('{');
    for (let depth = 1; depth > 0;) {
      const token = reader.next();
      if (token.kind === 'end') throw reader.fault(`'}' expected`, token);
      if (token.kind === 'special' && token.text === '{') depth++;
      if (token.kind === 'special' && token.text === '}') depth--;
      if (depth > 0) words.push(token.kind === 'quoted' ? `"${token.text.replaceAll('"', '\\"')}"` : token.text);
    }
    return { kind: 'text', text: words.join(' '), position };
  },
  print(value, printer) {
    if (value.kind === 'text') printer.write(`{ ${value.text} }`);
  },
};

/** Clauses up to a closing brace or the end of the file. Unknown ones are faults; reading goes on after them. */
export function readClauses(reader: TreeReader, table: ClauseTable): MapValue {
  const position = reader.peek().position;
  const clauses: Clause[] = [];
  const seen = new Set<string>();
  for (;;) {
    const token = reader.peek();
    if (token.kind === 'end' || (token.kind === 'special' && token.text === '}')) break;
    if (token.kind !== 'word') throw reader.fault('unexpected token');
    const name = token.text.toLowerCase();
    const known = Object.hasOwn(table, name) ? table[name] : undefined;
    if (name === 'include') readInclude(reader);
    else if (known) readClause(reader, name, known, seen, clauses);
    else readUnknown(reader);
  }
  return { kind: 'map', clauses, position };
}

function readInclude(reader: TreeReader): void {
  const { position } = reader.next();
  const token = reader.peek();
  if (token.kind !== 'quoted' && token.kind !== 'word') throw reader.fault('expected string');
  reader.next();
  reader.expectSemicolon();
  reader.include(token.text, position);
}

function readClause(reader: TreeReader, name: string, known: ClauseSpec, seen: Set<string>, clauses: Clause[]): void {
  const { position } = reader.next();
  if (known.status === 'ancient') {
    reader.faults.error('CONF_ANCIENT', position, `option '${name}' no longer exists`);
    skipClause(reader);
    return;
  }
  if (!known.many && seen.has(name)) throw reader.redefined(name, position);
  seen.add(name);
  if (known.status === 'deprecated')
    reader.faults.warning('CONF_DEPRECATED', position, `option '${name}' is deprecated`);
  if (known.status === 'obsolete')
    reader.faults.warning('CONF_OBSOLETE', position, `option '${name}' is obsolete and should be removed`);
  const value = known.spec.read(reader);
  clauses.push({ name, spec: known, value, position });
  reader.expectSemicolon();
}

function readUnknown(reader: TreeReader): void {
  const token = reader.next();
  reader.faults.error('CONF_UNKNOWN', token.position, `unknown option '${token.text}'`);
  skipClause(reader);
}

/** To behind the semicolon that ends a clause nobody knows, over whole blocks; before the brace that ends the map. */
function skipClause(reader: TreeReader): void {
  for (let depth = 0; ;) {
    const token = reader.peek();
    if (token.kind === 'end' || (depth === 0 && token.kind === 'special' && token.text === '}')) break;
    reader.next();
    if (token.kind !== 'special') continue;
    if (token.text === '{') depth++;
    if (token.text === '}') depth--;
    if (depth === 0 && token.text === ';') return;
  }
  reader.expectSemicolon();
}

/** In the order of the table; clauses of one name in the order they were written. */
export function printClauses(map: MapValue, table: ClauseTable, printer: Printer): void {
  const byName = Map.groupBy(map.clauses, (clause) => clause.name);
  for (const name of Object.keys(table)) for (const clause of byName.get(name) ?? []) printClause(clause, printer);
}

function printClause(clause: Clause, printer: Printer): void {
  printer.indent();
  printer.write(`${clause.name} `);
  clause.spec.spec.print(clause.value, printer);
  printer.write(';\n');
}
