import path from 'node:path';
import type { Disk } from '../base/disk.ts';
import type { Log, LogRecord } from '../base/log.ts';
import type { SystemCalls } from '../base/system-calls.ts';
import { BUILT_IN_CHANNELS } from '../conf/check/logging.ts';
import type { LogChannel, LoggingConfiguration } from '../conf/configuration.ts';
import { SignetError } from '../base/error.ts';
import { LogFile } from './log-file.ts';
import { logLine, syslogPriority, takesSeverity } from './log-line.ts';

export interface DaemonLogOptions {
  /** -g: everything goes to standard error with its time, whatever the configuration says. */
  readonly stderrOnly: boolean;
  /** -L: this file is the default channel in place of syslog. */
  readonly logFile: string | undefined;
  readonly debugLevel: number;
}

export interface DaemonLogDependencies {
  readonly disk: Disk;
  /** Unix time in milliseconds. */
  readonly milliseconds: () => number;
  readonly stderr: (text: string) => void;
  /** Called when a channel first needs syslog. @throws SignetError when there is none */
  readonly systemCalls: () => SystemCalls;
}

interface OpenChannel {
  readonly channel: LogChannel;
  /** BIND's default_debug is silent while the debug level is 0. */
  readonly onlyWhileDebugging?: boolean;
  write(record: LogRecord): void;
  close(): void;
}

/** -g: with the time alone, as BIND 9.18. */
const ONLY_STDERR: LogChannel = {
  name: 'stderr',
  to: { kind: 'stderr' },
  severity: 'dynamic',
  printTime: 'local',
  printSeverity: false,
  printCategory: false,
  buffered: false,
};

function defaultLogFile(file: string): LogChannel {
  return {
    name: 'default_logfile',
    to: { kind: 'file', path: file, versions: undefined, size: undefined, suffix: 'increment' },
    severity: 'dynamic',
    printTime: 'local',
    printSeverity: true,
    printCategory: true,
    buffered: false,
  };
}

/** Numbers of syslog(3), already shifted. */
const FACILITIES: Readonly<Record<string, number>> = Object.fromEntries(
  ['kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp']
    .map((name, index) => [name, index << 3] as const)
    .concat(Array.from({ length: 8 }, (_, index) => [`local${index}`, (16 + index) << 3] as const)),
);

/** The Log port by BIND's logging statement: records go to the channels of their category. */
export class DaemonLog implements Log {
  /** `rndc trace` changes it; channels with `severity dynamic` follow. */
  debugLevel: number;
  readonly #options: DaemonLogOptions;
  readonly #dependencies: DaemonLogDependencies;
  #directory = '.';
  #categories: ReadonlyMap<string, readonly OpenChannel[]> = new Map();
  #fallback: readonly OpenChannel[];
  #open: OpenChannel[] = [];

  constructor(options: DaemonLogOptions, dependencies: DaemonLogDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.debugLevel = options.debugLevel;
    this.#fallback = this.#defaultChannels(new Map());
  }

  write(record: LogRecord): void {
    const channels = this.#categories.get(record.category) ?? this.#fallback;
    for (const channel of channels) {
      if (channel.onlyWhileDebugging === true && this.debugLevel === 0) continue;
      if (takesSeverity(channel.channel.severity, record.severity, this.debugLevel)) channel.write(record);
    }
  }

  /**
   * Takes over the logging statement. Files are opened now, so that a path that cannot be written is an error at start.
   * @param directory the working directory that relative paths are under
   * @throws SignetError, and then goes on as before
   */
  configure(logging: LoggingConfiguration, directory: string): void {
    if (this.#options.stderrOnly) return;
    const before = { directory: this.#directory, open: this.#open };
    this.#directory = directory;
    this.#open = [];
    try {
      const channels = new Map<string, OpenChannel>();
      for (const channel of logging.channels) {
        // Those that are always there are opened when something is written to them.
        if (!BUILT_IN_CHANNELS.includes(channel)) channels.set(channel.name, this.#openChannel(channel, true));
      }
      const categories = new Map<string, readonly OpenChannel[]>();
      for (const [category, names] of logging.categories) {
        categories.set(
          category,
          names.map((name) => this.#named(name, channels)),
        );
      }
      this.#fallback = categories.get('default') ?? this.#defaultChannels(channels);
      this.#categories = categories;
    } catch (error) {
      for (const channel of this.#open) channel.close();
      this.#directory = before.directory;
      this.#open = before.open;
      throw error;
    }
    for (const channel of before.open) channel.close();
  }

  close(): void {
    for (const channel of this.#open) channel.close();
    this.#open = [];
  }

  #defaultChannels(channels: Map<string, OpenChannel>): OpenChannel[] {
    if (this.#options.stderrOnly) return [this.#openChannel(ONLY_STDERR, false)];
    const { logFile } = this.#options;
    if (logFile !== undefined) return [this.#openChannel(defaultLogFile(logFile), false)];
    return [this.#named('default_syslog', channels), this.#named('default_debug', channels)];
  }

  #named(name: string, channels: Map<string, OpenChannel>): OpenChannel {
    const known = channels.get(name);
    if (known !== undefined) return known;
    const built = BUILT_IN_CHANNELS.find((channel) => channel.name === name);
    if (built === undefined) {
      throw new SignetError('LOG_CHANNEL', `undefined channel '${name}': add a channel of that name to logging`, {
        name,
      });
    }
    const opened = { ...this.#openChannel(built, false), onlyWhileDebugging: name === 'default_debug' };
    channels.set(name, opened);
    return opened;
  }

  #openChannel(channel: LogChannel, now: boolean): OpenChannel {
    const opened = this.#makeChannel(channel, now);
    this.#open.push(opened);
    return opened;
  }

  #makeChannel(channel: LogChannel, now: boolean): OpenChannel {
    const { milliseconds, stderr } = this.#dependencies;
    const nothing = (): void => undefined;
    switch (channel.to.kind) {
      case 'null':
        return { channel, write: nothing, close: nothing };
      case 'stderr':
        return {
          channel,
          write: (record) => stderr(`${logLine(record, channel, milliseconds())}\n`),
          close: nothing,
        };
      case 'syslog':
        return { channel, write: this.#syslogWriter(channel, channel.to.facility), close: nothing };
      case 'file':
        return this.#fileChannel(channel, channel.to, now);
    }
  }

  #syslogWriter(channel: LogChannel, facilityName: string): (record: LogRecord) => void {
    const facility = FACILITIES[facilityName];
    if (facility === undefined) {
      throw new SignetError('LOG_FACILITY', `unknown syslog facility '${facilityName}'`, { facility: facilityName });
    }
    let calls: SystemCalls | undefined;
    return (record) => {
      if (calls === undefined) {
        calls = this.#dependencies.systemCalls();
        calls.openSystemLog('named', facility);
      }
      calls.writeSystemLog(
        facility | syslogPriority(record.severity),
        logLine(record, channel, this.#dependencies.milliseconds()),
      );
    };
  }

  #fileChannel(channel: LogChannel, to: Extract<LogChannel['to'], { kind: 'file' }>, now: boolean): OpenChannel {
    const file = path.resolve(this.#directory, to.path);
    const log = new LogFile(file, to, this.#dependencies);
    if (now) log.open();
    let failing = false;
    return {
      channel,
      write: (record) => {
        try {
          log.write(logLine(record, channel, this.#dependencies.milliseconds()));
          failing = false;
        } catch (error) {
          // A full disk must not end the service; said once, and tried again with the next record.
          if (!failing)
            this.#dependencies.stderr(`named: logging channel '${channel.name}': ${(error as Error).message}\n`);
          failing = true;
        }
      },
      close: () => log.close(),
    };
  }
}
