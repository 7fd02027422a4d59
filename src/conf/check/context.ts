import type { Disk } from '../../base/disk.ts';
import type { TextPosition } from '../../base/error.ts';
import type { AddressMatchList, DnssecPolicy } from '../configuration.ts';
import type { FaultList } from '../fault.ts';
import type { Clause, Value } from '../syntax/tree.ts';

/** What checking needs from the world. The disk is only looked at (directories that are named), never written. */
export interface CheckDependencies {
  readonly disk: Disk;
  readonly faults: FaultList;
  /** Name of the host, for `server-id hostname` and `hostname`. */
  readonly hostName: string;
  /** Text of version.bind when the configuration has no `version`. */
  readonly programVersion: string;
}

/** A list of servers by name: `primaries`, `masters`, `parental-agents`. */
export interface RemoteServerList {
  readonly servers: Value;
  readonly position: TextPosition;
}

/** What statements refer to by name. */
export interface CheckContext extends CheckDependencies {
  readonly directory: string;
  readonly acls: ReadonlyMap<string, Clause>;
  /** Lists that are already put in place of their names; shared by all who use them. */
  readonly resolvedAcls: Map<string, AddressMatchList>;
  /** Names of keys, in lower case without final dot. */
  readonly keyNames: ReadonlySet<string>;
  /** `primaries` and `masters`. */
  readonly remoteServers: ReadonlyMap<string, RemoteServerList>;
  /** `parental-agents`: their names are none of the others'. */
  readonly parentalAgents: ReadonlyMap<string, RemoteServerList>;
  /** Names of `tls` blocks. */
  readonly tlsNames: ReadonlySet<string>;
  /** Of servers that name none: `port` and `tls-port` of the options. */
  readonly defaultPorts: { readonly dns: number; readonly tls: number };
  readonly policies: ReadonlyMap<string, DnssecPolicy>;
}

/** Key names are domain names: their case and a final dot mean nothing. */
export function canonicalKeyName(name: string): string {
  return name.toLowerCase().replace(/(?<=.)\.$/, '');
}
