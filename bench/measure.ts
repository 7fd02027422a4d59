/** Runs whole processes and reads what the kernel says of them. */
import { spawn, type ChildProcess } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import { mustName } from '../src/wire/name-text.ts';
import { TYPE } from '../src/wire/type-codes.ts';

/** Wall and CPU time in seconds, peak resident memory in MB (10^6 octets). */
export interface Cost {
  readonly wall: number;
  readonly cpu: number;
  readonly peak: number;
}

export interface Command {
  readonly name: string;
  readonly argv: readonly string[];
  readonly cwd?: string;
}

/** Runs the command to its end. @throws when it fails: a benchmark of a failure means nothing */
export function runMeasured(command: Command): Promise<Cost> {
  const started = performance.now();
  const before = childrenCpu();
  const child = spawn(command.argv[0], command.argv.slice(1), {
    cwd: command.cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let faults = '';
  child.stderr.on('data', (chunk: Buffer) => (faults += chunk.toString('latin1')));
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, statusField(child.pid!, 'VmHWM'))), 10);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      clearInterval(watch);
      const wall = (performance.now() - started) / 1000;
      if (code !== 0) return reject(new Error(`${command.name}: exit ${code}: ${faults.slice(-500)}`));
      resolve({ wall, cpu: childrenCpu() - before, peak: peak / 1e6 });
    });
  });
}

/** Runs the commands alternately, `rounds` times each; the median of each figure. */
export async function alternate(commands: readonly Command[], rounds: number): Promise<Map<string, Cost>> {
  const costs = new Map<string, Cost[]>(commands.map((command) => [command.name, []]));
  for (let round = 0; round < rounds; round++)
    for (const command of commands) costs.get(command.name)!.push(await runMeasured(command));
  return new Map([...costs].map(([name, all]) => [name, medianCost(all)]));
}

function medianCost(costs: readonly Cost[]): Cost {
  const median = (figure: (cost: Cost) => number): number =>
    costs.map(figure).toSorted((a, b) => a - b)[costs.length >> 1];
  return { wall: median((cost) => cost.wall), cpu: median((cost) => cost.cpu), peak: median((cost) => cost.peak) };
}

const TICKS = 100; // USER_HZ of Linux

/** CPU seconds of all ended children (fields 16 and 17 of /proc/self/stat). */
function childrenCpu(): number {
  const fields = statFields('self');
  return (Number(fields[13]) + Number(fields[14])) / TICKS;
}

/** CPU seconds that a running process has used. */
export function processCpu(pid: number): number {
  const fields = statFields(String(pid));
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** CPU seconds of each thread whose name is like this. */
export function threadCpu(pid: number, name: RegExp): number[] {
  const threads = fs.readdirSync(`/proc/${pid}/task`).map((thread) => `${pid}/task/${thread}`);
  return threads
    .filter((thread) => name.test(fs.readFileSync(`/proc/${thread}/comm`, 'latin1')))
    .map((thread) => statFields(thread))
    .map((fields) => (Number(fields[11]) + Number(fields[12])) / TICKS);
}

function statFields(pid: string): string[] {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** A field of /proc/PID/status in octets; 0 when the process has ended. */
export function statusField(pid: number, field: string): number {
  try {
    const found = new RegExp(`${field}:\\s+(\\d+)`).exec(fs.readFileSync(`/proc/${pid}/status`, 'latin1'));
    return found ? Number(found[1]) * 1024 : 0;
  } catch {
    return 0; // ended between two looks
  }
}

/** Proportional set size in octets: shared pages are shared out. */
export function proportionalMemory(pid: number): number {
  const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  return Number(/^Pss:\s+(\d+)/m.exec(rollup)![1]) * 1024;
}

/** Longest wait for a server's first answer: a million delegations take the slowest peer a good part of a minute. */
const START_LIMIT_MS = 300_000;

/** Starts a server and waits, bounded, until it answers the SOA of `zone` over UDP with authority. */
export async function startServer(command: Command, port: number, zone: string): Promise<ChildProcess> {
  const child = spawn(command.argv[0], command.argv.slice(1), {
    cwd: command.cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let faults = '';
  child.stderr.on('data', (chunk: Buffer) => (faults = (faults + chunk.toString('latin1')).slice(-2000)));
  const ended = new Promise<never>((_resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`${command.name} ended with ${code}: ${faults}`)));
  });
  ended.catch(() => undefined); // an end after the first answer is the business of stopServer
  const answered = new AbortController();
  try {
    await Promise.race([ended, firstAnswer(port, zone, answered.signal)]);
    return child;
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`${command.name} did not start: ${faults}`, { cause: error });
  } finally {
    answered.abort();
  }
}

/** Asks for the SOA every 10 ms, so that a server that is silent while it loads costs no longer wait than it takes. */
function firstAnswer(port: number, zone: string, signal: AbortSignal): Promise<void> {
  const socket = dgram.createSocket('udp4');
  const header = [0x51, 0x67, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
  const query = Uint8Array.from([...header, ...mustName(zone), 0, TYPE.SOA, 0, 1]);
  const deadline = performance.now() + START_LIMIT_MS;
  return new Promise<void>((resolve, reject) => {
    const timer = setInterval(() => {
      if (performance.now() > deadline) reject(new Error(`no answer within ${START_LIMIT_MS / 1000} s`));
      else socket.send(query, port, '127.0.0.1');
    }, 10);
    signal.addEventListener('abort', () => {
      clearInterval(timer);
      socket.close();
    });
    // Until the server has bound its port, the kernel refuses: that is not yet a failure.
    socket.on('error', () => undefined);
    socket.on('message', (answer) => {
      // QR and AA, NOERROR, one answer at least.
      if ((answer[2] & 0x84) === 0x84 && (answer[3] & 15) === 0 && answer[7] > 0) resolve();
    });
  });
}

export function stopServer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.on('exit', () => resolve());
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 60_000).unref();
  });
}

/** A table with aligned columns. */
export function printTable(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i].length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  console.log(`\n${title}\n${line(head)}`);
  for (const row of rows) console.log(line(row));
}

/** PSS of a process and all that descend from it (NSD answers in children), in octets. */
export function treeMemory(pid: number): number {
  return tree(pid).reduce((total, one) => total + proportionalMemory(one), 0);
}

/** CPU seconds, user and system, that a running process and all that descend from it have used. */
export function treeCpu(pid: number): number {
  return tree(pid).reduce((total, one) => total + processCpu(one), 0);
}

/** The process and its descendants that run now. */
function tree(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      parents.set(Number(name), Number(statFields(name)[1]));
    } catch {
      // ended since the directory was read
    }
  }
  return [...parents.keys()].filter((one) => {
    let ancestor: number | undefined = one;
    while (ancestor !== undefined && ancestor !== pid) ancestor = parents.get(ancestor);
    return ancestor === pid;
  });
}
