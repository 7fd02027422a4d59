import path from 'node:path';

/** File names in a directory, or undefined when there is no such directory. */
export type ListDirectory = (directory: string) => readonly string[] | undefined;

/**
 * The files that the operand of `include` means, sorted. Without a wildcard that is the name itself. `*`, `?` and `[...]`
 * match inside one path component and never a leading dot, as glob(3).
 */
export function expandIncludePattern(pattern: string, list: ListDirectory): string[] {
  if (!hasWildcard(pattern)) return [pattern];
  let found = [path.isAbsolute(pattern) ? '/' : ''];
  for (const component of pattern.split('/').filter((part) => part !== '')) {
    if (!hasWildcard(component)) found = found.map((base) => path.join(base, component));
    else found = found.flatMap((base) => matching(base, component, list));
  }
  return found.sort();
}

function matching(base: string, component: string, list: ListDirectory): string[] {
  const names = list(base) ?? [];
  const visible = names.filter((name) => component.startsWith('.') || !name.startsWith('.'));
  return visible.filter((name) => matchesComponent(component, name)).map((name) => path.join(base, name));
}

function hasWildcard(text: string): boolean {
  return /[*?[]/.test(text);
}

/** Matches with one point to return to, so that the work is at most the product of the lengths. */
export function matchesComponent(pattern: string, name: string): boolean {
  let p = 0;
  let n = 0;
  let starAt = -1;
  let starName = 0;
  while (n < name.length) {
    const step = p < pattern.length ? matchOne(pattern, p, name[n]) : 0;
    if (pattern[p] === '*') {
      starAt = p++;
      starName = n;
    } else if (step > 0) {
      p += step;
      n++;
    } else if (starAt >= 0) {
      p = starAt + 1;
      n = ++starName;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** How many characters of the pattern match this one character; 0 when it does not match. */
function matchOne(pattern: string, at: number, character: string): number {
  if (pattern[at] === '?') return 1;
  if (pattern[at] !== '[') return pattern[at] === character ? 1 : 0;
  const negated = pattern[at + 1] === '!' || pattern[at + 1] === '^';
  const first = at + (negated ? 2 : 1);
  const close = pattern.indexOf(']', first + 1);
  if (close < 0) return character === '[' ? 1 : 0;
  let inside = false;
  for (let i = first; i < close; i++) {
    const isRange = pattern[i + 1] === '-' && i + 2 < close;
    const last = isRange ? pattern[i + 2] : pattern[i];
    if (character >= pattern[i] && character <= last) inside = true;
    if (isRange) i += 2;
  }
  return inside !== negated ? close - at + 1 : 0;
}
