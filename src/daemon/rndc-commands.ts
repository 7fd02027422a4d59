import { type CommandReply, fail, RESULT, succeed, type CommandResult } from '../control/results.ts';
import type { Log } from '../base/log.ts';
import type { DnssecPolicy } from '../conf/configuration.ts';
import { SignetError } from '../base/error.ts';
import { nameFromText, nameToShortText, nameToText, type NameFault } from '../wire/name-text.ts';
import { equalNames } from '../wire/name.ts';
import { commandWords } from './command-words.ts';
import { serverEvent } from './events.ts';
import type { KeyRequest } from './key-requests.ts';
import { readKeyCommand, requestReply } from './key-commands.ts';
import { keyStatusText } from './key-status.ts';
import { zoneStatusText } from './zone-status.ts';
import type { ZoneKeeper } from './zone-keeper.ts';

/** What commands act on: the running server. */
export interface ServerControl {
  readonly keepers: readonly ZoneKeeper[];
  readonly viewNames: readonly string[];
  debugLevel: number;
  queryLogging: boolean;
  statusText(): string;
  /** Appends to the statistics file. @throws DiskError */
  dumpStatistics(): Promise<void>;
  /** Ends the server after the reply went out. `flush`: journals are written into their files first. */
  shutDown(flush: boolean): void;
  /** Listens on addresses that the host has got since, and no longer on those it lost. */
  scanInterfaces(): Promise<void>;
  /** False when the configuration is refused; the log says why. `allZones`: reload those that were there too. */
  reconfigure(allZones: boolean): Promise<boolean>;
}

/** A command line of the control channel. */
export interface CommandLine {
  readonly line: string;
  readonly isReadOnly: boolean;
  /** Name of the key that it was signed with. */
  readonly by: string;
}

type Command = (
  arguments_: readonly string[],
  server: ServerControl,
  log: Log,
  command: CommandLine,
) => CommandReply | Promise<CommandReply>;

const COMMANDS: Readonly<Record<string, Command>> = {
  null: () => succeed(),
  status: (_words, server) => succeed(server.statusText()),
  stats,
  stop: (words, server) => shutDown(words, server, true),
  halt: (words, server) => shutDown(words, server, false),
  reload,
  reconfig: async (_words, server) => ((await server.reconfigure(false)) ? succeed() : fail(RESULT.failure)),
  zonestatus: (words, server) => onZone(words, server, (keeper) => loaded(keeper, zoneStatusText)),
  loadkeys: (words, server, _log, line) => onZone(words, server, (keeper) => kept(keeper, line, loadKeys(keeper))),
  sign: (words, server, _log, line) => onZone(words, server, (keeper) => kept(keeper, line, sign(keeper))),
  sync,
  signing,
  dnssec,
  notify: (words, server) => onZone(words, server, notify),
  freeze: (words, server) => onOptionalZone(words, server, () => fail(RESULT.notDynamic)),
  thaw: (words, server) => onOptionalZone(words, server, () => succeed()),
  trace,
  notrace: (_words, server, log) => setDebugLevel(server, 0, log),
  querylog,
  scan: (_words, server) => {
    void server.scanInterfaces();
    return succeed();
  },
};

/** What BIND allows on a channel with `read-only yes` and we have. */
const READ_ONLY = new Set(['null', 'status', 'zonestatus']);

/** Commands of BIND 9.18's rndc that are refused by name: some need what is not here yet, some have no meaning here. */
const NOT_SUPPORTED = new Set(
  (
    'addzone delzone modzone showzone dnstap dumpdb fetchlimit flush flushname flushtree managed-keys nta recursing ' +
    'refresh retransfer secroots serve-stale skr tcp-timeouts testgen timerpoke tsig-delete tsig-list validation'
  ).split(' '),
);

/** Obeys one command line of the control channel, with BIND 9.18's output lines and errors. */
export async function runCommand(commandLine: CommandLine, server: ServerControl, log: Log): Promise<CommandReply> {
  const { line, isReadOnly } = commandLine;
  const words = commandWords(line);
  if (words === undefined) return fail(RESULT.unexpectedEnd, RESULT.unexpectedEnd.text);
  const name = (words[0] ?? '').toLowerCase();
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (isReadOnly && !READ_ONLY.has(name)) {
    log.write(serverEvent.restrictedCommand(line));
    return fail(RESULT.failure);
  }
  const isQuiet = line === 'null' || line === 'status';
  log.write(isQuiet ? serverEvent.receivedQuietly(line) : serverEvent.received(line));
  if (command !== undefined) return command(words.slice(1), server, log, commandLine);
  if (name === '') return fail(RESULT.failure);
  if (NOT_SUPPORTED.has(name)) return fail(RESULT.notImplemented, `command '${name}' is not supported`);
  log.write(serverEvent.unknownCommand(name));
  return fail(RESULT.unknownCommand);
}

function shutDown(words: readonly string[], server: ServerControl, flush: boolean): CommandReply {
  server.shutDown(flush);
  return succeed(words[0] === '-p' ? `pid: ${process.pid}` : undefined);
}

async function reload(words: readonly string[], server: ServerControl): Promise<CommandReply> {
  if (words.length > 0) {
    return onZone(words, server, (keeper) => succeed(`zone reload ${keeper.requestReload()}`));
  }
  return (await server.reconfigure(true)) ? succeed('server reload successful') : fail(RESULT.failure);
}

function loadKeys(keeper: ZoneKeeper): CommandReply {
  // Under `auto-dnssec allow` keys change with `sign` only. rndc(8).
  if (!keeper.isMaintained || keeper.manualKeys?.mode === 'allow') return fail(RESULT.noPermission);
  keeper.requestKeys();
  return succeed();
}

function sign(keeper: ZoneKeeper): CommandReply {
  if (!keeper.isMaintained) return fail(RESULT.noPermission);
  keeper.requestSigning();
  return succeed();
}

function notify(keeper: ZoneKeeper): CommandReply {
  keeper.notifySecondaries();
  return succeed('zone notify queued');
}

function loaded(keeper: ZoneKeeper, describe: (keeper: ZoneKeeper) => string): CommandReply {
  return keeper.isLoaded ? succeed(describe(keeper)) : fail(RESULT.notLoaded);
}

function sync(words: readonly string[], server: ServerControl, log: Log): CommandReply | Promise<CommandReply> {
  const clean = words[0] === '-clean';
  const rest = clean ? words.slice(1) : words;
  const removing = (file: string): string => (clean ? `, removing journal file${file}` : '');
  if (rest.length > 0) {
    return onZone(rest, server, async (keeper) => {
      const failure = await syncZone(keeper, clean);
      const outcome = failure ?? 'success';
      log.write(serverEvent.dumping(`sync: dumping zone '${keeper.label}'${removing('')}: ${outcome}`));
      return failure === undefined ? succeed() : fail(RESULT.failure, failure);
    });
  }
  return syncAll(server, clean, log, removing('s'));
}

async function syncAll(server: ServerControl, clean: boolean, log: Log, removing: string): Promise<CommandReply> {
  let failure: string | undefined;
  for (const keeper of server.keepers) if (keeper.isLoaded) failure = (await syncZone(keeper, clean)) ?? failure;
  log.write(serverEvent.dumping(`dumping all zones${removing}: ${failure ?? 'success'}`));
  return failure === undefined ? succeed() : fail(RESULT.failure, failure);
}

/** What went wrong, or undefined. */
async function syncZone(keeper: ZoneKeeper, clean: boolean): Promise<string | undefined> {
  try {
    await keeper.sync(clean);
    return undefined;
  } catch (error) {
    if (error instanceof SignetError) return error.message;
    throw error;
  }
}

async function stats(_words: readonly string[], server: ServerControl): Promise<CommandReply> {
  try {
    await server.dumpStatistics();
    return succeed();
  } catch (error) {
    if (error instanceof SignetError) return fail(RESULT.failure, error.message);
    throw error;
  }
}

function signing(words: readonly string[], server: ServerControl): CommandReply | Promise<CommandReply> {
  const [option, ...rest] = words;
  if (option === undefined) return fail(RESULT.unexpectedEnd);
  if (!['-list', '-clear', '-nsec3param', '-serial'].includes(option)) return fail(RESULT.syntax);
  // -clear has one word before the zone, -serial too, -nsec3param one ("none") or four.
  const skipped = option === '-list' ? 0 : option === '-nsec3param' && rest[0] !== 'none' ? 4 : 1;
  return onZone(rest.slice(skipped), server, (keeper) => {
    if (keeper.policy !== undefined) return succeed('zone uses dnssec-policy, use rndc dnssec command instead');
    if (option === '-list') return succeed('No signing records found');
    return fail(RESULT.notImplemented, `command 'signing ${option}' is not supported: use dnssec-policy`);
  });
}

function dnssec(
  words: readonly string[],
  server: ServerControl,
  _log: Log,
  line: CommandLine,
): CommandReply | Promise<CommandReply> {
  const command = readKeyCommand(words);
  if ('result' in command) return command;
  return onZone(command.zone, server, async (keeper) => {
    const { policy } = keeper;
    if (policy === undefined) return succeed('Zone does not have dnssec-policy');
    if (command.kind === 'status') return loaded(keeper, () => statusOf(keeper, policy));
    if (command.kind === 'step') return kept(keeper, line, await stepped(keeper, policy));
    const request = { ...command.request, when: command.request.when ?? keeper.now };
    return kept(keeper, line, await obeyed(keeper, request));
  });
}

async function stepped(keeper: ZoneKeeper, policy: DnssecPolicy): Promise<CommandReply> {
  if (policy.manualMode !== true)
    return succeed(`Policy ${policy.name} has no manual-mode: nothing waits for this command`);
  try {
    const steps = await keeper.requestSteps();
    return succeed(
      steps.length === 0
        ? 'Nothing waits for this command'
        : `Begins now:\n${steps.map((step) => `  ${step}`).join('\n')}`,
    );
  } catch (error) {
    if (error instanceof SignetError) return fail(RESULT.failure, error.message);
    throw error;
  }
}

async function obeyed(keeper: ZoneKeeper, request: KeyRequest): Promise<CommandReply> {
  try {
    return requestReply(request, await keeper.requestKeyChange(request));
  } catch (error) {
    if (error instanceof SignetError) return fail(RESULT.failure, error.message);
    throw error;
  }
}

/** Commands on keys are part of their history. */
function kept(keeper: ZoneKeeper, { line, by }: CommandLine, reply: CommandReply): CommandReply {
  keeper.rememberCommand(line, by, [reply.error, reply.text].filter((text) => text !== undefined).join(': ') || 'ok');
  return reply;
}

function statusOf(keeper: ZoneKeeper, policy: DnssecPolicy): string {
  const { keys, waits, troubles, now } = keeper;
  return keyStatusText({ policy, zone: nameToShortText(keeper.apex), keys, waits, troubles, now });
}

function trace(words: readonly string[], server: ServerControl, log: Log): CommandReply {
  if (words[0] === undefined) return setDebugLevel(server, server.debugLevel + 1, log);
  return /^\d{1,3}$/.test(words[0]) ? setDebugLevel(server, Number(words[0]), log) : fail(RESULT.range);
}

function setDebugLevel(server: ServerControl, level: number, log: Log): CommandReply {
  server.debugLevel = level;
  log.write(serverEvent.debugLevel(level));
  return succeed();
}

function querylog(words: readonly string[], server: ServerControl, log: Log): CommandReply {
  const wanted = (words[0] ?? '').toLowerCase();
  if (['on', 'yes', 'true'].includes(wanted)) server.queryLogging = true;
  else if (['off', 'no', 'false'].includes(wanted)) server.queryLogging = false;
  else if (wanted === '') server.queryLogging = !server.queryLogging;
  else return fail(RESULT.syntax);
  log.write(serverEvent.queryLogging(server.queryLogging));
  return succeed();
}

type OnZone = (keeper: ZoneKeeper) => CommandReply | Promise<CommandReply>;

function onOptionalZone(
  words: readonly string[],
  server: ServerControl,
  work: OnZone,
): CommandReply | Promise<CommandReply> {
  return words.length === 0 ? succeed() : onZone(words, server, work);
}

const NAME_RESULTS: Readonly<Record<NameFault, CommandResult>> = {
  'empty name': RESULT.unexpectedEnd,
  'empty label': RESULT.emptyLabel,
  'label too long': RESULT.labelTooLong,
  'name too long': RESULT.nameTooLong,
  'bad escape': RESULT.badEscape,
  'not absolute': RESULT.failure,
};

/** Finds the zone that `words` (name [class [view]]) mean and works on it. */
function onZone(words: readonly string[], server: ServerControl, work: OnZone): CommandReply | Promise<CommandReply> {
  const [text, className, view] = words;
  if (text === undefined) return fail(RESULT.unexpectedEnd);
  const name = nameFromText(text);
  if (typeof name === 'string') return fail(NAME_RESULTS[name]);
  const shown = text.replace(/(?<=.)\.$/, '');
  if (className !== undefined && !['in', 'ch', 'hs'].includes(className.toLowerCase()))
    return fail(RESULT.unknownClass);
  if (view !== undefined && !server.viewNames.includes(view))
    return fail(RESULT.notFound, `no matching view '${view}'`);
  const found = server.keepers.filter(
    (keeper) => equalNames(keeper.apex, name) && (view === undefined || keeper.view === view),
  );
  if (found.length === 0 || (className !== undefined && className.toLowerCase() !== 'in')) {
    const where = view === undefined ? 'any view' : `view '${view}'`;
    return fail(RESULT.notFound, `no matching zone '${shown}' in ${where}`);
  }
  if (found.length > 1) return fail(RESULT.failure, `zone '${nameToText(name)}' was found in multiple views`);
  return work(found[0]);
}
