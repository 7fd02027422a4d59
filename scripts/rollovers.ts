/**
 * `npm run rollovers`: 100 ZSK and 20 KSK rollovers of one zone, half an hour, under an Unbound that asks all the time.
 * `-- --zsk 10 --ksk 2` for others; with `--directory D --minutes 7` it ends after so long, and goes on from there the next time.
 * What happens goes to standard output and, as it happens, to `--record FILE` (default rollovers.log).
 * Exit code 0: all were done and no answer failed; 1: an answer failed, or the run itself; 2: the time was over before.
 */
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { type RolloverResult, runRollovers } from '../test/interop/policy-unbound.ts';

const { values } = parseArgs({
  options: {
    zsk: { type: 'string', default: '100' },
    ksk: { type: 'string', default: '20' },
    directory: { type: 'string' },
    minutes: { type: 'string', default: '60' },
    record: { type: 'string', default: 'rollovers.log' },
  },
});
const wanted = { zsk: count('zsk', values.zsk), ksk: count('ksk', values.ksk) };
const minutes = count('minutes', values.minutes);
fs.writeFileSync(values.record, '');
say(
  `${wanted.zsk} ZSK and ${wanted.ksk} KSK rollovers, ${minutes} minutes at most; this is written to ${values.record}`,
);
const began = Date.now();
process.exit(await run());

async function run(): Promise<number> {
  let result: RolloverResult;
  try {
    const lifetimes = { zsk: 16, ksk: 80 };
    const { directory } = values;
    result = await runRollovers({ maker: 'ours', ...wanted, lifetimes, most: 60 * minutes, directory, report: say });
  } catch (fault) {
    say(`FAILED: the run broke off: ${fault instanceof Error ? (fault.stack ?? fault.message) : String(fault)}`);
    return 1;
  }
  const { zsk, ksk, answers, validated, failures, dsSets, isFinished } = result;
  for (const failure of failures) say(`FAILURE: ${failure}`);
  say(
    `${zsk} ZSK and ${ksk} KSK rollovers, ${dsSets} DS RRsets, in ${Math.round((Date.now() - began) / 1000)} seconds`,
  );
  say(`${answers} answers, ${validated} of them validated, ${answers - validated} not`);
  if (failures.length > 0 || validated !== answers) return end('FAILED: answers failed', 1);
  // A run that asked nothing has shown nothing.
  if (answers === 0) return end('FAILED: nobody asked', 1);
  if (!isFinished) return end(`NOT REACHED: wanted were ${wanted.zsk} ZSK and ${wanted.ksk} KSK rollovers`, 2);
  return end('GOOD: no answer failed', 0);
}

function end(text: string, code: number): number {
  say(text);
  return code;
}

function say(text: string): void {
  const line = `${new Date().toISOString()} ${text}`;
  console.log(line);
  fs.appendFileSync(values.record, `${line}\n`);
}

function count(option: string, text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  console.error(`rollovers: --${option} ${text}: a number from 1 to 999999`);
  process.exit(1);
}
