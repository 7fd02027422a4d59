/**
 * `node scripts/build-native.ts [--optional] [--directory DIR]`: compiles native/udp and native/hsm for the Node.js that runs
 * this to udp.node and hsm.node, by default in .build/native. Needs a C compiler and nothing else: the headers come with the
 * runtime.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

export interface NativeBuild {
  /** Directory that holds native/. */
  readonly root: string;
  /** Default is udp. */
  readonly module?: NativeModuleName;
  /** The file to make. */
  readonly output: string;
  /** Compiler command; default is $CC, else cc. */
  readonly compiler?: string;
}

export type NativeBuildResult =
  { readonly built: true; readonly fresh: boolean } | { readonly built: false; readonly reason: string };

export type NativeModuleName = 'udp' | 'hsm';

const SOURCES: Readonly<Record<NativeModuleName, readonly string[]>> = {
  udp: ['module.c', 'datagrams.c', 'moderation.c'],
  hsm: ['module.c', 'arguments.c', 'keys.c', 'hashsig.c', 'sockets.c'],
};

/** What a person loses who has no module, and what to do. */
const WITHOUT: Readonly<Record<NativeModuleName, string>> = {
  udp: 'UDP works without it, over node:dgram, at about twice the CPU time for each datagram.',
  hsm: 'hsmd does not start without it: install a C compiler, then run `npm rebuild signet`, or `npm install` in a checkout.',
};

/** -fvisibility: only the entry is seen by the process, so that its other libraries cannot collide with ours. */
const FLAGS = ['-std=c11', '-O2', '-g', '-fPIC', '-shared', '-fvisibility=hidden', '-Wall', '-Wextra'];

/** Compiles the module unless it is newer than its sources. */
export function buildNative(build: NativeBuild): NativeBuildResult {
  const sources = path.join(build.root, 'native', build.module ?? 'udp');
  const include = headers();
  if (process.platform !== 'linux') return failed(`it is for Linux, this is ${process.platform}`);
  if (include === undefined) return failed(`no header files beside ${process.execPath} (../include/node/node_api.h)`);
  if (isCurrent(build.output, sources)) return { built: true, fresh: false };
  return compile(build, sources, include);
}

function compile(build: NativeBuild, sources: string, include: string): NativeBuildResult {
  const compiler = build.compiler ?? process.env['CC'] ?? 'cc';
  fs.mkdirSync(path.dirname(build.output), { recursive: true });
  // A running process may have the old file mapped: the new one takes its name, not its place.
  const unfinished = `${build.output}.${process.pid}`;
  const files = SOURCES[build.module ?? 'udp'].map((file) => path.join(sources, file));
  const command = [...FLAGS, `-I${include}`, '-o', unfinished, ...files];
  const { status, stderr, error } = spawnSync(compiler, command, { encoding: 'utf8' });
  if (error !== undefined) return failed(`no C compiler: ${compiler} cannot be run (${error.message})`);
  if (status !== 0) {
    fs.rmSync(unfinished, { force: true });
    return failed(`${compiler} ${command.join(' ')}\n${stderr}`);
  }
  fs.renameSync(unfinished, build.output);
  return { built: true, fresh: true };
}

function failed(reason: string): NativeBuildResult {
  return { built: false, reason };
}

/** A runtime from a package or an archive has them at ../include/node, as an installed one does. */
function headers(): string | undefined {
  const include = path.resolve(path.dirname(fs.realpathSync(process.execPath)), '../include/node');
  return fs.existsSync(path.join(include, 'node_api.h')) ? include : undefined;
}

function isCurrent(output: string, sources: string): boolean {
  const made = fs.statSync(output, { throwIfNoEntry: false })?.mtimeMs;
  if (made === undefined) return false;
  return fs.readdirSync(sources).every((file) => fs.statSync(path.join(sources, file)).mtimeMs < made);
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { directory: { type: 'string' }, optional: { type: 'boolean' } } });
  const root = path.dirname(import.meta.dirname);
  for (const module of ['udp', 'hsm'] as const) {
    const output = path.resolve(values.directory ?? path.join(root, '.build/native'), `${module}.node`);
    const result = buildNative({ root, module, output });
    if (result.built) console.log(`${output}: ${result.fresh ? 'built' : 'up to date'}`);
    else {
      console.error(`native/${module} was not built: ${result.reason}`);
      console.error(WITHOUT[module]);
      if (values.optional !== true) process.exitCode = 1;
    }
  }
}
