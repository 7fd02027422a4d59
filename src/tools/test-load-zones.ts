import path from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { CommandOutput } from '../base/command-line.ts';
import type { Disk } from '../base/disk.ts';
import type { Configuration, ZoneConfiguration } from '../conf/configuration.ts';
import { mustName, nameToShortText } from '../wire/name-text.ts';
import { SERVER_CHECKS } from '../zone/checks/check-options.ts';
import { isSigned } from '../zone/checks/zone-checks.ts';
import { loadZone } from '../zone/load-zone.ts';
import type { Arena } from '../zone/store/arena.ts';
import { ExtentPool } from '../zone/store/extent-pool.ts';
import { ZoneReader } from '../zone/store/zone-reader.ts';
import { ZoneStore } from '../zone/store/zone-store.ts';

/** What test loading needs of the machine. */
export interface TestLoadDependencies {
  readonly output: CommandOutput;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly makeArena: () => Arena;
}

/**
 * Loads every primary zone of a configuration with the checks that the server makes, says how each went, and forgets it.
 * @param options journals: a zone with a journal is to be loaded with it, which is refused by name; debug: say first what is
 * loaded
 * @returns true when all zones are good
 */
export function testLoadZones(
  configuration: Configuration,
  options: { readonly journals: boolean; readonly debug: boolean },
  dependencies: TestLoadDependencies,
): boolean {
  const arena = dependencies.makeArena();
  const extents = new ExtentPool(arena);
  const failures: string[] = [];
  for (const view of configuration.views)
    for (const zone of view.zones) {
      const load = new TestLoad(zone, configuration, dependencies);
      if (options.debug) load.announce();
      const failure = options.journals && load.hasJournal() ? 'not supported' : load.run(arena, extents);
      if (failure === undefined) continue;
      load.say('not loaded due to errors.');
      failures.push(`${view.name}/${nameToShortText(mustName(zone.name))}/IN: ${failure}\n`);
    }
  for (const failure of failures) dependencies.output.complain(failure);
  return failures.length === 0;
}

class TestLoad {
  readonly #zone: ZoneConfiguration;
  readonly #file: string;
  readonly #configuration: Configuration;
  readonly #dependencies: TestLoadDependencies;

  constructor(zone: ZoneConfiguration, configuration: Configuration, dependencies: TestLoadDependencies) {
    this.#zone = zone;
    this.#configuration = configuration;
    this.#dependencies = dependencies;
    this.#file = path.isAbsolute(zone.file) ? zone.file : path.join(configuration.directory, zone.file);
  }

  hasJournal(): boolean {
    const journal = `${this.#file}.jnl`;
    if (!this.#dependencies.disk.facts(journal)) return false;
    this.say(`${journal}: applying a journal is known but not supported by this version; leave -j out`);
    return true;
  }

  /** @returns why the zone is refused, in BIND's words, or undefined */
  run(arena: Arena, extents: ExtentPool): string | undefined {
    const { disk, clock } = this.#dependencies;
    const apex = mustName(this.#zone.name);
    const store = new ZoneStore({ apex }, { arena, extents });
    const format = this.#zone.masterfileFormat;
    const maxTtl = this.#maxTtl();
    const options = { file: this.#file, format, maxTtl, checks: SERVER_CHECKS, now: clock.now() };
    const result = loadZone(store, options, { arena, disk });
    for (const fault of result.faults) this.#dependencies.output.print(`${fault.message}\n`);
    if (result.failure !== undefined) this.say(`loading from master file ${this.#zone.file} failed: ${result.failure}`);
    if (result.version === 0) return result.failure ?? 'bad zone';
    const reader = new ZoneReader(arena).open(result.version);
    this.say(`loaded serial ${reader.serial}${isSigned(reader) ? ' (DNSSEC signed)' : ''}`);
    store.release(result.version);
    return undefined;
  }

  announce(): void {
    const name = nameToShortText(mustName(this.#zone.name));
    this.#dependencies.output.complain(`loading "${name}" from "${this.#zone.file}" class "IN"\n`);
  }

  say(text: string): void {
    const name = nameToShortText(mustName(this.#zone.name));
    this.#dependencies.output.print(`zone ${name}/IN: ${text}\n`);
  }

  /** The policy's max-zone-ttl takes the place of the zone's; 0 is no limit. */
  #maxTtl(): number | undefined {
    const { policy, maxZoneTtl } = this.#zone;
    const limit = policy === undefined ? maxZoneTtl : this.#configuration.policies.get(policy)?.maxZoneTtl;
    return limit === 0 ? undefined : limit;
  }
}
