import type { Disk } from '../base/disk.ts';
import { formatAddress } from '../base/address-text.ts';
import { canonicalKeyName } from './check/context.ts';
import { checkKeys } from './check/keys.ts';
import type { TsigKeyStatement } from './configuration.ts';
import { SERVER_DEFAULTS } from './defaults.ts';
import { FaultList } from './fault.ts';
import type { Fault } from './fault.ts';
import { rndcConfClauses, rndcKeyClauses } from './grammar/rndc-conf.ts';
import { readTree } from './syntax/read-tree.ts';
import { clauseNamed, clausesNamed, fieldOf, numberField, textField } from './syntax/tree.ts';
import type { Clause, ListValue, MapValue } from './syntax/tree.ts';

/** What rndc.conf(5) says. */
export interface RndcConfiguration {
  readonly keys: readonly TsigKeyStatement[];
  readonly defaultServer: string | undefined;
  readonly defaultKey: string | undefined;
  readonly defaultPort: number;
  readonly sourceAddress: string | undefined;
  readonly sourceAddressV6: string | undefined;
  readonly servers: readonly RndcServer[];
}

export interface RndcServer {
  readonly name: string;
  readonly key: string | undefined;
  readonly port: number | undefined;
  readonly addresses: readonly { readonly address: string; readonly port: number | undefined }[];
}

/** Reads an rndc.conf. `value` is undefined when there is an error among the faults. */
export function readRndcConfiguration(
  file: string,
  disk: Disk,
): { value: RndcConfiguration | undefined; faults: readonly Fault[] } {
  const faults = new FaultList();
  const tree = readTree(file, rndcConfClauses, {}, { disk, faults });
  const value = tree && !faults.hasErrors ? checkRndc(tree, faults) : undefined;
  return { value: faults.hasErrors ? undefined : value, faults: faults.all };
}

/** Reads an rndc.key (or session.key): a file with one key. */
export function readRndcKey(
  file: string,
  disk: Disk,
): { value: TsigKeyStatement | undefined; faults: readonly Fault[] } {
  const faults = new FaultList();
  const tree = readTree(file, rndcKeyClauses, {}, { disk, faults });
  const [value] = tree ? checkKeys(clausesNamed(tree, 'key'), faults) : [];
  if (!value && !faults.hasErrors)
    faults.error(
      'CONF_VALUE',
      { file, line: 1, column: 1 },
      `'${file}' has no key statement; make one with rndc-confgen -a`,
    );
  return { value: faults.hasErrors ? undefined : value, faults: faults.all };
}

function checkRndc(tree: MapValue, faults: FaultList): RndcConfiguration {
  const options = clauseNamed(tree, 'options')?.value as MapValue | undefined;
  const keys = checkKeys(clausesNamed(tree, 'key'), faults);
  const names = new Set(keys.map((key) => canonicalKeyName(key.name)));
  const requireKey = (clause: Clause | undefined): string | undefined => {
    const name = clause?.value.kind === 'text' ? clause.value.text : undefined;
    if (clause && name !== undefined && !names.has(canonicalKeyName(name)))
      faults.error('CONF_REFERENCE', clause.position, `unknown key '${name}'`);
    return name;
  };
  const option = (name: string): Clause | undefined => options && clauseNamed(options, name);
  return {
    keys,
    defaultServer: textOf(option('default-server')),
    defaultKey: requireKey(option('default-key')),
    defaultPort: numberOf(option('default-port')) ?? SERVER_DEFAULTS.controlPort,
    sourceAddress: addressOf(option('default-source-address')),
    sourceAddressV6: addressOf(option('default-source-address-v6')),
    servers: clausesNamed(tree, 'server').map((clause) => checkServer(clause, requireKey)),
  };
}

function checkServer(clause: Clause, requireKey: (clause: Clause | undefined) => string | undefined): RndcServer {
  const body = fieldOf(clause.value, 'body') as MapValue;
  const addresses = (clauseNamed(body, 'addresses')?.value as ListValue | undefined)?.elements ?? [];
  return {
    name: textField(clause.value, 'name') ?? '',
    key: requireKey(clauseNamed(body, 'key')),
    port: numberOf(clauseNamed(body, 'port')),
    addresses: addresses.map((element) => ({
      address: textField(element, 'server') ?? '',
      port: numberField(element, 'port'),
    })),
  };
}

function textOf(clause: Clause | undefined): string | undefined {
  return clause?.value.kind === 'text' ? clause.value.text : undefined;
}

function numberOf(clause: Clause | undefined): number | undefined {
  return clause?.value.kind === 'number' ? clause.value.value : undefined;
}

function addressOf(clause: Clause | undefined): string | undefined {
  return clause?.value.kind === 'address' ? formatAddress(clause.value.octets) : undefined;
}
