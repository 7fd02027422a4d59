/** One run of `bench:serve`: starts servers, has them asked alternately, and prints what their answers cost. */
import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { askFor, type LoadResult } from './load.ts';
import { printTable, startServer, stopServer, treeCpu, treeMemory } from './measure.ts';
import { bindServer, must, servingPeers, type ServedZone, type ServerCommand } from './peers.ts';
import { BENCH_ZONE } from './zones.ts';

export const US = 'Signet';
const FLOOR = 'echo';

export interface RunningServer {
  readonly name: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** Seconds from the start to the first answer. */
  readonly started: number;
  /** PSS in octets after loading. */
  readonly memory: number;
}

export interface Answered extends LoadResult {
  /** Microseconds of the server's CPU for each answered query. */
  readonly cost: number;
}

export interface ServeOptions {
  /** Of one measurement. */
  readonly seconds: number;
  readonly rounds: number;
  /** Where all files of the run are. */
  readonly directory: string;
}

export class ServeRun implements AsyncDisposable {
  readonly directory: string;
  readonly seconds: number;
  readonly rounds: number;
  /** Our named, and native/udp of the same build. */
  readonly ourNamed: readonly string[];
  readonly #native: string;
  readonly #running = new Set<ChildProcess>();
  #nextPort = 5500;

  constructor({ seconds, rounds, directory }: ServeOptions) {
    this.directory = directory;
    this.seconds = seconds;
    this.rounds = rounds;
    // Our bundles in a place where no other build replaces them meanwhile.
    must([process.execPath, 'scripts/build.ts']);
    const dist = path.join(directory, 'dist');
    fs.cpSync('dist', dist, { recursive: true });
    this.#native = path.join(dist, 'native/udp.node');
    must([process.execPath, path.resolve('scripts/build-native.ts'), '--output', this.#native]);
    this.ourNamed = [process.execPath, path.join(dist, 'named.js')];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#running) await stopServer(server);
  }

  nextPort(): number {
    return this.#nextPort++;
  }

  /** Knot, NSD, BIND and we, started one after the other. */
  async startAll(zones: readonly ServedZone[]): Promise<RunningServer[]> {
    const port = this.#nextPort;
    this.#nextPort += 10;
    const ours = bindServer(
      US,
      [...this.ourNamed, '-g', '-n', '1'],
      path.join(this.directory, `ours-${port}`),
      zones,
      port + 3,
    );
    const servers: RunningServer[] = [];
    // The last zone of many is the one that tells that all are loaded.
    for (const command of [ours, ...servingPeers(this.directory, zones, port)])
      servers.push(await this.startOne(command, zones.at(-1)!.zone));
    return servers;
  }

  async startOne(command: ServerCommand, zone: string): Promise<RunningServer> {
    const begun = performance.now();
    const started = await startServer(command, command.port, zone);
    this.#running.add(started);
    const seconds = (performance.now() - begun) / 1000;
    await sleep(3000); // what loading took beside the zone is given back within moments
    return {
      name: command.name,
      port: command.port,
      process: started,
      started: seconds,
      memory: treeMemory(started.pid!),
    };
  }

  async stopAll(servers: readonly RunningServer[]): Promise<void> {
    for (const server of servers) {
      await stopServer(server.process);
      this.#running.delete(server.process);
    }
  }

  async measureAnswers(
    server: RunningServer,
    questions: string,
    dnssecOk: boolean,
    { seconds = this.seconds, cores }: { seconds?: number; cores?: string } = {},
  ): Promise<Answered> {
    const before = treeCpu(server.process.pid!);
    const result = await askFor({
      port: server.port,
      questions,
      seconds,
      dnssecOk,
      ...(cores !== undefined && { cores }),
    });
    return { ...result, cost: ((treeCpu(server.process.pid!) - before) * 1e6) / result.answered };
  }

  /** Asks the servers alternately and prints the median of each; `limit` is the share of Knot's cost that is the aim. */
  async compare(
    title: string,
    servers: readonly RunningServer[],
    work: { questions: string; dnssecOk: boolean; limit?: number },
  ): Promise<void> {
    const all = new Map<string, Answered[]>(servers.map((server) => [server.name, []]));
    // A first short round has every server's code and pages warm.
    for (const server of servers)
      await this.measureAnswers(server, work.questions, work.dnssecOk, { seconds: Math.min(2, this.seconds) });
    for (let round = 0; round < this.rounds; round++)
      for (const server of servers)
        all.get(server.name)!.push(await this.measureAnswers(server, work.questions, work.dnssecOk));
    const medians = new Map([...all].map(([name, runs]) => [name, medianOf(runs)]));
    const ours = medians.get(US)!;
    const floor = await this.#floor(work, ours.answerSize);
    const knot = medians.get('Knot')!.cost;
    printTable(
      title,
      ['server', 'CPU us an answer', 'of Knot', 'of echo', 'answers/s', 'octets', 'lost', 'codes'],
      [...medians, [FLOOR, floor] as const].map(([name, run]) => [
        name,
        run.cost.toFixed(2),
        (run.cost / knot).toFixed(2),
        (run.cost / floor.cost).toFixed(2),
        run.rate.toFixed(0),
        String(run.answerSize),
        String(name === FLOOR ? run.lost : all.get(name)!.reduce((sum, one) => sum + one.lost, 0)),
        name === FLOOR ? '' : run.codes,
      ]),
    );
    if (work.limit !== undefined) judge('of Knot', ours.cost / knot, work.limit);
  }

  /** What the same questions cost when datagrams of the size of our answers are only echoed: this machine's limit. */
  async #floor(work: { questions: string; dnssecOk: boolean }, size: number): Promise<Answered> {
    const port = this.nextPort();
    const argv = [process.execPath, path.resolve('bench/echo.ts'), this.#native, String(port), String(size)];
    const server = await this.startOne({ name: FLOOR, port, argv, cwd: this.directory }, BENCH_ZONE);
    await this.measureAnswers(server, work.questions, work.dnssecOk, { seconds: Math.min(2, this.seconds) });
    const result = await this.measureAnswers(server, work.questions, work.dnssecOk);
    await this.stopAll([server]);
    return result;
  }
}

export function medianOf(runs: readonly Answered[]): Answered {
  return runs.toSorted((a, b) => a.cost - b.cost)[runs.length >> 1];
}

/** Says whether a figure keeps its limit. */
export function judge(what: string, figure: number, limit: number): void {
  console.log(`${figure <= limit ? 'kept  ' : 'MISSED'} ${what}: ${figure.toFixed(2)}, limit ${limit}`);
}
