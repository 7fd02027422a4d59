import { isDeepStrictEqual } from 'node:util';
import type { ZonePicture } from './kasp-server.ts';

/* When pictures of two servers agree. What may differ is argued in docs/decisions/0017-key-states-beside-bind.md. */

export function agree(pictures: readonly ZonePicture[]): boolean {
  const [first, ...rest] = comparable(pictures);
  return rest.every((other) => isDeepStrictEqual(first, other));
}

/** True when both have come to the same, whenever it was: keys, states, records and signers, without times. */
export function agreeInTheEnd(pictures: readonly ZonePicture[]): boolean {
  const [first, ...rest] = comparable(pictures).map(withoutTimes);
  return rest.every((other) => isDeepStrictEqual(first, other));
}

/** The pictures without what may differ. */
export function comparable(pictures: readonly ZonePicture[]): ZonePicture[] {
  const buried = buriedBySome(pictures);
  const withoutBuried = <Value>(byLabel: Readonly<Record<string, Value>>): Record<string, Value> =>
    Object.fromEntries(Object.entries(byLabel).filter(([label]) => !buried.includes(label)));
  return pictures.map(({ files, shown, status }) => ({
    files: withoutBuried(files),
    shown: { ...shown, signers: withoutIdleHalves(shown.signers, files) },
    status: withoutBuried(status),
  }));
}

/** Keys that nobody shows any more and whose files only some have removed: BIND looks at purge-keys when it has something else to do. */
export function buriedBySome(pictures: readonly ZonePicture[]): string[] {
  const labels = new Set(pictures.flatMap(({ files }) => Object.keys(files)));
  return [...labels].filter((label) => {
    const left = pictures.flatMap(({ files }) => files[label] ?? []);
    const isHidden = ({ state }: { state: readonly string[] }): boolean =>
      state.filter((line) => /^(?:\w+State): /.test(line)).every((line) => line.endsWith(': hidden'));
    return left.length < pictures.length && left.every(isHidden);
  });
}

const KEY_TYPES = ['DNSKEY', 'CDS', 'CDNSKEY'];

/** BIND signs with both halves of a retired CSK until the last of them is no longer needed. */
function withoutIdleHalves(
  signers: ZonePicture['shown']['signers'],
  files: ZonePicture['files'],
): ZonePicture['shown']['signers'] {
  const isIdle = (label: string, record: string): boolean =>
    label.startsWith('CSK') &&
    (files[label]?.state ?? []).some(
      (line) => line === `${record}State: unretentive` || line === `${record}State: hidden`,
    );
  return Object.fromEntries(
    Object.entries(signers).map(([type, labels]) => [
      type,
      labels.filter((label) => !isIdle(label, KEY_TYPES.includes(type) ? 'KRRSIG' : 'ZRRSIG')),
    ]),
  );
}

function withoutTimes({ files, shown }: ZonePicture): unknown {
  const states = Object.entries(files).map(([label, { state }]) => [
    label,
    state.filter((line) => /^(?:Algorithm|Length|Lifetime|KSK|ZSK|Predecessor|Successor|\w+State): /.test(line)),
  ]);
  return { states: Object.fromEntries(states), shown };
}
