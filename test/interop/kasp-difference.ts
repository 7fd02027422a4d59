/** Where two values differ, as "path: one <> other", a line each. */
export function differences(one: unknown, other: unknown, path = ''): string[] {
  if (isObject(one) && isObject(other)) {
    const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
    return names.flatMap((name) => differences(one[name], other[name], `${path}/${name}`));
  }
  const texts = [one, other].map((value) => (value === undefined ? 'nothing' : JSON.stringify(value)));
  return texts[0] === texts[1] ? [] : [`${path}: ${texts[0]} <> ${texts[1]}`];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
