import type { Attribute, AttributeChange } from '../device/crypto-device.ts';
import { HalStatus } from '../hal-status.ts';
import { UUID_OCTETS, uuidOctets, uuidText } from '../uuid.ts';
import { NO_VALUE, type XdrReader, type XdrWriter } from './xdr.ts';

/** One argument or result of a function: how it is written, and as what our code sees it. */
export interface Field<Value> {
  /** For docs/hsm-protocol.md. */
  readonly form: string;
  /** @param isBare values are left out, their lengths are not (what a client asks for by a room of 0 octets) */
  read(reader: XdrReader, isBare: boolean): Value;
  write(writer: XdrWriter, value: Value): void;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
export type ValuesOf<F> = { readonly [Name in keyof F]: F[Name] extends Field<infer Value> ? Value : never };

export const u32: Field<number> = {
  form: 'u32',
  read: (reader) => reader.u32(),
  write: (writer, value) => writer.u32(value),
};

/** A view of the message's octets. */
export const opaque: Field<Uint8Array> = {
  form: 'opaque',
  read: (reader) => reader.opaque(),
  write: (writer, value) => writer.opaque(value),
};

/** UTF-8. What is not is replaced on reading: texts come from the appliance, which the client trusts, or are checked by who takes them. */
export const text: Field<string> = {
  form: 'opaque (UTF-8)',
  read: (reader) => Buffer.from(reader.opaque()).toString('utf8'),
  write: (writer, value) => writer.opaque(Buffer.from(value, 'utf8')),
};

export const uuid: Field<string> = {
  form: 'opaque (16 octets)',
  read: (reader) => readUuid(reader),
  write: (writer, value) => writer.opaque(uuidOctets(value)),
};

/** Nothing, or a UUID. */
export const optionalUuid: Field<string | undefined> = {
  form: 'opaque (0 or 16 octets)',
  read(reader) {
    const octets = reader.opaque();
    return octets.length === 0 ? undefined : checkedUuid(reader, octets);
  },
  write: (writer, value) => writer.opaque(value === undefined ? new Uint8Array(0) : uuidOctets(value)),
};

export const uuids: Field<readonly string[]> = list('n, n x opaque (16 octets)', {
  read: (reader) => readUuid(reader),
  write: (writer, value) => writer.opaque(uuidOctets(value)),
});

export const texts: Field<readonly string[]> = list('n, n x opaque (UTF-8)', text);

/** Numbers of attributes (CKA_...). */
export const types: Field<readonly number[]> = list('n, n x u32', u32);

export const attributes: Field<readonly Attribute[]> = list('n, n x (type u32, opaque)', {
  read: (reader) => ({ type: reader.u32(), value: reader.opaque() }),
  write(writer, { type, value }) {
    writer.u32(type);
    writer.opaque(value);
  },
});

export const changes: Field<readonly AttributeChange[]> = list(
  'n, n x (type u32, opaque, or the word FFFFFFFF: the attribute goes away)',
  {
    read: (reader) => ({ type: reader.u32(), value: reader.opaqueOrNone() }),
    write(writer, { type, value }) {
      writer.u32(type);
      if (value === undefined) writer.u32(NO_VALUE);
      else writer.opaque(value);
    },
  },
);

/** Octets, or only how many there are. */
export interface Measured {
  readonly length: number;
  readonly value?: Uint8Array | undefined;
}

export const measured: Field<Measured> = {
  form: 'opaque, or only its length',
  read: readMeasured,
  write: writeMeasured,
};

export const measuredAttributes: Field<readonly (Measured & { readonly type: number })[]> = list(
  'n, n x (type u32, opaque, or only its length)',
  {
    read(reader, isBare) {
      const type = reader.u32();
      return { type, ...readMeasured(reader, isBare) };
    },
    write(writer, value) {
      writer.u32(value.type);
      writeMeasured(writer, value);
    },
  },
);

/** A partition and which of its PINs are set. */
export interface PartitionLine {
  readonly number: number;
  readonly label: string;
  /** Bit 0: user has a PIN; bit 1: so has one. */
  readonly pins: number;
}

export const partitionLines: Field<readonly PartitionLine[]> = list('n, n x (number u32, label opaque, PINs u32)', {
  read: (reader) => ({ number: reader.u32(), label: text.read(reader, false), pins: reader.u32() }),
  write(writer, { number, label, pins }) {
    writer.u32(number);
    text.write(writer, label);
    writer.u32(pins);
  },
});

/** A number, and so many items: at least one word each, so that no more than a message can hold are ever read. */
function list<Item>(
  form: string,
  item: Pick<Field<Item>, 'read' | 'write'> | Omit<Field<Item>, 'form'>,
): Field<readonly Item[]> {
  return {
    form,
    read(reader, isBare) {
      const items: Item[] = [];
      for (let left = reader.u32(); left > 0 && reader.fault === HalStatus.OK; left--)
        items.push(item.read(reader, isBare));
      return items;
    },
    write(writer, values) {
      writer.u32(values.length);
      for (const value of values) item.write(writer, value);
    },
  };
}

function readUuid(reader: XdrReader): string {
  return checkedUuid(reader, reader.opaque());
}

/** libhal: another length is KEY_NAME_TOO_LONG. */
function checkedUuid(reader: XdrReader, octets: Uint8Array): string {
  if (octets.length === UUID_OCTETS) return uuidText(octets);
  reader.fail(HalStatus.KEY_NAME_TOO_LONG);
  return '';
}

function readMeasured(reader: XdrReader, isBare: boolean): Measured {
  if (isBare) return { length: reader.u32() };
  const value = reader.opaque();
  return { length: value.length, value };
}

function writeMeasured(writer: XdrWriter, { length, value }: Measured): void {
  if (value === undefined) writer.u32(length);
  else writer.opaque(value);
}
