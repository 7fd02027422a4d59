import { randomBelow, type Random } from '../src/base/random.ts';
import { makeQuery, writeMessage } from '../src/wire/message.ts';
import { mustName } from '../src/wire/name-text.ts';
import { CLASS, TYPE } from '../src/wire/type-codes.ts';

/* Messages that nobody honest sends. */

const SIZES = [0, 1, 511, 512, 513, 1231, 1232, 1233, 4095, 4096, 4097, 9000, 65_535];

/** Makes malformed messages without end; the same ones for the same random numbers. */
export class Malformer {
  readonly #random: Random;
  readonly #names: readonly string[];
  readonly #makers: readonly (() => Uint8Array)[];

  /** @param names that the server has, to get behind the first checks */
  constructor(random: Random, names: readonly string[]) {
    this.#random = random;
    this.#names = names;
    this.#makers = [
      () => this.#octets(this.#below(600)),
      () => this.#octets(SIZES[this.#below(SIZES.length - 1)]),
      () => this.#mutated(this.#query()),
      () => this.#mutated(this.#query()),
      () => this.#cut(this.#query()),
      () => this.#withTail(this.#query()),
      () => this.#counts(this.#query()),
      () => this.#loop(),
      () => this.#longName(),
      () => this.#edns(),
      () => this.#edns(),
      () => this.#tsig(),
      () => this.#header(this.#query()),
      () => this.#header(this.#edns()),
      () => this.#question(this.#below(65_536), this.#below(65_536)),
      () => this.#question([TYPE.AXFR, TYPE.IXFR, 255, TYPE.OPT, TYPE.TSIG][this.#below(5)], CLASS.IN),
    ];
  }

  next(): Uint8Array {
    return this.#makers[this.#below(this.#makers.length)]();
  }

  #below(limit: number): number {
    return randomBelow(this.#random, limit);
  }

  #octets(length: number): Uint8Array {
    const octets = new Uint8Array(length);
    this.#random.fill(octets);
    return octets;
  }

  #question(type: number, classCode: number): Uint8Array {
    const name = mustName(this.#names[this.#below(this.#names.length)]);
    const edns = { udpSize: SIZES[this.#below(SIZES.length)], version: 0, dnssecOk: this.#below(2) > 0, options: [] };
    const id = this.#below(65_536);
    return writeMessage(makeQuery(id, { name, type, class: classCode }, 0, this.#below(4) > 0 ? edns : undefined));
  }

  #query(): Uint8Array {
    return this.#question([TYPE.A, TYPE.SOA, TYPE.NS, TYPE.DNSKEY, TYPE.TXT][this.#below(5)], CLASS.IN);
  }

  #mutated(octets: Uint8Array): Uint8Array {
    for (let left = 1 + this.#below(8); left > 0; left--) octets[this.#below(octets.length)] = this.#below(256);
    return octets;
  }

  #cut(octets: Uint8Array): Uint8Array {
    return octets.subarray(0, this.#below(octets.length));
  }

  #withTail(octets: Uint8Array): Uint8Array {
    return Buffer.concat([octets, this.#octets(1 + this.#below(200))]);
  }

  #counts(octets: Uint8Array): Uint8Array {
    for (let at = 4; at < 12; at += 2)
      if (this.#below(2) > 0) Buffer.from(octets.buffer, octets.byteOffset).writeUInt16BE(this.#below(65_536), at);
    return octets;
  }

  /** Any opcode, flags and response code. */
  #header(octets: Uint8Array): Uint8Array {
    octets[2] = this.#below(256);
    octets[3] = this.#below(256);
    return octets;
  }

  /** Names that point at themselves, ahead, at each other and out of the message (RFC 1035 section 4.1.4). */
  #loop(): Uint8Array {
    const pointers = Array.from({ length: 1 + this.#below(100) }, () => [0xc0 | this.#below(2), 12 + this.#below(60)]);
    return Uint8Array.from([
      this.#below(256),
      7,
      0,
      0,
      0,
      1,
      0,
      1,
      0,
      0,
      0,
      0,
      1,
      0x61,
      ...pointers.flat(),
      0,
      1,
      0,
      1,
    ]);
  }

  #longName(): Uint8Array {
    const labels: number[] = [];
    const length = [1, 2, 62, 63, 64, 255][this.#below(6)];
    while (labels.length < 240 + this.#below(40)) labels.push(length, ...this.#octets(length & 63));
    return Uint8Array.from([1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1]);
  }

  /** One OPT or more, with options whose lengths are wrong, in any section (RFC 6891 section 6.1.1). */
  #edns(): Uint8Array {
    const query = Buffer.from(writeMessage(makeQuery(3, { name: mustName(this.#names[0]), type: TYPE.A, class: 1 })));
    const opts = Array.from({ length: 1 + this.#below(3) }, () => {
      const options = Array.from({ length: this.#below(4) }, () => {
        const data = this.#octets(this.#below(60));
        const code = [3, 8, 9, 10, 11, 12, 15, this.#below(65_536)][this.#below(8)];
        const length = this.#below(3) > 0 ? data.length : this.#below(65_536);
        return Buffer.concat([Buffer.of(code >> 8, code & 255, length >> 8, length & 255), data]);
      });
      const rdata = Buffer.concat(options);
      const length = this.#below(4) > 0 ? rdata.length : this.#below(65_536);
      const owner = this.#below(8) > 0 ? [0] : [1, 0x61, 0];
      const ttl = this.#octets(4);
      if (this.#below(2) > 0) ttl[1] = 0; // the version
      return Buffer.concat([
        Buffer.of(...owner, 0, TYPE.OPT, ...this.#octets(2), ...ttl, length >> 8, length & 255),
        rdata,
      ]);
    });
    query.writeUInt16BE(opts.length, [10, 10, 10, 6, 8][this.#below(5)]);
    return Buffer.concat([query, ...opts]);
  }

  /** TSIG of keys that are not there, with fields that are too long, twice, or not at the end (RFC 8945 section 5.2). */
  #tsig(): Uint8Array {
    const query = Buffer.from(this.#query());
    const algorithm = [...mustName(['hmac-sha256.', 'hmac-md5.sig-alg.reg.int.', 'none.'][this.#below(3)])];
    const mac = this.#octets(this.#below(70));
    const macLength = this.#below(3) > 0 ? mac.length : this.#below(65_536);
    const end = [...this.#octets(2), 0, this.#below(30), 0, this.#below(3)];
    const rdata = Buffer.of(...algorithm, ...this.#octets(8), macLength >> 8, macLength & 255, ...mac, ...end);
    const head = [...mustName(['rndc-key.', 'nobody.'][this.#below(2)]), 0, TYPE.TSIG, 0, 255, 0, 0, 0, 0];
    const record = Buffer.concat([Buffer.of(...head, rdata.length >> 8, rdata.length & 255), rdata]);
    const records = Array.from({ length: 1 + this.#below(2) }, () => record);
    query.writeUInt16BE((query.readUInt16BE(10) + records.length) & 0xffff, 10);
    return Buffer.concat([query, ...records]);
  }
}
