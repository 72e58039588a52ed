import { joinBytes } from "../data/bytes.ts";
import { crc32c } from "../data/crc.ts";

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

// ---- checksums ---------------------------------------------------------------------------------

/** Rotated and shifted, as the format wants: checksums of data that hold checksums are no good. */
function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
