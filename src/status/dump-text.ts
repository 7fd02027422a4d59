import { type Counter, occurred, type StatisticsSnapshot } from './snapshot.ts';

/**
 * What `rndc stats` appends to the statistics file: the sections and lines of BIND 9.18. Counters that are 0 are left
 * out, as there. Sections about recursion are there for programs that look for them; they have no lines.
 */
export function dumpText(snapshot: StatisticsSnapshot): string {
  const time = Math.floor(snapshot.currentTime / 1000);
  const views = snapshot.views.map(({ name }) => `[View: ${shownView(name)}]`);
  return [
    `+++ Statistics Dump +++ (${time})`,
    '++ Incoming Requests ++',
    ...counterLines(snapshot.opcodes),
    '++ Incoming Queries ++',
    ...counterLines(snapshot.queryTypes),
    '++ Outgoing Rcodes ++',
    ...counterLines(snapshot.responseCodes),
    '++ Outgoing Queries ++',
    ...views,
    '++ Name Server Statistics ++',
    ...counterLines(snapshot.nameServer),
    '++ Zone Maintenance Statistics ++',
    ...counterLines(snapshot.zoneMaintenance),
    '++ Resolver Statistics ++',
    '[Common]',
    ...views,
    '++ Cache Statistics ++',
    ...views,
    '++ Cache DB RRsets ++',
    ...views,
    '++ ADB stats ++',
    ...views,
    '++ Socket I/O Statistics ++',
    ...counterLines(snapshot.sockets),
    '++ Per Zone Query Statistics ++',
    ...zoneLines(snapshot),
    '++ Per Zone Glue Cache Statistics ++',
    `--- Statistics Dump --- (${time})`,
    '',
  ].join('\n');
}

const shownView = (name: string): string => (name === '_default' ? 'default' : name);

/** A number in twenty columns, a space, and what it counts. */
function counterLines(counters: readonly Counter[]): string[] {
  return occurred(counters).map(({ value, text }) => `${String(value).padStart(20)} ${text}`);
}

function zoneLines({ views }: StatisticsSnapshot): string[] {
  return views.flatMap(({ name: view, zones }) =>
    zones.flatMap((zone) => {
      const counters = zone.counters();
      if (counters === undefined) return [];
      const title = view === '_default' ? `[${zone.name}]` : `[${zone.name} (view: ${view})]`;
      return [title, ...counterLines(counters.nameServer)];
    }),
  );
}
