import type { Planner } from './daemon.ts';
import type { History } from './history.ts';
import { watchHistory, type Failure, type World } from './run-history.ts';

/** What happened in histories: one in which nothing happens proves nothing. */
export class Tally {
  readonly counts = {
    'the zone became secure': 0,
    'the DS RRset led to another key': 0,
    'the DS RRset led to another algorithm': 0,
    'another key signed the zone': 0,
    'a signed zone became unsigned': 0,
    'the daemon was killed while it wrote': 0,
    'a cache held more than one version of each RRset': 0,
  };

  run(history: History, planner: Planner): Failure | undefined {
    let before: Situation | undefined;
    const { failure } = watchHistory(history, planner, {
      note: (world, what) => {
        const now = situationOf(world);
        if (before !== undefined) this.#compare(before, now);
        before = now;
        if (what().includes('is killed')) this.counts['the daemon was killed while it wrote']++;
      },
    });
    return failure;
  }

  #compare(before: Situation, now: Situation): void {
    const { counts } = this;
    if (before.ds === '' && now.ds !== '') counts['the zone became secure']++;
    if (before.ds !== '' && now.ds !== '' && now.ds !== before.ds) counts['the DS RRset led to another key']++;
    if (before.algorithms !== '' && now.algorithms !== '' && now.algorithms !== before.algorithms)
      counts['the DS RRset led to another algorithm']++;
    if (before.signers !== '' && now.signers === '') counts['a signed zone became unsigned']++;
    if (before.signers !== '' && now.signers !== '' && now.signers !== before.signers)
      counts['another key signed the zone']++;
    if (now.isMixed && !before.isMixed) counts['a cache held more than one version of each RRset']++;
  }
}

interface Situation {
  readonly ds: string;
  readonly algorithms: string;
  readonly signers: string;
  readonly isMixed: boolean;
}

function situationOf({ zone, parent, now }: World): Situation {
  const list = (items: readonly (string | number)[]): string => [...new Set(items)].join();
  const rrsets = [parent.ds, zone.dnskey, zone.lanes[0].served];
  return {
    ds: list(parent.keys.map(({ id }) => id)),
    algorithms: list(parent.keys.map(({ algorithm }) => algorithm)),
    signers: list(zone.lanes[0].signers.map(({ id }) => id)),
    isMixed: rrsets.every((versions) => versions.inCaches(now).length > 1),
  };
}
