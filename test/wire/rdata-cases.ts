import fs from 'node:fs';
import path from 'node:path';
import { typeCode } from '../../src/wire/type-text.ts';

/** One line of cases/rdata.txt: what a master file has behind the class. */
export interface RdataCase {
  readonly line: string;
  readonly mnemonic: string;
  readonly code: number;
  readonly text: string;
}

/** Good and bad records of every type. */
export function rdataCases(): RdataCase[] {
  const file = path.join(import.meta.dirname, 'cases/rdata.txt');
  const lines = fs.readFileSync(file, 'latin1').split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [mnemonic] = line.split(' ', 1);
      return { line, mnemonic, code: typeCode(mnemonic), text: line.slice(mnemonic.length + 1) };
    });
}
