/** JPEG files of every kind, sound or broken, made byte by byte: each block of 8×8 has one value. */
import { joined } from "./png-file.ts";

export interface JpegKind {
  readonly width: number;
  readonly height: number;
  /** 1: grey; 3: luma and two chromas, or RGB; 4: inks. */
  readonly components: 1 | 3 | 4;
  /** Samples of a block, 0 to 255, as the file has them. */
  readonly block: (column: number, row: number) => readonly number[];
  /** The chromas have one block for 2×2 of luma. */
  readonly subsampled?: boolean;
  readonly progressive?: boolean;
  /** Units between restart markers; not in progressive files here. */
  readonly restart?: number;
  /** EXIF's orientation; little-endian where `exifLittle`. */
  readonly orientation?: number;
  readonly exifLittle?: boolean;
  /** The colour transform of Adobe's segment: 0 none, 1 YCbCr, 2 YCCK. */
  readonly adobe?: number;
  /** Second byte of the frame's marker; default baseline or progressive. */
  readonly frame?: number;
  readonly precision?: number;
}

const word = (value: number) => [value >>> 8, value & 255];

/** A segment with its marker and length. */
export function segment(code: number, data: readonly number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0xff, code, ...word(data.length + 2), ...data);
}

const ascii = (text: string) => Array.from(text, (letter) => letter.charCodeAt(0));

function exif(orientation: number, little: boolean): Uint8Array<ArrayBuffer> {
  const two = (value: number) => (little ? word(value).reverse() : word(value));
  const four = (value: number) => (little ? [...two(value), 0, 0] : [0, 0, ...two(value)]);
  const entry = (tag: number, value: number) => [
    ...two(tag),
    ...two(3),
    ...four(1),
    ...two(value),
    0,
    0,
  ];
  const entries = [entry(0x100, 9), entry(0x112, orientation)];
  const directory = [...two(entries.length), ...entries.flat(), ...four(0)];
  return segment(0xe1, [
    ...ascii("Exif"),
    0,
    0,
    ...ascii(little ? "II" : "MM"),
    ...two(42),
    ...four(8),
    ...directory,
  ]);
}

/** A whole file, to its end marker. */
export function jpegFile(kind: JpegKind): Uint8Array<ArrayBuffer> {
  const { width, height, components, subsampled, progressive, restart, adobe } = kind;
  const ids = Array.from({ length: components }, (_, i) => i + 1);
  const factor = (id: number) => (subsampled && id === 1 ? 0x22 : 0x11);
  // 12 codes of 4 bits: the number of bits of a difference.
  const lengths = (...counts: number[]) => [...counts, ...Array(16 - counts.length).fill(0)];
  const differences = [0x00, ...lengths(0, 0, 0, 12), ...Array(12).keys()];
  // One code of one bit: the rest of the block is 0.
  const rest = [0x10, ...lengths(1), 0];
  return joined([
    Uint8Array.of(0xff, 0xd8),
    ...(kind.orientation === undefined ? [] : [exif(kind.orientation, kind.exifLittle ?? false)]),
    ...(adobe === undefined ? [] : [segment(0xee, [...ascii("Adobe"), 0, 100, 0, 0, 0, 0, adobe])]),
    segment(0xdb, [0, ...Array(64).fill(1)]),
    segment(kind.frame ?? (progressive ? 0xc2 : 0xc0), [
      kind.precision ?? 8,
      ...word(height),
      ...word(width),
      components,
      ...ids.flatMap((id) => [id, factor(id), 0]),
    ]),
    segment(0xc4, differences),
    segment(0xc4, rest),
    ...(restart ? [segment(0xdd, word(restart))] : []),
    segment(0xda, [components, ...ids.flatMap((id) => [id, 0]), 0, progressive ? 0 : 63, 0]),
    scan(kind),
    ...(progressive && !subsampled ? ids.flatMap((id) => emptyScan(id, width, height)) : []),
    Uint8Array.of(0xff, 0xd9),
  ]);
}

/** The coded data: the mean of each block as a difference from that before. */
function scan({ width, height, components, block, subsampled, progressive, restart }: JpegKind) {
  const out: number[] = [];
  const side = subsampled ? 16 : 8;
  const luma = subsampled
    ? [
        [0, 0],
        [1, 0],
        [0, 1],
        [1, 1],
      ]
    : [[0, 0]];
  const units = { across: Math.ceil(width / side), down: Math.ceil(height / side) };
  let bits = "";
  let before: number[] = Array(components).fill(0);
  const flush = () => {
    while (bits.length % 8 !== 0) bits += "1";
    for (let i = 0; i < bits.length; i += 8) {
      const byte = Number.parseInt(bits.slice(i, i + 8), 2);
      out.push(byte, ...(byte === 255 ? [0] : []));
    }
    bits = "";
  };
  const put = (component: number, value: number) => {
    const now = 8 * (value - 128);
    const difference = now - before[component]!;
    before[component] = now;
    const size = difference === 0 ? 0 : Math.floor(Math.log2(Math.abs(difference))) + 1;
    const coded = difference < 0 ? difference + 2 ** size - 1 : difference;
    bits += size.toString(2).padStart(4, "0");
    if (size > 0) bits += coded.toString(2).padStart(size, "0");
    if (!progressive) bits += "0";
  };
  for (let unit = 0; unit < units.across * units.down; unit++) {
    if (restart && unit > 0 && unit % restart === 0) {
      flush();
      out.push(0xff, 0xd0 + ((unit / restart - 1) % 8));
      before = Array(components).fill(0);
    }
    const [x, y] = [unit % units.across, Math.floor(unit / units.across)];
    const times = subsampled ? 2 : 1;
    for (let component = 0; component < components; component++) {
      for (const [right = 0, down = 0] of component === 0 ? luma : [[0, 0]]) {
        put(component, block(times * x + right, times * y + down)[component]!);
      }
    }
  }
  flush();
  return Uint8Array.from(out);
}

/** A later scan of a component: each of its blocks ends at once, so that all that was open is 0. */
function emptyScan(id: number, width: number, height: number): Uint8Array[] {
  const blocks = Math.ceil(width / 8) * Math.ceil(height / 8);
  const coded = "0".repeat(blocks).padEnd(8 * Math.ceil(blocks / 8), "1");
  const bytes = coded.match(/.{8}/g) ?? [];
  return [
    segment(0xda, [1, id, 0, 1, 63, 0]),
    Uint8Array.from(bytes.map((bits) => Number.parseInt(bits, 2))),
  ];
}
