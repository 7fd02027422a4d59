import { runZoneTool, type ZoneToolContext } from './zone-tool.ts';
import { processZoneToolContext } from './zone-tool-context.ts';

/** named-checkzone(1). @returns the exit code */
export function main(argv: readonly string[], context: ZoneToolContext): Promise<number> {
  return runZoneTool('named-checkzone', argv, context);
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2), processZoneToolContext());
