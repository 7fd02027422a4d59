/** The zones that all benchmarks use, made by script so that every machine has the same. */
import fs from 'node:fs';

export const BENCH_ZONE = 'bench.example';

/** Writes BENCH_ZONE with `names` hosts of one A record each; with another `serial` all addresses are others. */
export function writeHostZone(file: string, names: number, serial = 1): void {
  const lines = [
    `$ORIGIN ${BENCH_ZONE}.`,
    '$TTL 3600',
    `@ IN SOA ns1 hostmaster ${serial} 3600 900 1209600 3600`,
    '@ IN NS ns1',
    '@ IN NS ns2',
    'ns1 IN A 192.0.2.1',
    'ns2 IN A 192.0.2.2',
  ];
  for (let i = 0; i < names; i++)
    lines.push(`host-${String(i).padStart(6, '0')} IN A ${9 + serial}.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`);
  fs.writeFileSync(file, `${lines.join('\n')}\n`);
}

/** Writes BENCH_ZONE as a registry has it: `delegations` children with two name servers each, glue for every second. */
export function writeDelegationZone(file: string, delegations: number): void {
  const out = fs.openSync(file, 'w');
  fs.writeSync(out, `$ORIGIN ${BENCH_ZONE}.\n$TTL 3600\n@ IN SOA ns1 hostmaster 1 3600 900 1209600 3600\n`);
  fs.writeSync(out, '@ IN NS ns1\nns1 IN A 192.0.2.1\n');
  for (let i = 0; i < delegations; i++) {
    const child = `child-${String(i).padStart(7, '0')}`;
    const server = i % 2 === 0 ? `ns.${child}` : 'ns1.provider.example.';
    fs.writeSync(out, `${child} IN NS ${server}\n${child} IN NS ns2.provider.example.\n`);
    if (i % 2 === 0) fs.writeSync(out, `ns.${child} IN A 10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}\n`);
    if (i % 10 === 0) fs.writeSync(out, `${child} IN DS ${i % 65536} 13 2 ${i.toString(16).padStart(64, '0')}\n`);
  }
  fs.closeSync(out);
}
