import { checkKeyStores } from '../conf/check/key-stores.ts';
import { checkPolicies } from '../conf/check/policies.ts';
import type { DnssecPolicy, PolicyKey } from '../conf/configuration.ts';
import { DEFAULT_POLICY } from '../conf/defaults.ts';
import { FaultList, formatFault } from '../conf/fault.ts';
import { namedConfClauses } from '../conf/grammar/named-conf.ts';
import { readTree } from '../conf/syntax/read-tree.ts';
import { clausesNamed } from '../conf/syntax/tree.ts';
import { DNSKEY_FLAG } from '../crypto/dnskey.ts';
import type { KeyRequest } from '../keys/key-store.ts';
import type { KeyTimes } from '../keys/key-times.ts';
import { CLASS } from '../wire/type-codes.ts';
import type { Name } from '../wire/name.ts';
import { PROGRAM, type KeygenOptions } from './dnssec-keygen-options.ts';
import { Fatal, type KeyToolContext } from './key-tool.ts';

/**
 * One request for each key of the policy that -k names, in the policy's order. They get a state file.
 * @throws Fatal when there is no such policy, or the configuration has faults (all are printed before)
 */
export function policyRequests(
  options: KeygenOptions,
  zone: Name,
  times: (isKsk: boolean) => KeyTimes,
  context: KeyToolContext,
): KeyRequest[] {
  const policy = findPolicy(options, context);
  return policy.keys.map((key) => {
    const isKsk = key.role !== 'zsk';
    return {
      zone,
      algorithm: key.algorithm,
      flags: DNSKEY_FLAG.ZONE | (isKsk ? DNSKEY_FLAG.SEP : 0),
      bits: key.bits,
      ...(key.keyStore?.directory !== undefined && { directory: key.keyStore.directory }),
      ...(key.tagRange && { tagRange: key.tagRange }),
      ttl: policy.dnskeyTtl,
      times: times(isKsk),
      state: initialState(key),
      class: options.class === CLASS.IN ? undefined : options.class,
      labLegacy: options.labLegacy,
    };
  });
}

/** As BIND's dnssec-keygen leaves it: the server decides where the key stands when it first sees it. */
function initialState(key: PolicyKey): KeyRequest['state'] {
  return { lifetime: key.lifetime, ksk: key.role !== 'zsk', zsk: key.role !== 'ksk' };
}

function findPolicy(options: KeygenOptions, context: KeyToolContext): DnssecPolicy {
  const name = options.policy!;
  const policies = options.policyFile === undefined ? builtIn() : readPolicies(name, options.policyFile, context);
  const policy = policies.get(name);
  // `insecure` and `none` have no keys to make.
  if (!policy || policy.keys.length === 0) throw new Fatal(`failed to load dnssec-policy '${name}'`);
  return policy;
}

function builtIn(): ReadonlyMap<string, DnssecPolicy> {
  return new Map([[DEFAULT_POLICY.name, DEFAULT_POLICY]]);
}

/** The policies of a configuration file; the rest of it only has to be readable, as with BIND. */
function readPolicies(name: string, file: string, context: KeyToolContext): ReadonlyMap<string, DnssecPolicy> {
  const faults = new FaultList();
  const tree = readTree(file, namedConfClauses, {}, { disk: context.disk, faults });
  const stores = tree && checkKeyStores(clausesNamed(tree, 'key-store'), '.', { disk: context.disk, faults });
  const policies = tree && stores && checkPolicies(clausesNamed(tree, 'dnssec-policy'), stores, faults);
  for (const fault of faults.all) context.output.complain(`${PROGRAM}: ${fault.severity}: ${formatFault(fault)}\n`);
  if (!policies) throw new Fatal(`unable to load dnssec-policy '${name}' from '${file}'`);
  if (faults.hasErrors) throw new Fatal(`failed to configure dnssec-policy '${name}': failure`);
  return policies;
}
