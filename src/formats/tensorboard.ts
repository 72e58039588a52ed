import { joinBytes } from "./bytes.ts";
import { crc32c } from "./crc.ts";

/**
 * TensorBoard's event files: records of [length u64, its checksum, data, its checksum], little-endian,
 * whose data are `Event` messages of protocol buffers. Formats: tensorflow/core/lib/io/record_writer,
 * tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto.
 */

/** A picture of an event. */
export interface EventImage {
  readonly width: number;
  readonly height: number;
  readonly png: Uint8Array;
}

/** The record that a file begins with. `time`: seconds since 1970. */
export function versionRecord(time: number): Uint8Array {
  return frame(joinBytes([double(1, time), text(3, "brain.Event:2")]));
}

/** One record with numbers and pictures of a step, by their tags. */
export function summaryRecord(
  time: number,
  step: number,
  scalars: Readonly<Record<string, number>>,
  images: Readonly<Record<string, EventImage>> = {},
): Uint8Array {
  const values = [
    ...Object.entries(scalars).map(([tag, value]) => joinBytes([text(1, tag), float(2, value)])),
    ...Object.entries(images).map(([tag, image]) =>
      joinBytes([text(1, tag), bytes(4, picture(image))]),
    ),
  ];
  const summary = joinBytes(values.map((value) => bytes(1, value)));
  return frame(joinBytes([double(1, time), integer(2, step), bytes(5, summary)]));
}

/**
 * The records of a file that hold pictures of steps up to `step`. What is not whole, behind a crash, is
 * left out.
 */
export function pictureRecords(file: Uint8Array, step: number): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const found: Uint8Array[] = [];
  for (let at = 0; at + 16 <= file.length; ) {
    const length = view.getUint32(at, true);
    const data = file.subarray(at + 12, at + 12 + length);
    const whole = view.getUint32(at + 4, true) === 0 && at + 16 + length <= file.length;
    if (!whole || view.getUint32(at + 12 + length, true) !== maskedCrc(data)) break;
    const event = fieldsOf(data);
    const summary = event.get(5);
    const pictured = summary instanceof Uint8Array && hasPicture(summary);
    if (pictured && Number(event.get(2) ?? 0) <= step)
      found.push(file.subarray(at, at + 16 + length));
    at += 16 + length;
  }
  return found;
}

function hasPicture(summary: Uint8Array): boolean {
  const value = fieldsOf(summary).get(1);
  return value instanceof Uint8Array && fieldsOf(value).has(4);
}

/** Summary.Image: height, width, colour space (3: RGB), the encoded picture. */
function picture({ width, height, png }: EventImage): Uint8Array {
  return joinBytes([integer(1, height), integer(2, width), integer(3, 3), bytes(4, png)]);
}

function frame(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(16 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length, true);
  view.setUint32(8, maskedCrc(out.subarray(0, 8)), true);
  out.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return out;
}

// ---- protocol buffers: a field is its key (number · 8 + wire type), then its value -------------

function integer(field: number, value: number): Uint8Array {
  return joinBytes([varint(field * 8), varint(value)]);
}

function double(field: number, value: number): Uint8Array {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setFloat64(0, value, true);
  return joinBytes([varint(field * 8 + 1), number]);
}

function float(field: number, value: number): Uint8Array {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setFloat32(0, value, true);
  return joinBytes([varint(field * 8 + 5), number]);
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return joinBytes([varint(field * 8 + 2), varint(value.length), value]);
}

function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}

/** Seven bits a byte, the lowest first; the top bit says that more follow. */
function varint(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return Uint8Array.from([...out, rest]);
}

/** The last value of each field: a whole number, bytes, or undefined for a float. */
function fieldsOf(message: Uint8Array): Map<number, number | Uint8Array | undefined> {
  const found = new Map<number, number | Uint8Array | undefined>();
  let at = 0;
  const number = () => {
    let value = 0;
    for (let scale = 1; at < message.length; scale *= 128) {
      const byte = message[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < message.length) {
    const key = number();
    const [field, type] = [Math.floor(key / 8), key % 8];
    if (type === 0) found.set(field, number());
    else if (type === 2) {
      const length = number();
      found.set(field, message.subarray(at, at + length));
      at += length;
    } else {
      found.set(field, undefined);
      at += type === 1 ? 8 : 4;
    }
  }
  return found;
}

// ---- checksums ---------------------------------------------------------------------------------

/** Rotated and shifted, as the format wants: checksums of data that hold checksums are no good. */
function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
