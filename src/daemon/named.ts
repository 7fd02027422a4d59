import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Disk } from '../base/disk.ts';
import { SignetError } from '../base/error.ts';
import type { Random } from '../base/random.ts';
import type { Configuration } from '../conf/configuration.ts';
import { formatFault } from '../conf/fault.ts';
import { readConfiguration } from '../conf/read-configuration.ts';
import type { KeyHistory } from '../history/key-history.ts';
import type { ControlRequest } from '../server/responder.ts';
import { emptyResponse, judgeNotify } from '../transfer/notify-message.ts';
import { OPCODE, RCODE } from '../wire/type-codes.ts';
import { equalNames, type Name } from '../wire/name.ts';
import { ExtentPool } from '../zone/store/extent-pool.ts';
import { AnswerMemory } from './answer-memory.ts';
import { apexKeyFacts } from './apex-key-facts.ts';
import { buildTables } from './build-tables.ts';
import { ControlChannels, RNDC_KEY_FILE } from './control-channels.ts';
import type { DaemonLog } from './daemon-log.ts';
import { DirectoryLocks } from './directory-locks.ts';
import { serverEvent } from './events.ts';
import { KeyParents } from './key-parents.ts';
import { Listeners } from './listeners.ts';
import type { NamedOptions } from './options.ts';
import { writePidFile } from './pid-file.ts';
import { type Account, becomeAccount, makeDirectoryFor } from './privileges.ts';
import { productText, systemText } from './product.ts';
import { runCommand, type ServerControl } from './rndc-commands.ts';
import { Secondaries } from './secondaries.ts';
import { ServerHistory } from './server-history.ts';
import { serverStatusText } from './server-status.ts';
import { writeSessionKey } from './session-key.ts';
import { type CountedServer, ServerStatistics } from './statistics.ts';
import type { Threads } from './threads.ts';
import type { ZoneKeeper } from './zone-keeper.ts';
import { ZoneKeepers } from './zone-keepers.ts';

export interface NamedServerOptions extends NamedOptions {
  readonly account: Account | undefined;
  /** For the log. */
  readonly commandLine: string;
}

export interface NamedDependencies {
  readonly disk: Disk;
  readonly log: DaemonLog;
  readonly clock: Clock;
  readonly random: Random;
  /** Ended with the server. */
  readonly threads: Threads;
  /** Opens the history of keys in the working directory; absent: none is kept. */
  readonly openHistory?: (() => KeyHistory) | undefined;
  /** Gives back what loading zones left unused. */
  readonly giveBackMemory: () => void;
}

/** Seconds between looks for new addresses of this host. BIND 9.18: interface-interval 60 (minutes). */
const INTERFACE_INTERVAL = 3600;

/** Seconds after which a thread that has told what it read is surely gone. */
const LOADERS_GONE = 1;

/** What exists while the server runs. */
interface Parts {
  readonly secondaries: Secondaries;
  readonly channels: ControlChannels;
  readonly keepers: ZoneKeepers;
  readonly parents: KeyParents;
  readonly locks: DirectoryLocks;
  readonly extents: ExtentPool;
}

/** The name server: builds everything from the configuration, and takes it apart again. */
export class Named implements ServerControl, CountedServer {
  readonly #options: NamedServerOptions;
  readonly #dependencies: NamedDependencies;
  readonly #configurationFile: string;
  /** What a relative `directory` is under, at every reload. */
  readonly #initialDirectory = process.cwd();
  readonly #bootTime: number;
  readonly #answerMemory: AnswerMemory;
  readonly #statistics: ServerStatistics;
  readonly #history: ServerHistory;
  readonly #ended = Promise.withResolvers<void>();
  #configured = 0;
  #configuration: Configuration | undefined;
  #parts: Parts | undefined;
  #generation = 0;
  #queryLogging = false;
  #reconfiguring: Promise<boolean> = Promise.resolve(true);
  #isEnding = false;
  #pidFile: string | undefined;
  readonly #listeners: Listeners;

  constructor(options: NamedServerOptions, dependencies: NamedDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    // named changes its working directory; the configuration must still be found afterwards.
    this.#configurationFile = path.resolve(options.configurationFile);
    this.#bootTime = dependencies.clock.now();
    this.#statistics = new ServerStatistics(this, dependencies);
    const { clock, openHistory: open } = dependencies;
    this.#history = new ServerHistory({ version: productText() }, { clock, ...(open && { open }) });
    this.#answerMemory = new AnswerMemory(dependencies);
    this.#listeners = new Listeners(options, { ...dependencies, responders: dependencies.threads.responders });
  }

  /** Resolves when the server has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get keepers(): readonly ZoneKeeper[] {
    return this.#parts?.keepers.all ?? [];
  }

  get viewNames(): readonly string[] {
    return this.#configuration?.views.map(({ name }) => name) ?? [];
  }

  get bootTime(): number {
    return this.#bootTime;
  }

  get configured(): number {
    return this.#configured;
  }

  get zoneMemory(): number {
    return this.#parts?.extents.usedOctets ?? 0;
  }

  get debugLevel(): number {
    return this.#dependencies.log.debugLevel;
  }

  set debugLevel(level: number) {
    this.#dependencies.log.debugLevel = level;
  }

  get queryLogging(): boolean {
    return this.#queryLogging;
  }

  set queryLogging(on: boolean) {
    this.#queryLogging = on;
    void this.#sendTables();
  }

  /** @returns why the server cannot run, already logged; undefined when it serves */
  async start(): Promise<string | undefined> {
    const { log } = this.#dependencies;
    const threads = this.#dependencies.threads.count;
    log.write(serverEvent.starting(productText()));
    log.write(serverEvent.runningOn(systemText()));
    log.write(serverEvent.runningAs(this.#options.commandLine));
    log.write(serverEvent.processors(availableParallelism(), threads));
    log.write(serverEvent.initialDirectory(process.cwd()));
    try {
      const configuration = this.#readConfiguration();
      if (typeof configuration === 'string') return this.#giveUp(serverEvent.configurationFailed(configuration));
      await this.#build(configuration);
      return undefined;
    } catch (error) {
      if (!(error instanceof SignetError)) throw error;
      return this.#giveUp(serverEvent.fatal(error.message));
    }
  }

  /** Reads the configuration again; with `allZones` all zones are looked at, otherwise only new ones. */
  reconfigure(allZones: boolean): Promise<boolean> {
    return this.#afterOthers(() => this.#reconfigure(allZones));
  }

  shutDown(flush: boolean): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    // After the reply to the command that asked for it.
    setImmediate(() => void this.#end(flush).then(this.#ended.resolve, this.#ended.reject));
  }

  dumpStatistics(): Promise<void> {
    return this.#statistics.dump();
  }

  statusText(): string {
    return serverStatusText({
      product: productText(),
      system: systemText(),
      bootTime: this.#bootTime,
      configured: this.#configured,
      configurationFile: this.#configurationFile,
      threads: this.#dependencies.threads.count,
      zones: this.keepers.length,
      debugLevel: this.debugLevel,
      queryLogging: this.#queryLogging,
      connections: this.#dependencies.threads.responders.connections(),
    });
  }

  #giveUp(record: ReturnType<typeof serverEvent.fatal>): string {
    this.#parts?.locks[Symbol.dispose]();
    this.#dependencies.log.write(record);
    this.#dependencies.log.write(serverEvent.exitingAfterError());
    return record.text;
  }

  /** The configuration, or in a word why there is none; the log has all faults. */
  #readConfiguration(): Configuration | string {
    const { disk, log } = this.#dependencies;
    log.write(serverEvent.loadingConfiguration(this.#configurationFile));
    const { configuration, faults } = readConfiguration(this.#configurationFile, disk, {
      programVersion: productText(),
    });
    for (const fault of faults) {
      const event = fault.severity === 'error' ? serverEvent.configurationFault : serverEvent.configurationWarning;
      log.write(event(formatFault(fault)));
    }
    return configuration ?? 'failure';
  }

  async #build(configuration: Configuration): Promise<void> {
    const { clock, disk, log, random, threads } = this.#dependencies;
    const { arena } = threads;
    this.#enterDirectory(configuration);
    const extents = new ExtentPool(arena);
    const locks = new DirectoryLocks({ disk });
    const notified = (address: Uint8Array): void => this.#statistics.countNotifySent(address);
    const secondaries = await Secondaries.open(this.#options.family, { arena, clock, log, random, notified });
    const { family } = this.#options;
    const parents = new KeyParents({ family }, { clock, disk, log, random, localKeys: (zone) => this.#keysOf(zone) });
    parents.configure(configuration);
    const keepers = new ZoneKeepers({
      ...this.#dependencies,
      arena,
      extents,
      pool: threads.signers,
      locks,
      history: this.#history,
      askParent: ({ zone, label }, changed) => parents.open(zone, label, changed),
      published: (keeper) => secondaries.tell(keeper),
    });
    await keepers.configure(configuration);
    this.#configuration = configuration;
    this.#queryLogging = configuration.queryLogging;
    threads.requestHandler = (request) => this.#serveRequest(request);
    this.#statistics.countZones(configuration);
    await threads.responders.setTables(this.#tables(configuration, keepers.serving));
    const channels = new ControlChannels(
      { keyFile: RNDC_KEY_FILE },
      { clock, disk, random, log, handler: (line, isReadOnly, by) => runCommand({ line, isReadOnly, by }, this, log) },
    );
    this.#parts = { secondaries, channels, keepers, parents, locks, extents };
    // Before anything is bound: a second server must not take queries from the first.
    this.#takeLocks(locks, keepers);
    await this.#listeners.readCertificates(configuration, 'start');
    await this.#listeners.listen(configuration);
    await channels.configure(configuration);
    await this.#statistics.openChannels(configuration);
    this.#becomeUser(configuration, locks);
    // After that, so that log files belong to the user who rolls them.
    if (this.#options.mode === 'foreground-stderr') log.write(serverEvent.ignoringLogging());
    else log.configure(configuration.logging, process.cwd());
    this.#takeLocks(locks, keepers);
    this.#writeFiles(configuration);
    this.#configured = clock.now();
    this.#scanRegularly();
    await keepers.loadAll();
    threads.giveWay();
    this.#giveBackMemory();
    log.write(serverEvent.allLoaded());
    log.write(serverEvent.running());
  }

  /** Sockets are bound by now; everything that is written from here on is the user's. */
  #becomeUser(configuration: Configuration, locks: DirectoryLocks): void {
    const { account } = this.#options;
    if (account === undefined) return;
    for (const file of [configuration.pidFile, configuration.sessionKeyFile]) {
      if (file !== undefined) makeDirectoryFor(account, path.dirname(path.resolve(file)));
    }
    // The lock files must be the user's, who is to remove them.
    locks[Symbol.dispose]();
    becomeAccount(account);
  }

  /** Two servers on one directory would spoil each other's keys and journals: found out before anything is written. */
  #takeLocks(locks: DirectoryLocks, keepers: ZoneKeepers): void {
    const { lockFile } = this.#options;
    if (lockFile !== undefined && lockFile !== 'none') locks.takeFile(path.resolve(lockFile));
    for (const directory of keepers.directories()) {
      try {
        locks.take(directory);
      } catch (error) {
        if ((error as SignetError).code === 'DIRECTORY_IN_USE') throw error;
        // A directory that cannot be written is no reason not to serve; the zone's keeper reports it.
      }
    }
  }

  #writeFiles(configuration: Configuration): void {
    const { disk, log, random } = this.#dependencies;
    if (configuration.pidFile !== undefined) {
      this.#pidFile = path.resolve(configuration.pidFile);
      writePidFile(this.#pidFile, disk);
    }
    if (configuration.sessionKeyFile === undefined) return;
    log.write(serverEvent.sessionKey());
    try {
      writeSessionKey(path.resolve(configuration.sessionKeyFile), { disk, random });
    } catch (error) {
      // Only dynamic updates of `update-policy local` need it: as BIND, say so and go on.
      log.write(serverEvent.configurationFault(`could not create session key: ${(error as Error).message}`));
    }
  }

  #enterDirectory(configuration: Configuration): void {
    const { log } = this.#dependencies;
    try {
      process.chdir(path.resolve(this.#initialDirectory, configuration.directory));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      const message = `change directory to '${configuration.directory}' failed: ${code}: make it or change the option directory`;
      throw new SignetError('DIRECTORY', message, { directory: configuration.directory, reason: code }, cause);
    }
    log.write(serverEvent.workingDirectory(process.cwd()));
  }

  /** Looks again which addresses this host has. A failure is logged; what is served stays. */
  async scanInterfaces(): Promise<void> {
    await this.#afterOthers(async () => {
      await this.#scan();
      return true;
    });
  }

  /** What changes the server's addresses, channels and zones comes one after the other, whatever became of the last. */
  #afterOthers(work: () => Promise<boolean>): Promise<boolean> {
    const before = this.#reconfiguring.catch(() => false);
    this.#reconfiguring = before.then(work);
    return this.#reconfiguring;
  }

  async #scan(): Promise<void> {
    if (this.#configuration === undefined || this.#isEnding) return;
    try {
      await this.#listeners.listen(this.#configuration);
      await this.#sendTables();
    } catch (error) {
      if (!(error instanceof SignetError)) throw error;
      this.#dependencies.log.write(serverEvent.scanFailed(error.message));
    }
  }

  #scanRegularly(): void {
    this.#dependencies.clock.after(INTERFACE_INTERVAL * 1000, () => {
      if (this.#isEnding) return;
      void this.scanInterfaces();
      this.#scanRegularly();
    });
  }

  /** The DNSKEY RRset of a zone that this server signs; empty for others. */
  #keysOf(zone: Name): Uint8Array[] {
    const keeper = this.keepers.find((one) => one.isMaintained && one.isLoaded && equalNames(one.apex, zone));
    return keeper === undefined ? [] : [...apexKeyFacts(keeper.read()).dnskeys];
  }

  #tables(configuration: Configuration, keepers: readonly ZoneKeeper[]): ReturnType<typeof buildTables> {
    return buildTables(configuration, keepers, {
      generation: ++this.#generation,
      logQueries: this.#queryLogging,
      answerMemory: this.#answerMemory,
      zoneCounters: this.#statistics.zones,
    });
  }

  async #sendTables(): Promise<void> {
    if (this.#parts === undefined || this.#configuration === undefined) return;
    await this.#dependencies.threads.responders.setTables(
      this.#tables(this.#configuration, this.#parts.keepers.serving),
    );
  }

  async #reconfigure(allZones: boolean): Promise<boolean> {
    const { clock, log } = this.#dependencies;
    const parts = this.#parts;
    if (parts === undefined || this.#isEnding) return false;
    try {
      const configuration = this.#readConfiguration();
      if (typeof configuration === 'string') {
        log.write(serverEvent.reloadingConfigurationFailed(configuration));
        return false;
      }
      this.#enterDirectory(configuration);
      log.configure(configuration.logging, process.cwd());
      parts.parents.configure(configuration);
      const dropped = await parts.keepers.configure(configuration);
      this.#configuration = configuration;
      this.#statistics.countZones(configuration);
      await this.#sendTables();
      await dropped();
      await this.#listeners.readCertificates(configuration, 'later');
      await this.#listeners.listen(configuration);
      await parts.channels.configure(configuration);
      await this.#statistics.openChannels(configuration);
    } catch (error) {
      if (!(error instanceof SignetError)) throw error;
      log.write(serverEvent.reloadingConfigurationFailed(error.message));
      return false;
    }
    this.#configured = clock.now();
    log.write(serverEvent.reloadingConfigurationSucceeded());
    log.write(allZones ? serverEvent.reloadingZonesSucceeded() : serverEvent.scheduledNewZones());
    void this.#loadAfterwards(parts.keepers, allZones);
    return true;
  }

  /** Zones that took other files or another role are served as before until they are loaded. */
  async #loadAfterwards(keepers: ZoneKeepers, allZones: boolean): Promise<void> {
    const { log } = this.#dependencies;
    await (allZones ? keepers.reloadAll() : keepers.loadNew());
    if (this.#isEnding) return;
    await this.#sendTables();
    await keepers.releaseReplaced();
    this.#giveBackMemory();
    log.write(allZones ? serverEvent.allLoaded() : serverEvent.newZonesLoaded());
    log.write(serverEvent.running());
  }

  /** Now, and when the threads that read large zones have ended. */
  #giveBackMemory(): void {
    this.#dependencies.giveBackMemory();
    this.#dependencies.clock.after(LOADERS_GONE * 1000, () => this.#dependencies.giveBackMemory());
  }

  /** Messages that are not queries: a primary takes NOTIFY for what it is and serves no UPDATE. */
  async #serveRequest(request: ControlRequest): Promise<Uint8Array | undefined> {
    const answer = this.#answerRequest(request);
    this.#statistics.countAnswer(request, answer);
    return answer;
  }

  #answerRequest(request: ControlRequest): Uint8Array | undefined {
    const opcode = (request.octets[2] >> 3) & 15;
    if (opcode !== OPCODE.NOTIFY) return emptyResponse(request.octets, RCODE.NOTIMP);
    const isOurs = (zone: Name): boolean => this.keepers.some(({ apex }) => equalNames(apex, zone));
    const { rcode } = judgeNotify(request.octets, isOurs);
    this.#statistics.countNotifyReceived(request, rcode);
    return emptyResponse(request.octets, rcode);
  }

  async #end(flush: boolean): Promise<void> {
    const { disk, log } = this.#dependencies;
    const parts = this.#parts;
    if (parts !== undefined) {
      log.write(serverEvent.shuttingDown(flush));
      await parts.channels[Symbol.asyncDispose]();
      await this.#statistics[Symbol.asyncDispose]();
      await this.#dependencies.threads.responders[Symbol.asyncDispose]();
      await parts.keepers.stop(flush);
      await parts.parents[Symbol.asyncDispose]();
      await parts.secondaries[Symbol.asyncDispose]();
      await this.#dependencies.threads[Symbol.asyncDispose]();
      parts.locks[Symbol.dispose]();
    }
    this.#history[Symbol.dispose]();
    if (this.#pidFile !== undefined) disk.remove(this.#pidFile);
    log.write(serverEvent.exiting());
  }
}
