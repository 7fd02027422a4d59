/** `npm start`: signs and serves the example zones on loopback, and prints how to query and verify them. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const examples = path.join(root, 'examples');
// The checkout stays as it is: keys and signed files are made in a copy.
const work = path.join(examples, 'run');
const ADDRESS = '127.0.0.1';
const PORT = 5300;

fs.mkdirSync(work, { recursive: true });
for (const file of fs.readdirSync(examples))
  if (file.endsWith('.db') || file === 'named.conf') fs.copyFileSync(path.join(examples, file), path.join(work, file));

const named = spawn(process.execPath, [path.join(root, 'src/daemon/main.ts'), '-g', '-c', 'named.conf'], {
  cwd: work,
  stdio: ['ignore', 'inherit', 'pipe'],
});
let told = false;
named.stderr.on('data', (chunk: Buffer) => {
  process.stderr.write(chunk);
  if (!told && / running\n/.test(chunk.toString('latin1'))) {
    told = true;
    setTimeout(explain, 500);
  }
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => named.kill(signal));
named.on('exit', (code) => process.exit(code ?? 1));

function explain(): void {
  const zone = 'dnssec.example';
  const anchor = writeTrustAnchor(zone);
  console.log(`
Signed and served on ${ADDRESS} port ${PORT}. Working directory: ${path.relative(process.cwd(), work)}
Try, from another terminal:

  dig @${ADDRESS} -p ${PORT} +dnssec +multiline www.${zone} A
  dig @${ADDRESS} -p ${PORT} +dnssec +multiline ${zone} DNSKEY
  dig @${ADDRESS} -p ${PORT} +dnssec nosuchname.${zone} A

Verify the signatures with the zone's own key as trust anchor:

  delv @${ADDRESS} -p ${PORT} -a ${anchor} +root=${zone} www.${zone} A
  delv @${ADDRESS} -p ${PORT} -a ${anchor} +root=${zone} nosuchname.${zone} A
  delv @${ADDRESS} -p ${PORT} -a ${anchor} +root=${zone} a.wild.${zone} TXT

Stop with Ctrl-C.
`);
}

/** A trust-anchors file for delv from the key that the daemon made. */
function writeTrustAnchor(zone: string): string {
  const file = fs.readdirSync(work).find((name) => name.startsWith(`K${zone}.+`) && name.endsWith('.key'));
  if (file === undefined) throw new Error(`no key file K${zone}.+*.key in ${work}`);
  const record = fs
    .readFileSync(path.join(work, file), 'latin1')
    .split('\n')
    .find((line) => line !== '' && !line.startsWith(';'));
  const [flags, protocol, algorithm, ...key] = (record ?? '').split(/\s+DNSKEY\s+/)[1].split(/\s+/);
  const anchor = path.join(work, `${zone}.anchor`);
  fs.writeFileSync(
    anchor,
    `trust-anchors { ${zone}. static-key ${flags} ${protocol} ${algorithm} "${key.join('')}"; };\n`,
  );
  return path.relative(process.cwd(), anchor);
}
