/** Runs whole processes and reads what the kernel says of them. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';

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

/** Starts a server and waits, bounded, until it answers the SOA of `zone` over UDP with authority. */
export async function startServer(command: Command, port: number, zone: string): Promise<ChildProcess> {
  const child = spawn(command.argv[0], command.argv.slice(1), {
    cwd: command.cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let faults = '';
  child.stderr.on('data', (chunk: Buffer) => (faults = (faults + chunk.toString('latin1')).slice(-2000)));
  for (let tries = 0; tries < 1200; tries++) {
    if (child.exitCode !== null) throw new Error(`${command.name} ended with ${child.exitCode}: ${faults}`);
    const dig = spawnSync('dig', ['@127.0.0.1', '-p', String(port), '+norec', '+time=1', '+tries=1', zone, 'SOA']);
    if (/flags: qr aa/.test(dig.stdout.toString('latin1'))) return child;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill('SIGKILL');
  throw new Error(`${command.name} did not answer within a minute: ${faults}`);
}

export function stopServer(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.on('exit', () => resolve());
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
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
  const parents = new Map<number, number>();
  for (const name of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      parents.set(Number(name), Number(statFields(name)[1]));
    } catch {
      // ended since the directory was read
    }
  }
  let total = 0;
  for (const one of parents.keys()) {
    let ancestor: number | undefined = one;
    while (ancestor !== undefined && ancestor !== pid) ancestor = parents.get(ancestor);
    if (ancestor === pid) total += proportionalMemory(one);
  }
  return total;
}
