import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

const root = path.resolve(import.meta.dirname, '../..');
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'signet-datagrams-'));
after(() => fs.rmSync(directory, { recursive: true }));

/** As for property tests: the same cases each time, and others by SIGNET_SEED. */
const seed = Number(process.env['SIGNET_SEED'] ?? 7583);

const FLAGS = [
  '-std=c11 -g -O1 -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all',
  '-Wl,--wrap=recvmmsg,--wrap=sendmmsg',
].flatMap((flags) => flags.split(' '));

function run(command: string, options: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, options, { encoding: 'utf8', timeout: 300_000 });
  assert.ifError(error);
  assert.equal(status, 0, `${command} ${options.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

test('native/udp: any sizes and any failures of the kernel, under the sanitizers', () => {
  const program = path.join(directory, 'datagrams-fuzz');
  const sources = ['test/native/datagrams-fuzz.c', 'native/udp/datagrams.c'].map((file) => path.join(root, file));
  run('gcc', [...FLAGS, '-o', program, ...sources]);
  const [sockets, datagrams, answers, failures] =
    run(program, ['5', String(seed)])
      .match(/\d+/g)
      ?.map(Number) ?? [];
  assert.ok(sockets > 10 && datagrams > 1000 && answers > 500 && failures > 500, 'it hardly did anything');
});

test('native/udp: a socket waits for more datagrams where that lowers the CPU time of each, and nowhere else', () => {
  const program = path.join(directory, 'moderation-model');
  const sources = ['test/native/moderation-model.c', 'native/udp/moderation.c'].map((file) => path.join(root, file));
  run('gcc', [...FLAGS.slice(0, -1), '-o', program, ...sources]);
  assert.match(run(program, []), /^many 0\.9/);
});
