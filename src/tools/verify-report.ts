import { algorithmText } from '../crypto/algorithm.ts';
import type { KeyCounts, ZoneVerdict } from '../validate/zone-verdict.ts';

/** How dnssec-signzone and dnssec-verify tell of a verdict. */
export interface ReportTo {
  /** Progress and result; not called when quiet. */
  report(text: string): void;
  complain(text: string): void;
}

/**
 * Prints a verdict in the lines of BIND 9.18: what was verified, each fault, and whether the zone is fully signed.
 * @param kskOnly -x: keys that need not sign are "present", not "stand-by"
 */
export function printVerdict(verdict: ZoneVerdict, kskOnly: boolean, to: ReportTo): void {
  if (!verdict.stoppedAtKeys) {
    to.report('Verifying the zone using the following algorithms:\n');
    for (const algorithm of verdict.algorithms) to.report(`- ${algorithmText(algorithm)}\n`);
  }
  for (const fault of verdict.faults) if (fault.severity === 'error') to.complain(`${fault.text}\n`);
  const unlisted = verdict.errorCount - verdict.faults.filter((fault) => fault.severity === 'error').length;
  if (unlisted > 0) to.complain(`and ${unlisted} more faults\n`);
  if (verdict.ok) printCounts(verdict, kskOnly, to);
  else if (!verdict.stoppedAtKeys) printIncomplete(verdict, to);
}

function printCounts(verdict: ZoneVerdict, kskOnly: boolean, to: ReportTo): void {
  to.report('Zone fully signed:\n');
  for (const { algorithm, ksks, zsks } of verdict.counts) {
    const head = `Algorithm: ${algorithmText(algorithm)}: `;
    to.report(`${head}KSKs: ${countsText(ksks, 'stand-by')}\n`);
    to.report(`${' '.repeat(head.length)}ZSKs: ${countsText(zsks, kskOnly ? 'present' : 'stand-by')}\n`);
  }
}

function countsText(counts: KeyCounts, idle: string): string {
  return `${counts.active} active, ${counts.standBy} ${idle}, ${counts.revoked} revoked`;
}

function printIncomplete(verdict: ZoneVerdict, to: ReportTo): void {
  if (verdict.incompleteAlgorithms.length > 0) {
    to.report('The zone is not fully signed for the following algorithms:\n');
    for (const algorithm of verdict.incompleteAlgorithms) to.report(` ${algorithmText(algorithm)}\n`);
    to.report('.\n');
  }
  to.report('DNSSEC completeness test failed.\n');
}
