/**
 * `npm run build`: dist/ with one bundle a command and a worker, the launchers that package.json's bin names, and
 * native/udp where a C compiler is. With --portable, for a package, without what fits this machine only.
 */
import { build } from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';
import { buildNative } from './build-native.ts';

/** Command to its entry. package.json's `bin` must name the same commands. */
const commands: Record<string, string> = { named: 'src/daemon/main.ts' };
for (const file of fs.readdirSync('src/tools'))
  if (isEntry(path.join('src/tools', file))) commands[file.replace(/\.ts$/, '')] = path.join('src/tools', file);

const workers = Object.fromEntries(fs.globSync('src/**/*-worker.ts').map((file) => [path.basename(file, '.ts'), file]));

fs.rmSync('dist', { recursive: true, force: true });
const version = (JSON.parse(fs.readFileSync('package.json', 'utf8')) as { version: string }).version;
await build({
  // What npm runs after installation to compile native/udp.
  entryPoints: { ...commands, ...workers, 'build-native': 'scripts/build-native.ts' },
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node26',
  minifySyntax: true,
  legalComments: 'eof',
  logLevel: 'warning',
  define: { SIGNET_VERSION: JSON.stringify(version) },
  // Packages in CommonJS ask for Node's own modules by require.
  banner: {
    js: "import { createRequire as signetRequire } from 'node:module'; const require = signetRequire(import.meta.url);",
  },
});

fs.mkdirSync('dist/bin');
for (const name of Object.keys(commands)) {
  fs.copyFileSync('scripts/launcher.sh', `dist/bin/${name}`);
  fs.chmodSync(`dist/bin/${name}`, 0o755);
}

if (!process.argv.includes('--portable')) {
  const native = buildNative({ root: process.cwd(), output: path.resolve('dist/native/udp.node') });
  if (!native.built) console.error(`native/udp was not built, UDP goes over node:dgram: ${native.reason}`);
}

const { bin } = JSON.parse(fs.readFileSync('package.json', 'utf8')) as { bin?: Record<string, string> };
const named = Object.keys(bin ?? {})
  .toSorted()
  .join(' ');
const built = Object.keys(commands).toSorted().join(' ');
if (named !== built) {
  console.error(`package.json bin names: ${named}\nbuilt commands:         ${built}\nBoth must be the same.`);
  process.exit(1);
}
console.log(`dist: ${built}`);

function isEntry(file: string): boolean {
  return file.endsWith('.ts') && fs.readFileSync(file, 'utf8').includes('import.meta.main');
}
