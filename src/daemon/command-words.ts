/**
 * The words of a command line of the control channel: separated by white space; double quotes keep a word together.
 * undefined when a quote is not closed.
 */
export function commandWords(line: string): string[] | undefined {
  const words: string[] = [];
  const pattern = /\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))/gy;
  let at = 0;
  for (let match = pattern.exec(line); match !== null; match = pattern.exec(line)) {
    words.push(match[1] === undefined ? match[2] : match[1].replace(/\\(["\\])/g, '$1'));
    at = pattern.lastIndex;
  }
  return line.slice(at).trim() === '' ? words : undefined;
}
