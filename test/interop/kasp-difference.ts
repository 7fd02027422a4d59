/** Where two values differ, a line each: "path: only one: ..., only other: ...". Lists of texts are compared by what they hold. */
export function differences(one: unknown, other: unknown, path = ''): string[] {
  if (isTexts(one) && isTexts(other)) return listDifference(one, other, path);
  if (isObject(one) && isObject(other)) {
    const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
    return names.flatMap((name) => differences(one[name], other[name], `${path}/${name}`));
  }
  const texts = [one, other].map((value) => (value === undefined ? 'nothing' : JSON.stringify(value)));
  return texts[0] === texts[1] ? [] : [`${path}: ${texts[0]} <> ${texts[1]}`];
}

function listDifference(one: readonly string[], other: readonly string[], path: string): string[] {
  if (one.join('\n') === other.join('\n')) return [];
  const only = (some: readonly string[], rest: readonly string[]): string =>
    JSON.stringify(some.filter((text) => !rest.includes(text)));
  const sides = [only(one, other), only(other, one)];
  return [sides.every((side) => side === '[]') ? `${path}: another order` : `${path}: ${sides.join(' <> ')}`];
}

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
