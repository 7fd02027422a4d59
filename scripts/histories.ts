/**
 * `npm run histories -- --runs N --seed S [--json FILE]`: random histories of zones under a key policy against a model resolver, more
 * than the test has time for. A failing one is shrunk and printed as a timeline, with what repeats it; FILE gets it as
 * test/policy/histories/found keeps it, once it is said there what went wrong.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { plan } from '../src/policy/plan.ts';
import { search } from '../test/policy/histories/search.ts';
import { timeline } from '../test/policy/histories/timeline.ts';

const MOST = 0x7fffffff;
const USAGE =
  'use: npm run histories -- [--runs N] [--seed S] [--json FILE]   (N from 1; S a whole number; as many as 100000 by default)';

const { runs, seed, json } = options();
const began = performance.now();
console.log(`${runs} histories from seed ${seed}`);
const found = search(plan, { runs, seed });
const seconds = ((performance.now() - began) / 1000).toFixed(1);
if (found.history === undefined) console.log(`${found.runs} histories, none with a bogus answer (${seconds} s)`);
else {
  console.log(timeline(found.history, plan));
  console.log(`history ${found.runs} failed; it was made smaller in ${found.shrinks} steps (${seconds} s)`);
  console.log(`to see it again: npm run histories -- --runs ${found.runs} --seed ${found.seed}`);
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ about: '', history: found.history }, undefined, 2)}\n`);
  process.exitCode = 1;
}

function options(): { readonly runs: number; readonly seed: number; readonly json: string | undefined } {
  try {
    const { values } = parseArgs({
      options: { runs: { type: 'string' }, seed: { type: 'string' }, json: { type: 'string' } },
    });
    return {
      json: values.json,
      runs: wholeNumber('--runs', values.runs ?? '100000', 1),
      seed: wholeNumber('--seed', values.seed ?? String(Date.now() & 0x7fffffff), -0x80000000),
    };
  } catch (fault) {
    console.error(`${(fault as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || value < least || value > MOST)
    throw new Error(`${option} ${text}: not a whole number from ${least} to ${MOST}`);
  return value;
}
