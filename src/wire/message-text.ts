import { latin1Text, toHex } from '../base/octets.ts';
import { classText } from './class-text.ts';
import { opcodeText, rcodeText } from './code-text.ts';
import {
  clientSubnetText,
  decodeClientSubnet,
  decodeKeepalive,
  EDNS_OPTION,
  type Edns,
  type EdnsOption,
} from './edns.ts';
import { decodeExtendedError, extendedErrorText } from './extended-error.ts';
import { FLAG } from './header.ts';
import type { Message, ResourceRecord } from './message.ts';
import { nameToText } from './name-text.ts';
import { recordTypeInClass } from './rdata/registry.ts';
import { MalformedError } from './reader.ts';
import { EDNS_OPTIONS } from './tables/edns-options.ts';
import { typeText } from './type-text.ts';
import { OPCODE } from './type-codes.ts';

/** A message as dig prints it, for logs and tools. UPDATE's sections have their own names (RFC 2136 section 2). */
export function messageToText(message: Message): string {
  const names = message.opcode === OPCODE.UPDATE ? UPDATE_SECTIONS : QUERY_SECTIONS;
  const counts = [message.questions, message.answers, message.authorities, message.additionals];
  const extra = (message.edns ? 1 : 0) + (message.tsig ? 1 : 0);
  const lines = [
    `;; ->>HEADER<<- opcode: ${opcodeText(message.opcode)}, status: ${rcodeText(message.rcode)}, id: ${message.id}`,
    `;; flags:${flagsText(message.flags)}; ` +
      counts.map((records, i) => `${names[i]}: ${records.length + (i === 3 ? extra : 0)}`).join(', '),
  ];
  if (message.edns) lines.push('', ';; OPT PSEUDOSECTION:', ...ednsLines(message.edns));
  if (message.questions.length > 0) {
    const title = names === QUERY_SECTIONS ? 'QUESTION' : names[0];
    lines.push(message.edns ? `;; ${title} SECTION:` : `\n;; ${title} SECTION:`);
    for (const { name, type, class: klass } of message.questions)
      lines.push(`;${nameToText(name)}\t\t${classText(klass)}\t${typeText(type)}`);
  }
  [message.answers, message.authorities, message.additionals].forEach((records, i) => {
    if (records.length > 0) lines.push('', `;; ${names[i + 1]} SECTION:`, ...records.map(recordToText));
  });
  if (message.tsig) lines.push('', ';; TSIG PSEUDOSECTION:', recordToText(message.tsig.record));
  return `${lines.join('\n')}\n`;
}

const QUERY_SECTIONS = ['QUERY', 'ANSWER', 'AUTHORITY', 'ADDITIONAL'];
const UPDATE_SECTIONS = ['ZONE', 'PREREQUISITE', 'UPDATE', 'ADDITIONAL'];

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [FLAG.QR, 'qr'],
  [FLAG.AA, 'aa'],
  [FLAG.TC, 'tc'],
  [FLAG.RD, 'rd'],
  [FLAG.RA, 'ra'],
  [FLAG.AD, 'ad'],
  [FLAG.CD, 'cd'],
];

function flagsText(flags: number): string {
  return FLAG_NAMES.map(([bit, name]) => (flags & bit ? ` ${name}` : '')).join('');
}

/** One record on one line: owner, TTL, class, type and RDATA apart by tabs. */
function recordToText(record: ResourceRecord): string {
  const type = recordTypeInClass(record.type, record.class);
  // UPDATE has records without RDATA, which no type can print.
  const rdata = record.rdata.length === 0 && record.class !== 1 ? '' : `\t${type.toText(record.rdata)}`;
  return `${nameToText(record.owner)}\t${record.ttl}\t${classText(record.class)}\t${type.mnemonic}${rdata}`;
}

function ednsLines(edns: Edns): string[] {
  const head = `; EDNS: version: ${edns.version}, flags:${edns.dnssecOk ? ' do' : ''}; udp: ${edns.udpSize}`;
  return [head, ...edns.options.map(optionText)];
}

const OPTION_NAMES = new Map(EDNS_OPTIONS);

/** "; COOKIE: 0123456789abcdef", as dig has it; data that are malformed are shown as they are. */
function optionText(option: EdnsOption): string {
  const name = OPTION_NAMES.get(option.code) ?? `OPT=${option.code}`;
  const data = optionDataText(option);
  return data === '' ? `; ${name}` : `; ${name}: ${data}`;
}

function optionDataText({ code, data }: EdnsOption): string {
  try {
    switch (code) {
      case EDNS_OPTION.CLIENT_SUBNET:
        return clientSubnetText(decodeClientSubnet(data));
      case EDNS_OPTION.EDE:
        return extendedErrorText(decodeExtendedError(data));
      case EDNS_OPTION.TCP_KEEPALIVE: {
        const seconds = decodeKeepalive(data);
        return seconds === undefined ? '' : `${seconds.toFixed(1)} secs`;
      }
      case EDNS_OPTION.PAD:
        return `(${data.length} bytes)`;
      case EDNS_OPTION.NSID:
        return data.length === 0 ? '' : `${spacedHex(data)} ("${latin1Text(data).replace(/[^ -~]/g, '.')}")`;
      default:
        return code === EDNS_OPTION.COOKIE ? toHex(data) : spacedHex(data);
    }
  } catch (error) {
    if (error instanceof MalformedError) return `${spacedHex(data)} (${error.message})`;
    throw error;
  }
}

function spacedHex(data: Uint8Array): string {
  return Array.from(data, (octet) => octet.toString(16).padStart(2, '0')).join(' ');
}
