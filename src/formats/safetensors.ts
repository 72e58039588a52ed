import { checkObject, checkText, isNot } from "../gpu/arguments.ts";
import { CheckpointError, UsageError } from "../gpu/errors.ts";
import { anotherKind } from "./file-kinds.ts";
import { duplicateKey, isObject, nestsBeyond, quote, wordBesideStrings } from "./json.ts";
import { sha256 } from "./sha256.ts";

/**
 * The safetensors format: 8 bytes of header length (little-endian), a JSON header with the dtype,
 * shape and place of each tensor and a map of strings, then the values, without holes.
 */

/** Element types that are read and written here, with their typed arrays. */
const arrays = {
  F32: Float32Array,
  U32: Uint32Array,
  I32: Int32Array,
  U8: Uint8Array,
} as const satisfies Record<SafetensorsDType, unknown>;

/** Element types of safetensors files that are read and written here, as the format calls them. */
export type SafetensorsDType = "F32" | "U32" | "I32" | "U8";

/** Bytes of an element of the format's other types; there may be more that are not known here. */
const otherTypes: Readonly<Record<string, number>> = {
  ...{ BOOL: 1, I8: 1, F8_E4M3: 1, F8_E5M2: 1, F8_E8M0: 1 },
  ...{ I16: 2, U16: 2, F16: 2, BF16: 2 },
  ...{ I64: 8, U64: 8, F64: 8, C64: 8 },
};

/** A tensor of a file; `data` has the product of `shape` elements. */
export interface SafetensorsTensor {
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint32Array | Int32Array | Uint8Array;
}

/** What a file holds. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  /** Tensors of element types that are not read here: other writers' counters, say. */
  readonly unread: ReadonlyMap<
    string,
    { readonly dtype: string; readonly shape: readonly number[] }
  >;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Longest header that is read: that of a hundred thousand tensors. Parsed it takes some ten times as much. */
export const longestHeader = 2 ** 24;

/** Brackets within brackets: the header, an entry, its shape. */
const deepestHeader = 4;

/** More axes than any writer's arrays have. */
const mostAxes = 64;

/** SHA-256 over the values. */
const payloadHash = "payload_sha256";
/** SHA-256 over the JSON header, with this field's own value as 64 zeros. */
const headerHash = "header_sha256";
const noHash = "0".repeat(64);

/**
 * A file in the making. Its size is known before any values are: these go to their place as they come, since
 * a second copy of a large model would be much. Tensors come by falling element size and then by name, so the
 * same content has the same bytes and every tensor is aligned; both hashes are added to the metadata.
 */
export class SafetensorsFile {
  private readonly header: Record<string, unknown> = Object.create(null);
  private readonly strings: readonly (readonly [string, string])[];
  private readonly bytes: Uint8Array<ArrayBuffer>;
  private readonly text: Uint8Array<ArrayBuffer>;
  private readonly places = new Map<string, SafetensorsTensor["data"]>();

  /**
   * Throws CheckpointError for a shape that is none, and for a name that the format keeps for itself.
   *
   * @param tensors what there will be, by name
   */
  constructor(
    tensors: ReadonlyMap<string, Pick<SafetensorsTensor, "dtype" | "shape">>,
    metadata: Readonly<Record<string, string>> = {},
  ) {
    for (const key of [payloadHash, headerHash]) {
      if (Object.hasOwn(metadata, key)) throw new CheckpointError(`metadata "${key}" is reserved`);
    }
    const sorted = [...tensors].sort(
      ([a, x], [b, y]) =>
        arrays[y.dtype].BYTES_PER_ELEMENT - arrays[x.dtype].BYTES_PER_ELEMENT || compare(a, b),
    );
    this.strings = Object.entries(metadata).sort(([a], [b]) => compare(a, b));
    const { header } = this;
    header.__metadata__ = undefined; // first in the text, filled below
    let size = 0;
    for (const [name, { dtype, shape }] of sorted) {
      if (name === "__metadata__") throw new CheckpointError(`a tensor cannot be named "${name}"`);
      if (!isCounts(shape)) throw new CheckpointError(`tensor ${quote(name)}: ${shapeText(shape)}`);
      const end = size + byteSize(shape, arrays[dtype].BYTES_PER_ELEMENT);
      header[name] = { dtype, shape, data_offsets: [size, end] };
      size = end;
    }
    // Padded with spaces to 8 bytes, so that the values are aligned within the file.
    const length = Math.ceil(this.headerWith(noHash).length / 8) * 8;
    this.bytes = new Uint8Array(8 + length + size);
    new DataView(this.bytes.buffer).setUint32(0, length, true);
    this.text = this.bytes.subarray(8, 8 + length).fill(0x20);
    let at = 8 + length;
    for (const [name, { dtype, shape }] of sorted) {
      const count = byteSize(shape, 1);
      this.places.set(name, new arrays[dtype](this.bytes.buffer, at, count));
      at += byteSize(shape, arrays[dtype].BYTES_PER_ELEMENT);
    }
  }

  /** Where a tensor's values go. */
  place(name: string): SafetensorsTensor["data"] {
    return this.places.get(name)!;
  }

  /** The file, when all values are in their place. */
  async finish(): Promise<Uint8Array<ArrayBuffer>> {
    const { bytes, text } = this;
    text.set(this.headerWith(await sha256(bytes.subarray(8 + text.length))));
    writeHex(text, placeOfHeaderHash(text), await sha256(text));
    return bytes;
  }

  private headerWith(hash: string): Uint8Array {
    const { header, strings } = this;
    const hashes = [
      [payloadHash, hash],
      [headerHash, noHash],
    ] as const;
    header.__metadata__ = Object.fromEntries([...strings, ...hashes]);
    return new TextEncoder().encode(JSON.stringify(header));
  }
}

/**
 * Writes a file of tensors that are there. Throws UsageError for what is no map of tensors, CheckpointError for data that does not fit its shape or
 * dtype, and as `SafetensorsFile` does.
 */
export async function writeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const op = "writeSafetensors";
  if (!(tensors instanceof Map))
    throw new UsageError(`${op}: ${isNot("tensors", tensors, "a Map of tensors by their names")}`);
  checkObject(op, "metadata", metadata, []);
  for (const [key, text] of Object.entries(metadata)) checkText(op, `metadata["${key}"]`, text);
  for (const [name, tensor] of tensors) checkTensor(name, tensor);
  const file = new SafetensorsFile(tensors, metadata);
  for (const [name, { data }] of tensors) file.place(name).set(data);
  return file.finish();
}

/**
 * Reads a file strictly: a whole header within the cap, not too deep, without duplicate keys and with
 * plain whole numbers; shapes that agree with dtype and offsets, no hole, overlap or trailing byte; the
 * hashes are checked where the metadata has them. Tensors of types that are not read here are checked
 * likewise, as far as the size of their elements is known, and listed. Throws CheckpointError naming
 * `name` and the place, or what the file is instead.
 */
export async function readSafetensors(bytes: Uint8Array, name: string): Promise<Safetensors> {
  const op = "readSafetensors";
  if (!(bytes instanceof Uint8Array))
    throw new UsageError(`${op}: ${isNot("bytes", bytes, "a Uint8Array")}`);
  checkText(op, "name", name);
  const fail = (detail: string): never => {
    throw new CheckpointError(`${name}: ${detail}`);
  };
  const other = anotherKind(bytes, "safetensors");
  if (other !== undefined) fail(`this is ${other}, expected a safetensors file`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) fail(`${bytes.length} bytes, expected 8 bytes of header length`);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > longestHeader) {
    fail(`header length ${length} at byte 0 is above the ${longestHeader} that are read`);
  }
  if (length > bytes.length - 8) {
    fail(`ends after ${bytes.length} bytes, expected a header of ${length} bytes from byte 8 on`);
  }
  const header = bytes.subarray(8, 8 + length);
  const payload = bytes.subarray(8 + length);
  const { parsed, text } = parseHeader(header, fail);
  const entries = Object.entries(parsed);
  const metadata = readMetadata(entries, fail);
  const places: Place[] = [];
  for (const [tensor, value] of entries) {
    if (tensor === "__metadata__") continue;
    places.push({ tensor, ...readEntry(tensor, value, payload.length, fail) });
  }
  const word = wordBesideStrings(text);
  if (word !== undefined) fail(`header has ${quote(word)}, expected plain whole numbers`);
  checkPlaces(places, payload.length, 8 + length, fail);
  await checkHashes(metadata, header, payload, fail);
  // Copied only now: entries that overlap could ask for many times the file's size.
  const tensors = new Map<string, SafetensorsTensor>();
  const unread = new Map<string, { dtype: string; shape: readonly number[] }>();
  for (const { tensor, dtype, shape, begin, end } of places) {
    if (!isRead(dtype)) {
      unread.set(tensor, { dtype, shape });
      continue;
    }
    // A typed array must start at a multiple of its element size, which a file need not do.
    const { buffer } = new Uint8Array(payload.subarray(begin, end));
    tensors.set(tensor, { dtype, shape, data: new arrays[dtype](buffer) });
  }
  return { tensors, unread, metadata };
}

function isRead(dtype: string): dtype is SafetensorsDType {
  return Object.hasOwn(arrays, dtype);
}

type Fail = (detail: string) => never;

function parseHeader(header: Uint8Array, fail: Fail): { parsed: object; text: string } {
  let text: string;
  let parsed: unknown;
  if (header[0] !== 0x7b) fail("byte 8 is not the { that begins a header");
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header);
  } catch {
    return fail("header at byte 8 is not UTF-8");
  }
  // Before it is parsed: what a parser makes of many brackets is a hundred times as large.
  if (nestsBeyond(text, deepestHeader))
    fail(`header at byte 8 is nested deeper than ${deepestHeader} levels`);
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return fail(`header at byte 8 is not JSON (${reason.replace(/\s+/g, " ").slice(0, 120)})`);
  }
  const key = duplicateKey(text);
  if (key !== undefined) fail(`header has the key ${quote(key)} twice in one object`);
  return isObject(parsed) ? { parsed, text } : fail("header is not an object");
}

function readMetadata(entries: readonly [string, unknown][], fail: Fail): Record<string, string> {
  const metadata = entries.find(([key]) => key === "__metadata__")?.[1] ?? {};
  if (!isObject(metadata)) return fail("__metadata__ is not a map of strings");
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string") fail(`__metadata__ ${quote(key)} is not a string`);
  }
  return metadata as Record<string, string>;
}

/** dtype, shape and place of one tensor, each checked by itself. */
function readEntry(tensor: string, value: unknown, payloadBytes: number, fail: Fail) {
  const bad = (detail: string) => fail(`tensor ${quote(tensor)}: ${detail}`);
  if (!isObject(value)) return bad("its entry is not an object");
  for (const key of Object.keys(value)) {
    if (!["dtype", "shape", "data_offsets"].includes(key)) bad(`unknown field ${quote(key)}`);
  }
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (typeof dtype !== "string" || !/^[A-Z][A-Z0-9_]{0,15}$/.test(dtype)) {
    return bad(`dtype ${quote(dtype)}, expected a name such as F32`);
  }
  if (!isCounts(shape)) return bad(`shape ${quote(shape)}, expected whole numbers from 0 on`);
  if (shape.length > mostAxes) return bad(`${shape.length} axes, expected at most ${mostAxes}`);
  if (!isCounts(offsets) || offsets.length !== 2) {
    return bad(`data_offsets ${quote(offsets)}, expected two whole numbers from 0 on`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > payloadBytes) {
    return bad(
      `data_offsets ${begin} to ${end}, expected within the ${payloadBytes} bytes of values`,
    );
  }
  const element = isRead(dtype) ? arrays[dtype].BYTES_PER_ELEMENT : otherTypes[dtype];
  const size = element === undefined ? end - begin : byteSize(shape, element);
  if (size !== end - begin) {
    return bad(
      `shape ${shapeText(shape)} of ${dtype} is ${size} bytes, its data_offsets hold ${end - begin}`,
    );
  }
  return { dtype, shape, begin, end };
}

/** A shape, short enough for one line of an error. */
export function shapeText(shape: readonly number[]): string {
  return shape.length > 8 ? `[${shape.slice(0, 8).join(", ")}, …]` : `[${shape.join(", ")}]`;
}

/** Bytes that a shape takes; Infinity where a double no longer counts them. */
function byteSize(shape: readonly number[], element: number): number {
  if (shape.includes(0)) return 0;
  let size = element;
  for (const axis of shape) {
    size *= axis;
    if (!Number.isSafeInteger(size)) return Number.POSITIVE_INFINITY;
  }
  return size;
}

/** A tensor's entry in the header. */
interface Place {
  readonly tensor: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function checkPlaces(places: Place[], payloadBytes: number, payloadAt: number, fail: Fail): void {
  places.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { tensor, begin, end } of places) {
    if (begin !== at) {
      const what = begin > at ? "a hole before" : "an overlap with";
      fail(`${what} tensor ${quote(tensor)} at byte ${payloadAt + Math.min(at, begin)}`);
    }
    at = end;
  }
  if (at !== payloadBytes) {
    fail(`${payloadBytes - at} bytes from byte ${payloadAt + at} on belong to no tensor`);
  }
}

async function checkHashes(
  metadata: Record<string, string>,
  header: Uint8Array,
  payload: Uint8Array,
  fail: Fail,
): Promise<void> {
  const values = metadata[payloadHash];
  const own = metadata[headerHash];
  if (values !== undefined && (await sha256(payload)) !== values) {
    fail(`the values do not match the header's ${payloadHash}`);
  }
  if (own === undefined) return;
  const text = header.slice();
  const place = placeOfHeaderHash(text);
  const written = place < 0 ? "" : new TextDecoder().decode(text.subarray(place, place + 64));
  if (written === own) writeHex(text, place, noHash);
  if (written !== own || (await sha256(text)) !== own) {
    fail(`the header does not match its ${headerHash}`);
  }
}

/** Index of the value of the header's own hash: the last metadata field as the writer puts it. */
function placeOfHeaderHash(header: Uint8Array): number {
  const mark = `"${headerHash}":"`;
  const text = new TextDecoder("latin1").decode(header);
  const at = text.indexOf(mark);
  return at < 0 ? -1 : at + mark.length;
}

function writeHex(bytes: Uint8Array, at: number, hex: string): void {
  for (let i = 0; i < hex.length; i++) bytes[at + i] = hex.charCodeAt(i);
}

function checkTensor(name: string, { dtype, shape, data }: SafetensorsTensor): void {
  const fits =
    isCounts(shape) && byteSize(shape, arrays[dtype].BYTES_PER_ELEMENT) === data.byteLength;
  if (!fits || !(data instanceof arrays[dtype])) {
    throw new CheckpointError(
      `tensor ${quote(name)}: ${data.length} elements do not fit ${dtype} ${shapeText(shape)}`,
    );
  }
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/** By code unit, the same in every locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
