import type { DnssecPolicy } from '../conf/configuration.ts';
import { printPolicy } from '../conf/print-policy.ts';

/** Lines of a policy's block that another does not have in the same place of it; none when both say the same. */
export function policyChanges(from: DnssecPolicy, to: DnssecPolicy): string[] {
  const linesOf = (policy: DnssecPolicy): string[] =>
    printPolicy(policy)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  const [before, after] = [linesOf(from), linesOf(to)];
  return [
    ...before.filter((line) => !after.includes(line)).map((line) => `- ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ];
}
