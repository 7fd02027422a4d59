import { spawnSync } from 'node:child_process';
import path from 'node:path';
import type { Configuration } from '../conf/configuration.ts';
import { HISTORY_KINDS } from '../history/history-event.ts';
import type { HistoryKind } from '../history/history-event.ts';
import { HistoryError } from '../history/history-error.ts';
import { endOf, HistoryFollower } from '../history/history-follower.ts';
import type { HistoryPosition } from '../history/history-follower.ts';
import { HistoryReader } from '../history/history-reader.ts';
import type { HistoryEntry } from '../history/key-history.ts';
import { DEFAULT_CONFIGURATION, EXIT, Refusal } from './signet-context.ts';
import type { SignetContext } from './signet-context.ts';
import { historyFile, momentOption } from './signet-history.ts';
import { optionHelp, parseOptions } from './signet-options.ts';
import type { OptionForms, SignetOptions } from './signet-options.ts';
import { askedOfParent, noticeOf, noticeText } from './signet-watch-notice.ts';
import type { Notice } from './signet-watch-notice.ts';
import { readPosition, writePosition } from './signet-watch-position.ts';
import { historyZoneName, loadConfiguration, managedZones } from './signet-zones.ts';

const OPTIONS: OptionForms = {
  config: { argument: 'named.conf', help: `the configuration; default ${DEFAULT_CONFIGURATION}` },
  file: { argument: 'FILE', help: 'the history; default: signet-history.sqlite in the working directory' },
  kind: { argument: 'KIND', isRepeated: true, help: `tell also of these events: ${HISTORY_KINDS.join(', ')}` },
  command: { argument: 'PROGRAM', help: 'run this for each, with the notice as JSON on its standard input' },
  state: {
    argument: 'FILE',
    help: 'how far it has told; with --command by default signet-watch.json beside the history',
  },
  since: {
    argument: 'TIME',
    help: 'where there is no state yet: begin here and not now; 2027-03-01 or 2027-03-01T12:00:00Z',
  },
  once: { help: 'end when there is nothing new' },
  json: { help: 'a line of JSON for each' },
  help: { help: 'this text' },
};

export const WATCH_HELP = `usage: signet watch [ZONE ...] [options]

Tells, when it happens, that a parent should get or remove a DS: prints it, or hands it to a program that sends mail or calls a webhook.
What was told is remembered, and what a program failed to take (exit code other than 0) is handed to it again until it does.

${optionHelp(OPTIONS)}`;

/** What watching needs besides: tests have another. */
export interface WatchWorld {
  readonly sleep: (milliseconds: number) => void;
  /** Runs a program with this on its standard input. @returns undefined when it was good, else what went wrong */
  readonly run: (program: string, input: string, variables: Readonly<Record<string, string>>) => string | undefined;
}

/** Milliseconds between two looks at the history. */
const INTERVAL = 1000;
/** Milliseconds until a program is tried again: doubled each time, from the first to the last. */
const FIRST_RETRY = 1000;
const LAST_RETRY = 300_000;
/** Milliseconds that a program may take. */
const PROGRAM_LIMIT = 60_000;

const PAUSE = new Int32Array(new SharedArrayBuffer(4));

const processWorld: WatchWorld = {
  sleep: (milliseconds) => void Atomics.wait(PAUSE, 0, 0, milliseconds),
  run: (program, input, variables) => {
    const { error, status, signal } = spawnSync(program, [], {
      input,
      env: { ...process.env, ...variables },
      stdio: ['pipe', 'inherit', 'inherit'],
      timeout: PROGRAM_LIMIT,
      killSignal: 'SIGKILL',
    });
    // A program that does not read its input is none that failed.
    if (error !== undefined && (error as NodeJS.ErrnoException).code !== 'EPIPE') return error.message;
    if (status === 0) return undefined;
    return status === null ? `it was ended by ${signal ?? 'a signal'}` : `exit code ${status}`;
  },
};

/** `signet watch`. @throws SignetError when nothing can be watched */
export function watchCommand(
  words: readonly string[],
  context: SignetContext,
  world: WatchWorld = processWorld,
): number {
  const options = parseOptions(words, OPTIONS);
  if (options.has('help')) {
    context.output.print(WATCH_HELP);
    return EXIT.good;
  }
  const configurationFile = options.value('config') ?? DEFAULT_CONFIGURATION;
  const configuration = loadConfiguration(configurationFile, context);
  const history = options.value('file') ?? historyFile(configuration);
  const state = stateFile(options, history);
  const lock = state === undefined ? undefined : context.disk.lock(`${state}.lock`);
  if (state !== undefined && lock === undefined) throw new Refusal(`${state}: another signet watch uses it`);
  try {
    return new Watch({ options, configurationFile, configuration, history, state }, { ...context, ...world }).run();
  } finally {
    lock?.release();
  }
}

function stateFile(options: SignetOptions, history: string): string | undefined {
  const given = options.value('state');
  if (given !== undefined) return path.resolve(given);
  return options.has('command') ? path.join(path.dirname(path.resolve(history)), 'signet-watch.json') : undefined;
}

interface WatchOptions {
  readonly options: SignetOptions;
  readonly configurationFile: string;
  /** As it was read first. */
  readonly configuration: Configuration;
  /** Path of the history. */
  readonly history: string;
  /** Path of what was told; undefined: it is not kept. */
  readonly state: string | undefined;
}

class Watch {
  readonly #options: WatchOptions;
  readonly #world: SignetContext & WatchWorld;
  readonly #zones: ReadonlySet<string>;
  readonly #kinds: ReadonlySet<string>;
  readonly #follower: HistoryFollower;
  #configuration: Configuration;
  /** What was said last of a history that cannot be read. */
  #complaint = '';

  constructor(options: WatchOptions, world: SignetContext & WatchWorld) {
    this.#options = options;
    this.#world = world;
    this.#configuration = options.configuration;
    this.#zones = new Set(options.options.operands.map((zone) => watchedZone(zone, options.configuration)));
    this.#kinds = new Set(kindsOf(options.options));
    const kinds = HISTORY_KINDS.filter((kind) => kind === 'state' || this.#kinds.has(kind));
    this.#follower = new HistoryFollower({ kinds, position: this.#begin() });
  }

  run(): number {
    const isOnce = this.#options.options.has('once');
    for (;;) {
      const entries = this.#read(isOnce);
      for (const entry of entries) if (!this.#tell(entry, isOnce)) return EXIT.wrong;
      if (entries.length > 0) {
        this.#keep();
        continue;
      }
      if (isOnce) return EXIT.good;
      this.#world.sleep(INTERVAL);
    }
  }

  #begin(): HistoryPosition {
    const { options, history, state } = this.#options;
    const since = momentOption(options, 'since');
    const known = state === undefined ? undefined : readPosition(state, this.#world.disk);
    if (known !== undefined && since !== undefined)
      throw new Refusal(`--since is for a first watch: ${state} says what was told; remove it to begin anew`);
    if (known !== undefined) return known;
    if (since !== undefined) return { id: 0, at: since };
    const now = this.#world.clock.now();
    const begin = this.#world.disk.facts(history) === undefined ? { id: 0, at: now } : this.#end(now);
    // Written at once: what happens until the next run is news to it.
    if (state !== undefined) writePosition(state, begin, this.#world.disk);
    return begin;
  }

  #end(now: number): HistoryPosition {
    using reader = HistoryReader.open(this.#options.history, this.#world);
    return endOf(reader, now);
  }

  /** A history that cannot be read now is tried again, unless this is the only look. */
  #read(isOnce: boolean): HistoryEntry[] {
    try {
      // Opened each time: named may have ended or begun, and the file may be another.
      using reader = HistoryReader.open(this.#options.history, this.#world);
      const entries = this.#follower.next(reader);
      this.#complaint = '';
      return entries;
    } catch (fault) {
      if (!(fault instanceof HistoryError) || isOnce) throw fault;
      if (fault.message !== this.#complaint) this.#world.output.complain(`signet watch: ${fault.message}\n`);
      this.#complaint = fault.message;
      return [];
    }
  }

  /** False: a program did not take it, and this is the only look. */
  #tell(entry: HistoryEntry, isOnce: boolean): boolean {
    const isWanted = this.#isWanted(entry);
    if (isWanted && !this.#hand(noticeOf(entry, this.#reconfigure(), this.#world), isOnce)) return false;
    this.#follower.take(entry);
    // Before anything else is told; what nobody wanted to know may be read again.
    if (isWanted) this.#keep();
    return true;
  }

  #keep(): void {
    const { state } = this.#options;
    if (state !== undefined) writePosition(state, this.#follower.position, this.#world.disk);
  }

  #isWanted({ event }: HistoryEntry): boolean {
    if (this.#zones.size > 0 && (event.about === undefined || !this.#zones.has(event.about.zone))) return false;
    return this.#kinds.has(event.kind) || askedOfParent(event) !== undefined;
  }

  /** Zones come and go while this runs. A configuration that has faults now, which are printed, leaves the one before. */
  #reconfigure(): Configuration {
    try {
      this.#configuration = loadConfiguration(this.#options.configurationFile, this.#world);
    } catch (fault) {
      if (!(fault instanceof Refusal)) throw fault;
    }
    return this.#configuration;
  }

  #hand(notice: Notice, isOnce: boolean): boolean {
    const { options } = this.#options;
    const json = `${JSON.stringify(notice)}\n`;
    const program = options.value('command');
    if (program === undefined) {
      this.#world.output.print(options.has('json') ? json : noticeText(notice));
      return true;
    }
    const variables = { SIGNET_ZONE: notice.zone ?? '', SIGNET_NOTICE: noticeText(notice) };
    for (let retry = FIRST_RETRY; ; retry = Math.min(2 * retry, LAST_RETRY)) {
      const fault = this.#world.run(program, json, variables);
      if (fault === undefined) return true;
      const next = isOnce ? 'the next run hands it over again' : `next attempt in ${retry / 1000} seconds`;
      this.#world.output.complain(`signet watch: ${program}: ${fault}; event ${notice.id} is not told yet, ${next}\n`);
      if (isOnce) return false;
      this.#world.sleep(retry);
    }
  }
}

/** As the history names it. @throws Refusal for one that no policy manages: nothing would ever be told of it */
function watchedZone(zone: string, configuration: Configuration): string {
  managedZones(configuration, { zone, view: undefined });
  return historyZoneName(zone);
}

function kindsOf(options: SignetOptions): HistoryKind[] {
  const given = options.values('kind').flatMap((text) => text.split(','));
  const unknown = given.find((kind) => !HISTORY_KINDS.includes(kind as HistoryKind));
  if (unknown !== undefined)
    throw new Refusal(`--kind ${unknown}: there is no such kind of event; there are ${HISTORY_KINDS.join(', ')}`);
  return given as HistoryKind[];
}
