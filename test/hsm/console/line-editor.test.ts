import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineEditor, type Typed } from '../../../src/hsm/console/line-editor.ts';

/** A terminal of one endless line that knows what the editor sends: characters, backspace, CR LF, bell. */
class Screen {
  rows = [''];
  #column = 0;

  show(text: string): void {
    for (const character of text) {
      if (character === '\b') this.#column = Math.max(0, this.#column - 1);
      else if (character === '\r') this.#column = 0;
      else if (character === '\n') {
        this.rows.push('');
        this.#column = 0;
      } else if (character !== '\x07') {
        const row = Array.from(this.rows.at(-1)!);
        row[this.#column++] = character;
        this.rows[this.rows.length - 1] = row.join('');
      }
    }
  }

  get row(): string {
    return this.rows.at(-1)!;
  }
}

function editor(screen = new Screen()): { one: LineEditor; screen: Screen } {
  const one = new LineEditor({
    show: (text) => screen.show(text),
    complete: (line) =>
      line === 'sho' ? { line: 'show ', choices: ['show'] } : { line: undefined, choices: ['a', 'b'] },
  });
  one.begin(false);
  return { one, screen };
}

function type(one: LineEditor, text: string | Uint8Array): Typed[] {
  return [...Buffer.from(text)].flatMap((octet) => one.take(octet) ?? []);
}

test('S-423 what is shown is what is taken, wherever the cursor was, in chunks of any size', () => {
  const key = fc.oneof(
    fc.constantFrom('\x7f', '\b', '\x1b[C', '\x1b[D', '\x01', '\x05', '\x15', '\x1b[H', '\x1b[F', '\x1b[3~'),
    fc.constantFrom('a', 'b', ' ', 'ü', '漢', '😀'),
  );
  fc.assert(
    fc.property(fc.array(key, { maxLength: 60 }), (keys) => {
      const { one, screen } = editor();
      type(one, keys.join(''));
      const shown = screen.row.trimEnd();
      const [typed] = type(one, '\r');
      assert.ok(typed.kind === 'line');
      assert.equal(shown, typed.text.trimEnd());
    }),
    { seed: 423, numRuns: 2000 },
  );
});

test('a hidden line: octets as typed, a character of UTF-8 goes back as a whole, nothing is shown', () => {
  const { one, screen } = editor();
  one.begin(true);
  const [typed] = type(one, 'pä\x7f\x7fq\x1b[Aä\r');
  assert.ok(typed.kind === 'secret');
  assert.deepEqual(Buffer.from(typed.octets), Buffer.from('qä'));
  assert.equal(screen.rows.join('').trim(), '');
  const [next] = type(one, 'x\x15y\r');
  assert.ok(next.kind === 'secret' && Buffer.from(next.octets).toString() === 'y', 'the one before is gone');
});

test('a hidden line longer than any PIN is not cut into one', () => {
  const { one } = editor();
  one.begin(true);
  const [typed] = type(one, `${'x'.repeat(9000)}\r`);
  assert.ok(typed.kind === 'secret' && typed.octets.length === 4097);
});

test('each CR ends a line, CR LF too; Ctrl-C gives up', () => {
  const { one } = editor();
  const typed = type(one, 'one\rtwo\r\nthree\nfo\x03ur\r');
  assert.deepEqual(
    typed.map((line) => (line.kind === 'line' ? line.text : line.kind)),
    ['one', 'two', 'three', 'given up', 'ur'],
  );
});

test('history: up, down, back to what was begun; the same line once', () => {
  const { one, screen } = editor();
  for (const line of ['first', 'second', 'second']) one.remember(line);
  type(one, 'beg\x1b[A');
  assert.equal(screen.row.trimEnd(), 'second');
  type(one, '\x1b[A\x1b[A');
  assert.equal(screen.row.trimEnd(), 'first');
  type(one, '\x1b[B\x1b[B');
  assert.equal(screen.row.trimEnd(), 'beg');
});

test('completion: what is without doubt is typed, else the choices are listed and the line is shown again', () => {
  const { one, screen } = editor();
  type(one, 'sho\t');
  assert.equal(screen.row, 'show ');
  type(one, 'x\t');
  assert.equal(screen.row, 'show x');
  assert.ok(screen.rows.includes('a  b'));
});

test('random octets: bounded lines, nothing that begins a file transfer or moves a cursor away is shown', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), fc.boolean(), (octets, isHidden) => {
      let shown = '';
      const one = new LineEditor({
        show: (text) => (shown += text),
        complete: () => ({ line: undefined, choices: [] }),
      });
      one.begin(isHidden);
      for (const typed of type(one, octets)) if (typed.kind === 'line') assert.ok(typed.text.length <= octets.length);
      // eslint-disable-next-line no-control-regex
      assert.doesNotMatch(shown, /[\0-\x06\x0b\x0c\x0e-\x1f\x7f-\x9f]/);
    }),
    { seed: 1, numRuns: 2000 },
  );
});
