import path from 'node:path';
import type { ZoneConfiguration } from '../configuration.ts';
import { ZONE_DEFAULTS } from '../defaults.ts';
import { directoryFault } from '../directory.ts';
import type { FaultList } from '../fault.ts';
import { clauseNamed, fieldOf, textField } from '../syntax/tree.ts';
import type { Clause, MapValue } from '../syntax/tree.ts';
import { normalizeZoneName, zoneNameKey } from '../zone-name.ts';
import type { CheckContext } from './context.ts';
import { ownDirectories } from './key-stores.ts';
import { previous } from './match-lists.ts';
import { parentSetting } from './parent.ts';
import {
  allowTransferSetting,
  alsoNotifySetting,
  inherited,
  matchListSetting,
  notifySetting,
  textSetting,
  transferOverSetting,
} from './settings.ts';
import type { Scope } from './settings.ts';
import { zoneStatisticsSetting } from './statistics.ts';
import { checkSupport, SUPPORTED_ZONE } from './supported.ts';
import { checkSigning } from './zone-signing.ts';

/** Clauses of other types of zones. named.conf(5) of BIND 9.18. */
const NOT_IN_PRIMARY: ReadonlySet<string> = new Set(
  (
    'allow-notify allow-update-forwarding delegation-only masters max-refresh-time max-retry-time max-transfer-idle-in ' +
    'max-transfer-time-in min-refresh-time min-retry-time multi-master primaries request-expire request-ixfr ' +
    'server-addresses server-names transfer-source transfer-source-v6 try-tcp-refresh use-alt-transfer-source'
  ).split(' '),
);

/** What zones of the whole configuration must not share. */
export class ZoneRegistry {
  /** By absolute path: who writes beside this file. */
  readonly #files = new Map<string, ZoneConfiguration>();
  /** By zone name and key directory: keys of two policies would be mistaken for each other. */
  readonly #keyDirectories = new Map<string, ZoneConfiguration>();
  readonly #context: CheckContext;

  constructor(context: CheckContext) {
    this.#context = context;
  }

  add(zone: ZoneConfiguration): void {
    this.#addFile(zone);
    if (zone.policy !== undefined) this.#addKeyDirectory(zone, zone.policy);
  }

  #addFile(zone: ZoneConfiguration): void {
    const file = path.resolve(this.#context.directory, zone.file);
    const before = this.#files.get(file);
    this.#files.set(file, before ?? zone);
    // Two zones may read one file; what is signed is written beside it.
    if (!before || (!before.inlineSigning && !zone.inlineSigning)) return;
    this.#error(zone, `writeable file '${zone.file}': already in use: ${place(before)}`);
  }

  #addKeyDirectory(zone: ZoneConfiguration, policy: string): void {
    for (const written of ownDirectories(zone, this.#context)) {
      const key = `${zoneNameKey(zone.name)}/${path.resolve(this.#context.directory, written)}`;
      const before = this.#keyDirectories.get(key);
      this.#keyDirectories.set(key, before ?? zone);
      if (!before || before.policy === policy) continue;
      const kind = written === zone.keyDirectory ? 'key-directory' : 'key-store directory';
      const text = `${kind} '${written}' already in use by zone ${before.name} with policy ${before.policy}`;
      this.#error(zone, `${text}: ${place(before)}`);
    }
  }

  #error(zone: ZoneConfiguration, text: string): void {
    this.#context.faults.error('CONF_COLLISION', zone.position, text);
  }
}

function place(zone: ZoneConfiguration): string {
  return `${zone.position.file}:${zone.position.line}`;
}

/** The zones of one view, in order. `outer` is the view, if any, and the options. */
export function checkZones(
  clauses: readonly Clause[],
  outer: Scope,
  context: CheckContext,
  registry: ZoneRegistry,
): ZoneConfiguration[] {
  const seen = new Map<string, Clause>();
  return clauses.flatMap((clause) => {
    const written = textField(clause.value, 'name') ?? '';
    const name = normalizeZoneName(written);
    if (name === undefined) {
      context.faults.error('CONF_VALUE', clause.position, `zone '${written}': is not a valid name`);
      return [];
    }
    const before = seen.get(zoneNameKey(name));
    if (before) {
      const text = `zone '${written}': already exists ${previous(before)}`;
      context.faults.error('CONF_DUPLICATE', clause.position, text);
      return [];
    }
    seen.set(zoneNameKey(name), clause);
    const zone = checkZone(written, name, clause, outer, context);
    if (zone) registry.add(zone);
    return zone ? [zone] : [];
  });
}

function checkZone(
  written: string,
  name: string,
  clause: Clause,
  outer: Scope,
  context: CheckContext,
): ZoneConfiguration | undefined {
  const { faults } = context;
  const body = fieldOf(clause.value, 'body') as MapValue;
  checkClass(written, clause, context);
  if (!checkType(written, clause, body, context)) return undefined;
  const allowed = { ...body, clauses: body.clauses.filter((one) => !refuseForPrimary(written, one, faults)) };
  checkSupport(allowed, SUPPORTED_ZONE, faults);
  const scope = [body, ...outer];
  const file = clauseNamed(body, 'file')?.value;
  const transferOver = transferOverSetting(scope, context);
  if (file?.kind !== 'text') {
    faults.error('CONF_VALUE', clause.position, `zone '${written}': missing 'file' entry`);
    return undefined;
  }
  return {
    name,
    type: 'primary',
    file: file.text,
    position: clause.position,
    masterfileFormat: (textSetting(scope, 'masterfile-format') ?? ZONE_DEFAULTS.masterfileFormat) as 'text' | 'raw',
    keyDirectory: checkKeyDirectory(scope, context),
    allowQuery: matchListSetting(scope, 'allow-query', ZONE_DEFAULTS.allowQuery, context),
    ...(inherited(scope, 'allow-query-on') && {
      allowQueryOn: matchListSetting(scope, 'allow-query-on', ZONE_DEFAULTS.allowQuery, context),
    }),
    allowTransfer: allowTransferSetting(scope, context),
    ...(transferOver && { transferOver }),
    notify: notifySetting(scope),
    alsoNotify: alsoNotifySetting(scope, context),
    ...parentSetting(written, body, scope, context),
    serialUpdateMethod: (textSetting(scope, 'serial-update-method') ??
      ZONE_DEFAULTS.serialUpdateMethod) as ZoneConfiguration['serialUpdateMethod'],
    statistics: zoneStatisticsSetting(scope),
    ...checkSigning(written, clause, body, scope, context),
  };
}

/** True, and a fault, for a clause of zones that are copies or hints. */
function refuseForPrimary(written: string, clause: Clause, faults: FaultList): boolean {
  if (!NOT_IN_PRIMARY.has(clause.name)) return false;
  const text = `option '${clause.name}' is not allowed in 'primary' zone '${written}'`;
  faults.error('CONF_VALUE', clause.position, text);
  return true;
}

function checkClass(written: string, clause: Clause, { faults }: CheckContext): void {
  const name = textField(clause.value, 'class')?.toLowerCase() ?? 'in';
  if (name !== 'in')
    faults.error(
      'CONF_UNSUPPORTED',
      clause.position,
      `zone '${written}': class '${name}' is known but not supported by this version`,
    );
}

function checkType(written: string, clause: Clause, body: MapValue, { faults }: CheckContext): boolean {
  const inView = clauseNamed(body, 'in-view');
  const type = clauseNamed(body, 'type');
  if (inView) {
    faults.error('CONF_UNSUPPORTED', inView.position, "'in-view' is known but not supported by this version");
  } else if (!type) faults.error('CONF_VALUE', clause.position, `zone '${written}': type not present`);
  else if (type.value.kind === 'text' && type.value.text !== 'primary' && type.value.text !== 'master') {
    const text = `zone '${written}': 'type ${type.value.text}' is known but not supported by this version`;
    faults.error('CONF_UNSUPPORTED', type.position, text);
  } else return true;
  return false;
}

function checkKeyDirectory(scope: Scope, context: CheckContext): string {
  const clause = inherited(scope, 'key-directory');
  if (clause?.value.kind !== 'text') return '.';
  const directory = clause.value.text;
  const fault = directoryFault(context.disk, path.resolve(context.directory, directory));
  if (fault?.isMissing)
    context.faults.warning('CONF_NO_FILE', clause.position, `key-directory: '${directory}' does not exist`);
  else if (fault) context.faults.error('CONF_VALUE', clause.position, `key-directory: '${directory}': ${fault.text}`);
  return directory;
}
