/*
 * Every event that the daemon tells about: the line in the log, in the words of BIND 9.18 wherever it has the same event,
 * so that scripts and habits go on working. Metrics and history attach here too.
 */
import type { LogRecord, Severity } from '../base/log.ts';
import { logTime } from './log-line.ts';

function event(category: string, severity: Severity, text: string, zone?: string): LogRecord {
  return zone === undefined ? { category, severity, text } : { category, severity, text, zone };
}

const general = (severity: Severity, text: string): LogRecord => event('general', severity, text);

/** The server as a whole. */
export const serverEvent = {
  starting: (product: string): LogRecord => general('notice', `starting ${product}`),
  runningOn: (system: string): LogRecord => general('notice', `running on ${system}`),
  runningAs: (commandLine: string): LogRecord => general('notice', `running as: ${commandLine}`),
  processors: (count: number, threads: number): LogRecord =>
    general(
      'info',
      `found ${count} CPU${count === 1 ? '' : 's'}, using ${threads} worker thread${threads === 1 ? '' : 's'}`,
    ),
  initialDirectory: (directory: string): LogRecord =>
    general('info', `the initial working directory is '${directory}'`),
  loadingConfiguration: (file: string): LogRecord => general('info', `loading configuration from '${file}'`),
  workingDirectory: (directory: string): LogRecord => general('info', `the working directory is now '${directory}'`),
  configurationFault: (text: string): LogRecord => event('config', 'error', text),
  configurationWarning: (text: string): LogRecord => event('config', 'warning', text),
  configurationFailed: (reason: string): LogRecord => general('critical', `loading configuration: ${reason}`),
  reloadingConfigurationFailed: (reason: string): LogRecord =>
    general('error', `reloading configuration failed: ${reason}`),
  reloadingConfigurationSucceeded: (): LogRecord => general('info', 'reloading configuration succeeded'),
  reloadingZonesSucceeded: (): LogRecord => general('info', 'reloading zones succeeded'),
  scheduledNewZones: (): LogRecord => general('info', 'scheduled loading new zones'),
  newZonesLoaded: (): LogRecord => general('notice', 'any newly configured zones are now loaded'),
  exitingAfterError: (): LogRecord => general('critical', 'exiting (due to fatal error)'),
  fatal: (text: string): LogRecord => general('critical', text),
  /** `over` is "", " (TLS)", " (HTTPS)" or " (HTTP)". */
  listening: (family: 'IPv4' | 'IPv6', interfaceName: string, address: string, port: number, over = ''): LogRecord =>
    event('network', 'info', `listening on ${family} interface ${interfaceName}, ${address}#${port}${over}`),
  tlsUnusable: (why: string, kept: boolean): LogRecord =>
    event(
      'network',
      'error',
      `${why}; ${kept ? 'new connections get the certificate of before' : 'its listeners are left out'} until the files are good and rndc reconfig reads them`,
    ),
  notListening: (
    family: 'IPv4' | 'IPv6',
    interfaceName: string,
    address: string,
    port: number,
    why: string,
  ): LogRecord =>
    event('network', 'error', `could not listen on ${family} interface ${interfaceName}, ${address}#${port}: ${why}`),
  listeningNowhere: (): LogRecord =>
    event(
      'network',
      'warning',
      'not listening on any interfaces: listen-on and listen-on-v6 match no address of this host',
    ),
  noLongerListening: (address: string, port: number): LogRecord =>
    event('network', 'info', `no longer listening on ${address}#${port}`),
  scanFailed: (why: string): LogRecord => event('network', 'error', `looking for interfaces failed: ${why}`),
  sessionKey: (): LogRecord => general('info', 'generating session key for dynamic DNS'),
  ignoringLogging: (): LogRecord =>
    general('info', 'not using config file logging statement for logging due to -g option'),
  controlKeyFile: (file: string): LogRecord => general('info', `configuring command channel from '${file}'`),
  noControlChannel: (why: string): LogRecord => general('info', `none:0: open: ${why}; rndc cannot be used`),
  noLongerControl: (address: string, port: number): LogRecord =>
    general('notice', `stopping command channel on ${address}#${port}`),
  statisticsChannel: (address: string, port: number): LogRecord =>
    general('notice', `statistics channel listening on ${address}#${port}`),
  noStatisticsChannel: (address: string, port: number, why: string): LogRecord =>
    general(
      'error',
      `could not open statistics channel ${address}#${port}: ${why}: the name service goes on without it; mend that and run 'rndc reconfig'`,
    ),
  noLongerStatistics: (address: string, port: number): LogRecord =>
    general('notice', `stopping statistics channel on ${address}#${port}`),
  statisticsDumped: (file: string): LogRecord => general('info', `dumpstats: statistics appended to '${file}'`),
  received: (command: string): LogRecord => general('info', `received control channel command '${command}'`),
  receivedQuietly: (command: string): LogRecord => general('debug 1', `received control channel command '${command}'`),
  unknownCommand: (command: string): LogRecord => general('warning', `unknown control channel command '${command}'`),
  restrictedCommand: (command: string): LogRecord =>
    general('error', `rejecting restricted control channel command '${command}'`),
  debugLevel: (level: number): LogRecord => general('info', `debug level is now ${level}`),
  queryLogging: (on: boolean): LogRecord => general('info', `query logging is now ${on ? 'on' : 'off'}`),
  allLoaded: (): LogRecord => general('notice', 'all zones loaded'),
  running: (): LogRecord => general('notice', 'running'),
  hangUp: (): LogRecord => general('info', 'received SIGHUP signal to reload zones'),
  shuttingDown: (flushing: boolean): LogRecord =>
    general('notice', flushing ? 'shutting down: flushing changes' : 'shutting down'),
  exiting: (): LogRecord => general('notice', 'exiting'),
  dumping: (what: string): LogRecord => general('info', what),
} as const;

/** One zone. `label` is as zoneLabel makes it. */
export const zoneEvent = {
  loaded: (label: string, serial: number, isSigned: boolean): LogRecord =>
    event('zoneload', 'info', `zone ${label}: loaded serial ${serial}${isSigned ? ' (DNSSEC signed)' : ''}`, label),
  loadFault: (label: string, text: string): LogRecord => event('zoneload', 'error', text, label),
  loadWarning: (label: string, text: string): LogRecord => event('zoneload', 'warning', text, label),
  loadFailed: (label: string, file: string, reason: string): LogRecord =>
    event('zoneload', 'error', `zone ${label}: loading from master file ${file} failed: ${reason}`, label),
  notLoaded: (label: string): LogRecord =>
    event('zoneload', 'error', `zone ${label}: not loaded due to errors.`, label),
  keepingOld: (label: string, serial: number): LogRecord =>
    event('zoneload', 'error', `zone ${label}: still serving serial ${serial}`, label),
  serialUnchanged: (label: string, serial: number): LogRecord =>
    event(
      'zoneload',
      'warning',
      `zone ${label}: zone serial (${serial}) unchanged. zone may fail to transfer to secondaries.`,
      label,
    ),
  serialWentBack: (label: string, serial: number, before: number): LogRecord =>
    event('zoneload', 'error', `zone ${label}: zone serial (${serial}/${before}) has gone backwards`, label),
  signedFileUnusable: (label: string, file: string, reason: string): LogRecord =>
    event(
      'zoneload',
      'error',
      `zone ${label}: ${file} cannot be used: ${reason}; it is put aside as ${file}.unusable and the zone is signed anew: if secondaries have a higher serial, raise the one in the zone file`,
      label,
    ),
  journalUnusable: (label: string, file: string, reason: string): LogRecord =>
    event(
      'zoneload',
      'error',
      `zone ${label}: journal ${file}: ${reason}; changes after the signed file are made anew`,
      label,
    ),
  reconfiguringKeys: (label: string): LogRecord =>
    event('dnssec', 'info', `zone ${label}: reconfiguring zone keys`, label),
  nextKeyEvent: (label: string, time: number): LogRecord =>
    event('dnssec', 'info', `zone ${label}: next key event: ${logTime(time * 1000, 'local')}`, label),
  keyCreated: (key: string, policy: string): LogRecord =>
    event('dnssec', 'info', `keymgr: DNSKEY ${key} created for policy ${policy}`),
  keyFetched: (key: string): LogRecord => event('dnssec', 'info', `Fetching ${key} from key repository.`),
  // With the policy that asked for it; keys managed by hand have none, and BIND's words.
  keyPublished: (key: string, policy?: string): LogRecord =>
    event('dnssec', 'info', `DNSKEY ${key} is now published${byPolicy(policy)}`),
  keyActive: (key: string, policy?: string): LogRecord =>
    event('dnssec', 'info', `DNSKEY ${key} is now active${byPolicy(policy)}`),
  keyInactive: (key: string, policy?: string): LogRecord =>
    event('dnssec', 'info', `DNSKEY ${key} is now inactive${byPolicy(policy)}`),
  keyRevoked: (key: string, tag: number): LogRecord =>
    event('dnssec', 'info', `DNSKEY ${key} is now revoked; new ID is ${String(tag).padStart(5, '0')}`),
  keyRemoved: (key: string): LogRecord => event('dnssec', 'info', `Removing expired key ${key} from DNSKEY RRset.`),
  keyDeleted: (key: string, policy?: string): LogRecord =>
    event('dnssec', 'info', `DNSKEY ${key} is now deleted${byPolicy(policy)}`),
  keyRetired: (key: string, policy: string): LogRecord =>
    event('dnssec', 'info', `keymgr: retire DNSKEY ${key}${byPolicy(policy)}`),
  keyPurged: (key: string, policy: string): LogRecord =>
    event('dnssec', 'info', `keymgr: purge DNSKEY ${key} according to policy ${policy}`),
  keyAdopted: (key: string, policy: string): LogRecord =>
    event('dnssec', 'info', `keymgr: DNSKEY ${key} matches policy ${policy}`),
  keyCollision: (tag: number, label: string): LogRecord =>
    event('dnssec', 'info', `keymgr: key collision id ${tag}: another key is made`, label),
  keyTransition: (key: string, record: string, from: string, to: string, policy: string): LogRecord =>
    event(
      'dnssec',
      'debug 1',
      `keymgr: transition ${key} type ${record} state ${from} to state ${to}!${byPolicy(policy)}`,
    ),
  keyNotBorneOut: (label: string, key: string): LogRecord =>
    event(
      'dnssec',
      'warning',
      `zone ${label}: the state file of ${key} does not agree with the zone that is served: what resolvers know of the key counts from now on`,
      label,
    ),
  servedTtlsUnusable: (label: string, file: string, line: number): LogRecord =>
    event(
      'dnssec',
      'warning',
      `zone ${label}: ${file}: line ${line} is not "zone|dnskey|ds|signatures seconds time": it is put aside as ${file}.unusable; TTLs that were lowered lately are not known any more`,
      label,
    ),
  keyWaits: (label: string, text: string): LogRecord => event('dnssec', 'notice', `zone ${label}: ${text}`, label),
  dsMarked: (key: string, seen: 'published' | 'withdrawn', at: string): LogRecord =>
    event('dnssec', 'notice', `keymgr: checkds DS for key ${key} seen ${seen} at ${at}`),
  dsLacking: (label: string, text: string): LogRecord => event('dnssec', 'warning', `zone ${label}: ${text}`, label),
  syncPublished: (type: 'CDS' | 'CDNSKEY', key: string, policy?: string): LogRecord =>
    event('dnssec', 'info', `${type} for key ${key} is now published${byPolicy(policy)}`),
  syncDeleted: (type: 'CDS' | 'CDNSKEY', digest: string | undefined, key: string, policy?: string): LogRecord =>
    event(
      'dnssec',
      'info',
      `${type}${digest === undefined ? '' : ` (${digest})`} for key ${key} is now deleted${byPolicy(policy)}`,
    ),
  syncDeletion: (type: 'CDS' | 'CDNSKEY', zone: string, isShown: boolean, policy?: string): LogRecord =>
    event(
      'dnssec',
      'info',
      `${type} (DELETE) for zone ${zone} is now ${isShown ? 'published' : 'deleted'}${byPolicy(policy)}`,
    ),
  waitsForKeys: (label: string, why: string): LogRecord =>
    event('dnssec', 'notice', `zone ${label}: served unsigned: ${why}`, label),
  stepBlocked: (label: string, text: string): LogRecord =>
    event('dnssec', 'notice', `zone ${label}: keymgr-manual-mode: ${text}`, label),
  keyFault: (label: string, text: string, isWarning: boolean): LogRecord =>
    event('dnssec', isWarning ? 'warning' : 'error', `zone ${label}: ${text}`, label),
  signingSuspended: (label: string, why: string): LogRecord =>
    event('dnssec', 'error', `zone ${label}: signing is suspended: ${why}`, label),
  signed: (
    label: string,
    /** Undefined: keys are managed by hand. */
    policy: string | undefined,
    serial: number,
    unsigned: number | undefined,
    { generated }: { readonly generated: number },
  ): LogRecord =>
    event(
      'dnssec',
      'info',
      `zone ${label}: serial ${serial}${unsigned === undefined ? '' : ` (unsigned ${unsigned})`}, ${generated} signatures made ${policy === undefined ? 'with keys managed by hand' : `by policy ${policy}`}`,
      label,
    ),
  writeFailed: (label: string, text: string, retry: number): LogRecord =>
    event(
      'general',
      'error',
      `zone ${label}: ${text}; still serving what was there, next attempt in ${retry} seconds`,
      label,
    ),
  recovered: (label: string): LogRecord => event('general', 'notice', `zone ${label}: upkeep goes on`, label),
  upkeepFailed: (label: string, text: string, retry: number): LogRecord =>
    event('general', 'error', `zone ${label}: ${text}; next attempt in ${retry} seconds`, label),
  sendingNotifies: (label: string, serial: number): LogRecord =>
    event('notify', 'info', `zone ${label}: sending notifies (serial ${serial})`, label),
  flushFailed: (label: string, text: string): LogRecord =>
    event('general', 'error', `zone ${label}: ${text}; the journal has what the signed file lacks`, label),
  removed: (label: string): LogRecord => event('general', 'info', `zone ${label}: (primary) removed`, label),
  wasSigned: (label: string, key: string): LogRecord =>
    event(
      'dnssec',
      'warning',
      `zone ${label}: served unsigned without a policy, although the parent may still have the DS of ${key}, which makes it bogus for validating resolvers: use 'dnssec-policy insecure' until 'rndc dnssec -status' has no key that is published`,
      label,
    ),
  keptByTimes: (label: string): LogRecord =>
    event(
      'dnssec',
      'notice',
      `zone ${label}: signed before and without a policy now: its keys follow the times in their files, as with 'auto-dnssec maintain'; use 'dnssec-policy insecure' to make it unsigned`,
      label,
    ),
  isUnsigned: (label: string, policy: string, serial: number): LogRecord =>
    event(
      'dnssec',
      'notice',
      `zone ${label}: unsigned since serial ${serial}${byPolicy(policy)}: no DNSSEC record is left`,
      label,
    ),
} as const;

/** "example.org/IN", with the view's name when it is not the only one, and which side of inline signing is meant. */
export function zoneLabel(name: string, view: string, side?: 'signed' | 'unsigned'): string {
  const plain = name === '.' ? '.' : name.replace(/\.$/, '');
  const viewPart = view === '_default' ? '' : `/${view}`;
  return `${plain}/IN${viewPart}${side === undefined ? '' : ` (${side})`}`;
}

const byPolicy = (policy: string | undefined): string => (policy === undefined ? '' : ` by policy ${policy}`);
