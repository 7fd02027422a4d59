/**
 * `npm run rollovers`: 100 ZSK and 20 KSK rollovers of one zone, half an hour, under an Unbound that asks all the time.
 * `-- --zsk 10 --ksk 2` for others; with `--directory D --minutes 7` it ends after so long, and goes on from there the next time.
 */
import { parseArgs } from 'node:util';
import { runRollovers } from '../test/interop/policy-unbound.ts';

const { values } = parseArgs({
  options: {
    zsk: { type: 'string', default: '100' },
    ksk: { type: 'string', default: '20' },
    directory: { type: 'string' },
    minutes: { type: 'string', default: '60' },
  },
});
const result = await runRollovers({
  maker: 'ours',
  zsk: Number(values.zsk),
  ksk: Number(values.ksk),
  lifetimes: { zsk: 16, ksk: 80 },
  most: 60 * Number(values.minutes),
  directory: values.directory,
  report: (text) => console.log(`${new Date().toISOString()} ${text}`),
});
console.log(JSON.stringify(result, null, 2));
process.exit(result.failures.length > 0 ? 1 : result.isFinished ? 0 : 2);
