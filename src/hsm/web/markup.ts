/** A piece of HTML: what stands in it was written here or escaped. */
export class Markup {
  readonly text: string;

  /** @param text HTML as it is; use `html` for everything that comes from elsewhere */
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Markup | string | number | readonly (Markup | string | number)[];

/** html`<p>${text}</p>`: texts are escaped, markup and lists of it go in as they are. */
export function html(pieces: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(pieces.map((piece, i) => piece + (i < parts.length ? written(parts[i]) : '')).join(''));
}

export const NOTHING = new Markup('');

function written(part: Part): string {
  if (part instanceof Markup) return part.text;
  if (typeof part === 'object') return part.map(written).join('');
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
