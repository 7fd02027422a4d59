/**
 * `npm run build`: dist/ with one bundle a command and a worker, the launchers that package.json's bin names, and
 * native/udp and native/hsm where a C compiler is. With --portable, for a package, without what fits this machine only.
 */
import { build } from 'esbuild';
import fs from 'node:fs';
import path from 'node:path';
import { buildNative } from './build-native.ts';

/** Command to its entry. package.json's `bin` must name the same commands. */
const commands: Record<string, string> = { hsmd: 'src/daemon/hsmd.ts', named: 'src/daemon/main.ts' };
for (const file of fs.readdirSync('src/tools'))
  if (isEntry(path.join('src/tools', file))) commands[file.replace(/\.ts$/, '')] = path.join('src/tools', file);

/** What is loaded by its file name, only where it is wanted. */
const modules = { 'statistics-http': 'src/status/statistics-http.ts' };

/** Threads and processes, which are started by their file's name. */
const workers = Object.fromEntries(
  fs.globSync('src/**/*-{worker,process}.ts').map((file) => [path.basename(file, '.ts'), file]),
);

fs.rmSync('dist', { recursive: true, force: true });
const version = (JSON.parse(fs.readFileSync('package.json', 'utf8')) as { version: string }).version;
const { metafile } = await build({
  // What npm runs after installation to compile native/udp and native/hsm.
  entryPoints: { ...commands, ...modules, ...workers, 'build-native': 'scripts/build-native.ts' },
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node26',
  minifySyntax: true,
  legalComments: 'eof',
  metafile: true,
  logLevel: 'warning',
  define: { SIGNET_VERSION: JSON.stringify(version) },
  // Packages in CommonJS ask for Node's own modules by require.
  banner: {
    js: "import { createRequire as signetRequire } from 'node:module'; const require = signetRequire(import.meta.url);",
  },
});

fs.writeFileSync('dist/THIRD-PARTY-LICENSES', thirdPartyLicenses(Object.keys(metafile.inputs)));

fs.mkdirSync('dist/bin');
for (const name of Object.keys(commands)) {
  fs.copyFileSync('scripts/launcher.sh', `dist/bin/${name}`);
  fs.chmodSync(`dist/bin/${name}`, 0o755);
}

if (!process.argv.includes('--portable')) {
  for (const module of ['udp', 'hsm'] as const) {
    const native = buildNative({ root: process.cwd(), module, output: path.resolve(`dist/native/${module}.node`) });
    if (native.built) continue;
    const without = module === 'udp' ? 'UDP goes over node:dgram' : 'hsmd does not start';
    console.error(`native/${module} was not built, ${without}: ${native.reason}`);
  }
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

/** The licenses of the packages that the bundles hold: they ask to go with every copy. */
function thirdPartyLicenses(inputs: readonly string[]): string {
  const packages = new Set(inputs.flatMap((input) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input) ?? []));
  const texts = [...packages].toSorted().map((directory) => {
    const file = fs.readdirSync(directory).find((name) => /^licen[cs]e/i.test(name));
    if (file === undefined) throw new Error(`${directory} has no license file: it cannot be part of the package`);
    const { name, version: of } = JSON.parse(fs.readFileSync(path.join(directory, 'package.json'), 'utf8')) as {
      name: string;
      version: string;
    };
    return `${name} ${of}\n\n${fs.readFileSync(path.join(directory, file), 'utf8').trim()}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}
